"""`unknownFields: evolve`: fields that the contract does not name become part of it, from their first batch on.

::

    stage -> unknown fields that nobody has recorded? -> look at their values -> record them (`lake.evolved`)
          -> is one a column now (`evolveColumns`)? -> abandon the attempt, plan the batch again with it

An evolved contract is the contract with more raw fields and columns, and that is what the ledger records with a batch.
An evolved column has the type that its first batch fits. A later value that does not fit refuses no record and is not
lost: the column is NULL there and `_rescued` keeps the field as received, which is what happened to it before it was a
column. So a field's type depends on which batch came first, but no value does: column and `_rescued` together hold
everything. A field that the contract itself names is never an evolved one; to take an evolved column over, write it
into the contract with the type the table has, from then on a value of another type goes to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sluice.contract.build import fingerprint
from sluice.contract.fields import check_name
from sluice.contract.model import Column, Contract, RawField
from sluice.contract.problems import Problems
from sluice.contract.types import JSON, parse_type
from sluice.lake.commit import Check, DataFile
from sluice.lake.evolved import MOST_FIELDS, EvolvedField, EvolvedSchema, type_of
from sluice.lake.rescued import kinds_in
from sluice.lake.stage import Stage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ALL = "*"


@dataclass
class Evolution:
    """The evolved schema as this run knows it, and the contract that it makes of the given one."""

    given: Contract
    schema: EvolvedSchema

    @property
    def contract(self) -> Contract:
        """The given contract, with the fields that are recorded and named as raw fields and columns."""
        return evolved(self.given, self.schema.fields)

    def told(self) -> list[dict[str, Any]]:
        """The recorded fields for a run's summary."""
        columns = {field.name for field in self.contract.raw if field.evolved}
        return [{**vars(field), "column": field.name in columns} for field in self.schema.fields]

    def look(
        self, spark: Callable[[], SparkSession], table_uri: str, batch_id: str, stage: Stage, check: Check
    ) -> bool:
        """Record what fields a stage brings that nobody has recorded; whether one of them is a column of the table.

        Costs nothing where the readers met no such field, and one Spark job over `_rescued` where they did.
        """
        if self.given.unknown_fields != "evolve" or not _may_bring(self.given, self.schema, stage):
            return False
        new = _new_fields(self.given, self.schema, spark(), table_uri, stage.curated, batch_id)
        if not new:
            return False
        before = self.contract.fingerprint
        self.schema = self.schema.having(new, check)
        return self.contract.fingerprint != before


def evolved(contract: Contract, fields: Sequence[EvolvedField]) -> Contract:
    """`contract` with those of `fields` that its `evolveColumns` names and that it has not itself."""
    new = [field for field in fields if _is_column(contract, field.name)]
    if not new:
        return contract
    grown = replace(
        contract,
        raw=(*contract.raw, *(RawField(field.name, field.type, evolved=True) for field in new)),
        columns=(*contract.columns, *(_column(field) for field in new)),
    )
    return replace(grown, fingerprint=fingerprint(grown))


def _column(field: EvolvedField) -> Column:
    kind = "as JSON text" if field.type == JSON else "where it is of this type; else it is in _rescued"
    words = f"The raw field {field.name}, which the contract does not name, {kind}. First met in batch "
    return Column(field.name, parse_type(field.type).ddl, description=f"{words}{field.first_batch}.")


def _is_column(contract: Contract, name: str) -> bool:
    taken = {one.lower() for one in (*_names(contract), *(column.name for column in contract.columns))}
    named = name in contract.evolve_columns or ALL in contract.evolve_columns
    return named and name.lower() not in taken and _fits(name, curated=True)


def _fits(name: str, curated: bool) -> bool:
    problems = Problems()
    check_name(name, "", curated, problems)
    return not problems.lines


def _may_bring(contract: Contract, schema: EvolvedSchema, stage: Stage) -> bool:
    names = {name for account in stage.accounts for name in account["unknown"]}
    # "..." stands for more names than an account tells.
    return any(name == "..." or _is_new(contract, schema, name) for name in names)


def _is_new(contract: Contract, schema: EvolvedSchema, name: str) -> bool:
    """Whether `name` may be recorded: a raw field's name, and no recorded or raw one's, upper and lower case alike."""
    if {".", "["} & set(name) or not _fits(name, curated=False) or len(schema.fields) >= MOST_FIELDS:
        return False
    return name.lower() not in {one.lower() for one in (*_names(contract), *(field.name for field in schema.fields))}


def _names(contract: Contract) -> list[str]:
    return [field.name for field in contract.raw]


def _new_fields(
    contract: Contract,
    schema: EvolvedSchema,
    spark: SparkSession,
    table_uri: str,
    files: Sequence[DataFile],
    batch_id: str,
) -> list[EvolvedField]:
    grown = schema
    for name, kinds in sorted(kinds_in(spark, table_uri, files).items()):
        if _is_new(contract, grown, name):
            field = EvolvedField(name, type_of(kinds), batch_id)
            grown = replace(grown, fields=(*grown.fields, field))
    return list(grown.fields[len(schema.fields) :])
