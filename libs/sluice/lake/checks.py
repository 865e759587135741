"""The table of checks: one row per check per batch that was published or held, for people and for the next runs.

A batch's rows stand in the ledger before they are here, so that a killed run's are written by the next one: their file
has a name of its own per sequence number, and the commit carries that number as the tables' commits do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.lake.commit import Check, DataFile, append_files, create_table, open_table
from sluice.lake.described import CHECKS_COMMENTS, DATASET, described
from sluice.lake.merge import merge_small
from sluice.lake.metadata import up_to_date
from sluice.lake.parquet import statistics
from sluice.lake.pruned import Within, rows_within
from sluice.lake.publish import APPLICATION
from sluice.runtime.storage import join, storage_for

_DESCRIPTION = "sluice checks: one row per check per batch; read it with Spark SQL, never write to it"
_INDEXED = ("sequence", "batch_id", "state")
# Sequence numbers looked back over at first, for each batch wanted: held batches take numbers, too.
_LOOK_BACK = 4


@dataclass(frozen=True)
class CheckRow:
    """What one check found in one batch: see `quality.model` for the words. `state` is the batch's: published, held."""

    dataset: str
    batch_id: str
    attempt: int
    sequence: int
    state: str
    run_id: str
    checked_at: datetime
    name: str
    rule: str
    column: str
    severity: str
    kind: str
    mostly: float | None
    message: str
    evaluated: int
    failed: int
    observed: str
    observed_value: float | None
    threshold: str
    success: bool
    outcome: str
    suite_fingerprint: str


_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "str": pa.string(),
    "bool": pa.bool_(),
    "float | None": pa.float64(),
    "datetime": pa.timestamp("us", "UTC"),
}
CHECKS_SCHEMA = pa.schema([(f.name, _TYPES[str(f.type)]) for f in fields(CheckRow)])


def publish_checks(uri: str, rows: Sequence[CheckRow], sequence: int, check: Check) -> None:
    """Append a batch's rows to the table at `uri`, once; does nothing where that was done before."""
    if not rows:
        return
    table = open_table(uri)
    wanted, properties = described(CHECKS_SCHEMA, CHECKS_COMMENTS), {DATASET: rows[0].dataset}
    if table is None:
        table = create_table(uri, wanted, (), _DESCRIPTION, check, properties)
    table = up_to_date(table, wanted, properties, check)
    if (table.transaction_version(APPLICATION) or 0) >= sequence:
        return
    found = pa.Table.from_pylist([vars(row) for row in rows], schema=CHECKS_SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(found, sink, compression="zstd")
    data = sink.getvalue()
    name = f"checks-{sequence:020d}.parquet"
    storage_for(uri).put(join(uri, name), memoryview(data))
    stats = statistics(pq.read_metadata(pa.BufferReader(data)), _INDEXED)
    file = DataFile(name, data.size, {}, time.time_ns() // 1_000_000, stats)
    append_files(table, [file], [], APPLICATION, sequence, {"sluice.batch": rows[0].batch_id}, check)


def tidy_checks(uri: str, check: Check) -> None:
    """Merge the table's small files once there are many."""
    table = open_table(uri)
    if table is not None:
        merge_small(table, uri, CHECKS_SCHEMA, "sequence", _INDEXED, check)


def recent_checks(uri: str, batches: int, state: str | None = None, before: int | None = None) -> list[CheckRow]:
    """Rows of the newest `batches` batches (in `state`, with sequence numbers `before`), oldest first.

    Reads the files that hold them, by statistics: what it costs does not grow with the history.
    """
    table = open_table(uri)
    if table is None or batches < 1:
        return []
    newest = table.transaction_version(APPLICATION) or 0
    reach = batches * _LOOK_BACK
    while True:
        within: Within = {"sequence": (newest - reach + 1, None if before is None else before - 1)}
        within = within if state is None else {**within, "state": (state, state)}
        found = rows_within(table, uri, CHECKS_SCHEMA, "sequence", within)
        numbers = sorted(set(found.column("sequence").to_pylist()))
        if len(numbers) >= batches or reach >= newest:
            kept = found.filter(pc.field("sequence") >= numbers[-batches:][0]) if numbers else found
            return [row_of(values) for values in kept.sort_by("sequence").to_pylist()]
        reach *= _LOOK_BACK


def as_json(row: CheckRow) -> dict[str, Any]:
    """A row as the ledger keeps it until it is published."""
    return {**vars(row), "checked_at": row.checked_at.isoformat()}


def row_of(values: Mapping[str, Any]) -> CheckRow:
    """A row from what the table or the ledger's JSON has of it."""
    at = values["checked_at"]
    return CheckRow(**{**values, "checked_at": datetime.fromisoformat(at) if isinstance(at, str) else at})
