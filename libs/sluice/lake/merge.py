"""Small files of a small table become one, as in an LSM tree, so that they stay few however long the history is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sluice.lake.commit import Check, DataFile, compact, reopened
from sluice.runtime.storage import join, storage_for

_FILES = 100
_BELOW_BYTES = 4 << 20


def merge_small(
    table: DeltaTable, uri: str, schema: pa.Schema, order: str, indexed: Sequence[str], check: Check
) -> DeltaTable:
    """The table at `uri` with its small files merged, if there are many; what people see does not change.

    Rows of the merged file are in the order of the column `order`, and `indexed` columns have statistics.
    """
    small = [file for file in _files(table) if file.size_bytes < _BELOW_BYTES]
    if len(small) < _FILES:
        return table
    compact(table, [_merge(uri, small, table.version() + 1, schema, order, indexed)], small, check)
    return reopened(table)


def _files(table: DeltaTable) -> list[DataFile]:
    columns: dict[str, list[Any]] = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    return [
        DataFile(path, size, {}, modified, "")
        for path, size, modified in zip(
            columns["path"], columns["size_bytes"], columns["modification_time"], strict=True
        )
    ]


def _merge(
    uri: str, files: Sequence[DataFile], version: int, schema: pa.Schema, order: str, indexed: Sequence[str]
) -> DataFile:
    """Write the rows of `files` as one file below `uri`; its name holds the version that will name it."""
    storage = storage_for(uri)
    parts = [pq.read_table(pa.BufferReader(storage.read(join(uri, file.path)))).cast(schema) for file in files]
    rows = pa.concat_tables(parts).sort_by(order)
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    name = f"merged-{version:020d}.parquet"
    storage.put(join(uri, name), data)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    return DataFile(name, len(data), {}, now_ms, _statistics(rows, indexed))


def _statistics(rows: pa.Table, indexed: Sequence[str]) -> str:
    ranges = {name: pc.min_max(rows.column(name)).as_py() for name in indexed}
    return json.dumps(
        {
            "numRecords": rows.num_rows,
            "minValues": {name: found["min"] for name, found in ranges.items()},
            "maxValues": {name: found["max"] for name, found in ranges.items()},
            "nullCount": {name: rows.column(name).null_count for name in indexed},
        }
    )
