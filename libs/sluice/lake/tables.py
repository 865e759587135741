"""The two tables of a dataset that people read: made as the contract says, widened when a newer minor adds columns."""

from __future__ import annotations

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError

from sluice.contract.arrow import arrow_type
from sluice.contract.model import Contract
from sluice.contract.types import parse_type
from sluice.errors import CommitUnknownError, ContractError
from sluice.lake.commit import Check, create_table, open_table, refusal, reopened
from sluice.lake.places import Places
from sluice.lake.quarantine import QUARANTINE_SCHEMA

HASH, RESCUED = "_record_hash", "_rescued"


def curated_schema(contract: Contract) -> pa.Schema:
    """The curated table's columns: the contract's, then the record's hash and what the contract does not know of.

    All are nullable: `required` is kept by quarantine, and a NOT NULL column could never be added later.
    """
    fields = [(column.name, arrow_type(parse_type(column.type))) for column in contract.columns]
    return pa.schema([*fields, (HASH, pa.binary()), (RESCUED, pa.string())])


def ensure_tables(places: Places, contract: Contract, check: Check) -> tuple[DeltaTable, DeltaTable]:
    """The curated and the quarantine table, fit for `contract`.

    Raises ContractError, before anything is written, where the table has what the contract would change or drop.
    """
    wanted = curated_schema(contract)
    table = open_table(places.curated)
    missing: list[str] = []
    if table is not None:
        missing = _missing(table, wanted, contract)
    else:
        words = f"{contract.dataset}, curated by sluice under contract {contract.version}"
        table = create_table(places.curated, wanted, contract.partition_columns, words, check)
    if missing:
        table = _widen(table, wanted, missing, check)
    refused = open_table(places.quarantine)
    if refused is None:
        words = f"records of {contract.dataset} that were refused, as received, with the reasons"
        refused = create_table(places.quarantine, QUARANTINE_SCHEMA, (), words, check)
    return table, refused


def check_fits(places: Places, contract: Contract) -> None:
    """Raise ContractError where the curated table that is there cannot take what `contract` promises."""
    table = open_table(places.curated)
    if table is not None:
        _missing(table, curated_schema(contract), contract)


def _missing(table: DeltaTable, wanted: pa.Schema, contract: Contract) -> list[str]:
    """Columns that the contract has and the table lacks; ContractError for every other difference."""
    there = {field.name: field.type for field in table.schema().fields}
    asked = {field.name: field.type for field in DeltaSchema.from_arrow(wanted).fields}
    problems = [
        f"{name}: the table has it as {there[name]}, the contract as {asked[name]}"
        for name in asked
        if name in there and there[name] != asked[name]
    ]
    problems += [f"{name}: the table has it, the contract does not" for name in there if name not in asked]
    partitions = tuple(table.metadata().partition_columns)
    if partitions != contract.partition_columns:
        problems.append(
            f"partition columns: the table has {list(partitions)}, the contract {list(contract.partition_columns)}"
        )
    if problems:
        hint = "such a change breaks readers: give it a new major version and a dataset of its own"
        raise ContractError(contract.path, [*problems, hint])
    return [name for name in asked if name not in there]


def _widen(table: DeltaTable, wanted: pa.Schema, missing: list[str], check: Check) -> DeltaTable:
    check()
    fields = [f for f in DeltaSchema.from_arrow(wanted).fields if f.name in missing]
    try:
        table.alter.add_columns(fields, commit_properties=CommitProperties(max_commit_retries=0))
    except (DeltaError, OSError) as error:
        again = reopened(table)
        if {field.name for field in again.schema().fields} < set(wanted.names):
            raise refusal(error, table.table_uri) or CommitUnknownError(
                f"{table.table_uri}: adding columns did not land; run again"
            ) from error
    return reopened(table)
