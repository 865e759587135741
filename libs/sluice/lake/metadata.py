"""Commits that change what a table says of itself, and add columns: never a row, and none where nothing changed.

Each is put-if-absent on the version after the one that was read, as every commit of ours (`lake/commit.py`), and each
leaves a table that is right, so that a run that is killed between two of them leaves the rest to the next.

delta-rs 1.6.6 has no one call for all of it. `add_columns` takes in one commit columns, fields within structs, and
comments of columns that have none (it refuses to change one); `set_column_metadata` changes the comment of one column,
and cannot take it away, so that a comment that is gone is empty; properties are a commit of their own. Tried as well:
`create_write_transaction` with another schema (it is passed over), and Spark's ALTER TABLE, which works, but is a Spark
commit, which may not happen to published tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import DeltaError

from sluice.errors import CommitUnknownError
from sluice.lake.commit import Check, refusal, reopened
from sluice.lake.described import COMMENT
from sluice.lake.fits import gains

Change = Callable[[DeltaTable], None]


def up_to_date(table: DeltaTable, wanted: pa.Schema, properties: Mapping[str, str], check: Check) -> DeltaTable:
    """`table` with the columns and comments of `wanted` and with `properties`; what else it has stays.

    `wanted` must fit the table (`lake.fits`). Raises CommitUnknownError where a commit did not land.
    """
    fields = DeltaSchema.from_arrow(wanted).fields
    while (change := _next(table, fields, properties)) is not None:
        what, commit = change
        check()
        try:
            commit(table)
        except (DeltaError, OSError) as error:
            table = reopened(table)
            again = _next(table, fields, properties)
            if again is not None and again[0] == what:
                check()
                raise refusal(error, table.table_uri) or CommitUnknownError(
                    f"{table.table_uri}: {what} did not land; run again"
                ) from error
    return table


def _next(table: DeltaTable, fields: list[Field], properties: Mapping[str, str]) -> tuple[str, Change] | None:
    """The next commit that is needed, with words for it; None where the table is as wanted."""
    there = {field.name: field for field in table.schema().fields}
    once = CommitProperties(max_commit_retries=0)
    new = [added for field in fields if (added := _added(there.get(field.name), field)) is not None]
    if new:
        return "adding columns", lambda table: table.alter.add_columns(new, commit_properties=once)
    for field in fields:
        name, text = field.name, field.metadata.get(COMMENT, "")
        if there[name].metadata.get(COMMENT, "") != text:
            return f"the comment of {name}", _commenting(name, {COMMENT: str(text)}, once)
    have = table.metadata().configuration
    changed = {name: value for name, value in properties.items() if have.get(name) != value}
    if changed:
        return "setting properties", lambda table: table.alter.set_table_properties(
            changed, raise_if_not_exists=False, commit_properties=once
        )
    return None


def _commenting(name: str, comment: dict[str, str], once: CommitProperties) -> Change:
    return lambda table: table.alter.set_column_metadata(name, comment, commit_properties=once)


def _added(there: Field | None, wanted: Field) -> Field | None:
    """What `add_columns` is to be given for a column: whole, with fields that its structs gain, or with a comment."""
    if there is None:
        return wanted
    first = wanted.metadata.get(COMMENT) and COMMENT not in there.metadata
    if first or gains(there.type, wanted.type):
        return Field(wanted.name, wanted.type, nullable=True, metadata=wanted.metadata if first else None)
    return None
