"""What of a table changed between two versions, told by its log; and which files may hold rows of some ranges of time.

The log's own JSON files are read, one for each version since, so that what it costs does not grow with the history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.errors import SourceMissing
from sluice.lake.commit import DataFile, open_table
from sluice.lake.publish import data_file
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import join, storage_for

# Microseconds since 1970, the first included, the last not.
Span = tuple[int, int]
_READERS = 8
# Statistics are cut to milliseconds.
_CUT = 1000


@dataclass(frozen=True)
class Version:
    """A table as it is: `table_id` stays the same as long as the table is the same one."""

    uri: str
    table_id: str
    number: int
    committed_at: datetime

    @property
    def name(self) -> str:
        return f"{self.table_id}@{self.number}"


def newest_version(uri: str) -> Version | None:
    """The newest version of the table at `uri`; None where there is none."""
    table = open_table(uri)
    if table is None:
        return None
    # Where the log is down to a checkpoint, nobody knows when it was.
    told = [commit["timestamp"] for commit in table.history(1) if "timestamp" in commit]
    at = datetime.fromtimestamp(told[0] / 1000, UTC) if told else datetime.now(UTC)
    return Version(uri, str(table.metadata().id), table.version(), at)


@dataclass(frozen=True)
class Changes:
    """Files whose rows came into a table, and files whose rows went."""

    adds: tuple[DataFile, ...] = ()
    removes: tuple[DataFile, ...] = ()


def changed_files(version: Version, since: int) -> Changes | None:
    """What was added to or taken out of the table after version `since`, up to `version`.

    What only puts rows elsewhere (OPTIMIZE) is no change. None where the log does not tell any more, or where somebody
    gave the table another id, so that all of it may have changed.
    """
    found: dict[str, list[DataFile]] = {"add": [], "remove": []}
    for number in range(since + 1, version.number + 1):
        try:
            text = storage_for(version.uri).read(join(version.uri, "_delta_log", f"{number:020d}.json"))
        except SourceMissing:
            return None
        for action in map(json.loads, text.splitlines()):
            if action.get("metaData", {}).get("id", version.table_id) != version.table_id:
                return None
            for kind, files in found.items():
                if action.get(kind, {}).get("dataChange"):
                    file = _data_file(action[kind])
                    if file is None:
                        return None
                    files.append(file)
    return Changes(tuple(found["add"]), tuple(found["remove"]))


def _data_file(action: Mapping[str, Any]) -> DataFile | None:
    """None for what we do not read: a file of another table (a clone's), rows deleted one by one."""
    path = unquote(action["path"])
    if "://" in path or path.startswith("/") or action.get("deletionVector"):
        return None
    return DataFile(path, int(action.get("size") or 0), dict(action.get("partitionValues") or {}), 0, "")


def instants_in(
    uri: str, changes: Changes, column: str, step: int, columns: Sequence[str]
) -> npt.NDArray[np.int64] | None:
    """The timestamps `column` of rows that came or went, each rounded down to a whole multiple of `step` microseconds.

    Rows that went and came again with the same `columns` are no change: a file that is written again without one row
    tells of one. Each instant once, ascending, NULLs left out. None where a file is not there any more (VACUUM).
    """
    both = (*changes.adds, *changes.removes)
    sizes = {file.path: file.size_bytes or _size(join(uri, file.path)) for file in both}
    if any(size is None for size in sizes.values()):
        return None
    compared = list(columns) if changes.adds and changes.removes else [column]

    def read(file: DataFile) -> pa.Table:
        with pq.ParquetFile(RangedFile(join(uri, file.path), sizes[file.path] or 0)) as source:
            rows = source.read([name for name in compared if name in source.schema_arrow.names])
            if len(compared) == 1:
                return pa.table({column: _rounded(rows.column(column), step)})
        for name in set(compared) & set(file.partition_values):
            rows = rows.append_column(name, pa.array([file.partition_values[name]] * rows.num_rows, pa.string()))
        return rows

    try:
        with ThreadPoolExecutor(_READERS) as pool:
            came, went = (list(pool.map(read, files)) for files in (changes.adds, changes.removes))
    except SourceMissing:
        return None
    parts = _net(came, went) if len(compared) > 1 else [*came, *went]
    each = [microseconds(part.column(column)) // step * step for part in parts]
    return np.unique(np.concatenate([np.empty(0, np.int64), *each]))


def _rounded(values: pa.ChunkedArray, step: int) -> pa.Array:
    return pa.array(np.unique(microseconds(values) // step) * step, pa.timestamp("us", "UTC"))


def _net(came: Sequence[pa.Table], went: Sequence[pa.Table]) -> list[pa.Table]:
    """The rows of which more came than went, or more went than came; all where they cannot be compared (nested)."""
    signed = [
        _plain(part).append_column("_sign", pa.array(np.full(part.num_rows, sign)))
        for sign, parts in ((1, came), (-1, went))
        for part in parts
    ]
    try:
        rows = pa.concat_tables(signed, promote_options="default")
        names = [name for name in rows.column_names if name != "_sign"]
        summed = rows.group_by(names).aggregate([("_sign", "sum")])
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowInvalid):
        return [*came, *went]
    return [summed.filter(pc.not_equal(summed.column("_sign_sum"), 0))]


def _plain(rows: pa.Table) -> pa.Table:
    """Columns in one Arrow type for each of Delta's: what is read depends on who wrote the file."""
    for index, field in enumerate(rows.schema):
        wanted = field.type
        if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
            wanted = pa.string()
        elif pa.types.is_timestamp(field.type):
            wanted = pa.timestamp("us", "UTC")
        rows = rows.set_column(index, field.name, rows.column(index).cast(wanted))
    return rows


def _size(uri: str) -> int | None:
    found = storage_for(uri).head(uri)
    return found.size_bytes if found is not None else None


def microseconds(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
    """Instants as microseconds since 1970, without the NULLs."""
    plain = pc.drop_null(column).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return np.asarray(plain, dtype=np.int64)


def files_within(uri: str, column: str, spans: Sequence[Span] | None, number: int | None = None) -> list[DataFile]:
    """Live files (of version `number`) that may hold a row whose timestamp `column` lies in `spans`; all where None."""
    table = open_table(uri)
    if table is None:
        return []
    if number is not None and number != table.version():
        table.load_as_version(number)
    rows = pa.table(table.get_add_actions(flatten=False))
    if spans is not None and rows.num_rows:
        rows = rows.filter(pa.array(_may_hold(rows, column, spans)))
    return [data_file(row) for row in rows.to_pylist()]


def _may_hold(rows: pa.Table, column: str, spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    low, high = _bound(rows, "min", column), _bound(rows, "max", column)
    if low is None or high is None:
        return np.ones(rows.num_rows, bool)
    # A file without bounds has the widest: it may hold anything.
    least = np.asarray(pc.fill_null(low, np.iinfo(np.int64).min), dtype=np.int64)
    most = np.asarray(pc.fill_null(high, np.iinfo(np.int64).max - _CUT), dtype=np.int64) + _CUT
    wanted = np.zeros(rows.num_rows, bool)
    for first, end in spans:
        wanted |= (least < end) & (most >= first)
    return wanted


def _bound(rows: pa.Table, side: str, column: str) -> Any:
    if side not in rows.column_names:
        return None
    bounds = rows.column(side).combine_chunks()
    if not pa.types.is_struct(bounds.type) or bounds.type.get_field_index(column) < 0:
        return None
    return pc.struct_field(bounds, column).cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def latest(uri: str, column: str) -> int | None:
    """The greatest instant of the timestamp `column` in the table at `uri`, by statistics; None where none tell."""
    table = open_table(uri)
    high = _bound(pa.table(table.get_add_actions(flatten=False)), "max", column) if table is not None else None
    found = pc.max(high).as_py() if high is not None else None
    return None if found is None else int(found)
