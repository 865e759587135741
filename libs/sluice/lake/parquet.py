"""One Parquet data file and what a Delta log says of it; written natively, by whoever holds the Arrow rows.

Rows are gathered into row groups and a file ends when it has reached its target size. A file appears whole or not at
all, under a name nobody else uses, so that a task that is killed or run twice leaves at most files no log names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.lake.commit import DataFile
from sluice.runtime.storage import join, storage_for

ROW_GROUP_ROWS = 512_000
_GATHER_BYTES = 64 << 20
_LONGEST_BOUND = 32
_LAST = "\U0010ffff"


@dataclass
class FileSet:
    """Writes rows of one schema into files of about `target_bytes` below `table_uri`/`folder`, collecting `files`.

    `indexed` are the columns that get statistics; `values` the partition's, decoded. With `head_rows` the first file
    ends after about so many rows.
    """

    table_uri: str
    folder: str
    target_bytes: int
    indexed: Sequence[str]
    values: Mapping[str, str | None] = field(default_factory=dict)
    head_rows: int = 0
    files: list[DataFile] = field(default_factory=list)
    _pending: list[pa.RecordBatch] = field(default_factory=list)
    _pending_rows: int = 0
    _pending_bytes: int = 0
    _sink: pa.BufferOutputStream | None = None
    _writer: pq.ParquetWriter | None = None
    _unbounded: set[str] = field(default_factory=set)

    def add(self, rows: pa.RecordBatch) -> None:
        """Take `rows`; memory held is about one row group and one file."""
        if not rows.num_rows:
            return
        self._pending.append(rows)
        self._pending_rows += rows.num_rows
        self._pending_bytes += rows.nbytes
        head = 0 < self.head_rows <= self._pending_rows
        if head or self._pending_rows >= ROW_GROUP_ROWS or self._pending_bytes >= _GATHER_BYTES:
            self._write_group()
        if head:
            self.head_rows = 0
            self._finish_file()

    def close(self) -> list[DataFile]:
        """Finish the last file; all files written, in order."""
        self._write_group()
        self._finish_file()
        return self.files

    def _write_group(self) -> None:
        if not self._pending:
            return
        rows = pa.Table.from_batches(self._pending)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._writer is None:
            self._sink = pa.BufferOutputStream()
            # Hashes never repeat: a dictionary of them would be built only to be thrown away.
            dictionary = [name for name in rows.column_names if name != "_record_hash"]
            self._writer = pq.ParquetWriter(self._sink, rows.schema, compression="snappy", use_dictionary=dictionary)
        self._writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        # NaN is greater than all in Spark, and Parquet's statistics leave it out: such a column has no bounds.
        self._unbounded |= {
            field.name
            for field in rows.schema
            if pa.types.is_floating(field.type) and pc.any(pc.is_nan(rows.column(field.name))).as_py()
        }
        assert self._sink is not None
        if self._sink.tell() >= self.target_bytes:
            self._finish_file()

    def _finish_file(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        data = self._sink.getvalue()
        self._writer = self._sink = None
        path = join(self.folder, f"part-{uuid4()}.snappy.parquet")
        storage_for(self.table_uri).put(join(self.table_uri, path), memoryview(data), sync=False)
        stats = statistics(pq.read_metadata(pa.BufferReader(data)), self.indexed, self._unbounded)
        self._unbounded = set()
        self.files.append(DataFile(path, data.size, dict(self.values), time.time_ns() // 1_000_000, stats))


def statistics(metadata: pq.FileMetaData, indexed: Sequence[str], without: Iterable[str] = ()) -> str:
    """Delta's statistics JSON of a Parquet file from its own footer; bounds may be wide but never wrong.

    Columns in `without` get no bounds.
    """
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    unbounded = set(without)
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            name = chunk.path_in_schema
            found = chunk.statistics
            if name not in indexed or found is None:
                continue
            nulls[name] = nulls.get(name, 0) + (found.null_count or 0)
            if found.has_min_max:
                low[name] = min(low.get(name, found.min), found.min)
                high[name] = max(high.get(name, found.max), found.max)
            elif chunk.num_values != found.null_count:
                unbounded.add(name)
    bounds = [(n, _lower(low[n]), _upper(high[n])) for n in low if n not in unbounded]
    usable = [(n, a, b) for n, a, b in bounds if a is not None and b is not None]
    return json.dumps(
        {
            "numRecords": metadata.num_rows,
            "minValues": {n: a for n, a, _ in usable},
            "maxValues": {n: b for n, _, b in usable},
            "nullCount": nulls,
        },
        ensure_ascii=False,
    )


def _lower(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_BOUND]
    return _bound(value)


def _upper(value: Any) -> Any:
    # As Delta does: a cut text gets a last character above any it could go on with.
    if isinstance(value, str):
        if len(value) <= _LONGEST_BOUND:
            return value
        return None if value[_LONGEST_BOUND] == _LAST else value[:_LONGEST_BOUND] + _LAST
    if isinstance(value, datetime) and value.microsecond % 1000:
        # Cut like a lower bound it would lie below its own value, and a reader that trusts it would skip the row.
        try:
            value += timedelta(milliseconds=1)
        except OverflowError:
            return None
    return _bound(value)


def _bound(value: Any) -> Any:
    """The protocol's spelling; None for what has no bound there. Timestamps are cut to milliseconds, as is usual."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z" if value.year >= 1000 else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | bytes):
        return None
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value if isinstance(value, int) else None
