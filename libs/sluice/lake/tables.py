"""The two tables of a dataset that people read: made as the contract says, widened when a newer minor adds columns."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema

from sluice.contract.arrow import arrow_type
from sluice.contract.model import Contract
from sluice.contract.types import parse_type
from sluice.errors import ContractError
from sluice.lake.commit import Check, create_table, open_table
from sluice.lake.described import DATASET, QUARANTINE_COMMENTS, contract_comments, contract_properties, described
from sluice.lake.fits import problems
from sluice.lake.metadata import up_to_date
from sluice.lake.places import Places
from sluice.lake.quarantine import QUARANTINE_SCHEMA

HASH, RESCUED = "_record_hash", "_rescued"


def curated_schema(contract: Contract) -> pa.Schema:
    """The curated table's columns: the contract's, then the record's hash and what the contract does not know of.

    All are nullable: `required` is kept by quarantine, and a NOT NULL column could never be added later.
    """
    fields = [(column.name, arrow_type(parse_type(column.type))) for column in contract.columns]
    own = [(HASH, pa.binary()), (RESCUED, pa.string())] if contract.windows is None else []
    return described(pa.schema([*fields, *own]), contract_comments(contract))


def ensure_analysis(places: Places, contract: Contract, check: Check) -> DeltaTable:
    """The table of an analysis, fit for `contract`; see `ensure_tables`. There is no other: nothing is refused."""
    return _curated(places, contract, check, recorded=False)


def ensure_tables(
    places: Places, contract: Contract, check: Check, recorded: bool = False
) -> tuple[DeltaTable, DeltaTable]:
    """The curated and the quarantine table, fit for `contract`, with its comments and properties.

    `recorded`: it is the contract that a batch was planned under, and the table may have gone on since: it stays.
    Raises ContractError, before anything is written, where the table has what the contract would change or drop.
    """
    return _curated(places, contract, check, recorded), _quarantine(places, contract.dataset, check)


def check_fits(places: Places, contract: Contract) -> None:
    """Raise ContractError where the curated table that is there cannot take what `contract` promises."""
    table = open_table(places.curated)
    if table is not None:
        _check(table, curated_schema(contract), contract)


def _curated(places: Places, contract: Contract, check: Check, recorded: bool) -> DeltaTable:
    wanted, properties = curated_schema(contract), contract_properties(contract)
    table = open_table(places.curated)
    if table is None:
        made = "reckoned" if contract.windows else "curated"
        words = f"{contract.dataset}, {made} by sluice under contract {contract.version}"
        return create_table(places.curated, wanted, contract.partition_columns, words, check, properties)
    if recorded:
        return table
    _check(table, wanted, contract)
    return up_to_date(table, wanted, properties, check)


def _quarantine(places: Places, dataset: str, check: Check) -> DeltaTable:
    wanted, properties = described(QUARANTINE_SCHEMA, QUARANTINE_COMMENTS), {DATASET: dataset}
    table = open_table(places.quarantine)
    if table is None:
        words = f"records of {dataset} that were refused, as received, with the reasons"
        return create_table(places.quarantine, wanted, (), words, check, properties)
    return up_to_date(table, wanted, properties, check)


def _check(table: DeltaTable, wanted: pa.Schema, contract: Contract) -> None:
    found = problems(table, DeltaSchema.from_arrow(wanted), contract)
    if found:
        hint = "such a change breaks readers: give it a new major version and a dataset of its own"
        raise ContractError(contract.path, [*found, hint])
