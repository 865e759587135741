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
    told = table.history(1)[0].get("timestamp", 0)
    return Version(uri, str(table.metadata().id), table.version(), datetime.fromtimestamp(told / 1000, UTC))


def changed_files(version: Version, since: int) -> list[DataFile] | None:
    """Files whose rows were added to or taken out of the table after version `since`, up to `version`.

    What only puts rows elsewhere (OPTIMIZE) is no change. None where the log does not tell any more, or where somebody
    gave the table another schema or id, so that all of it may have changed.
    """
    files: list[DataFile] = []
    for number in range(since + 1, version.number + 1):
        try:
            text = storage_for(version.uri).read(join(version.uri, "_delta_log", f"{number:020d}.json"))
        except (SourceMissing, FileNotFoundError):
            return None
        for line in text.splitlines():
            found = _changed(json.loads(line), version.table_id)
            if found is None:
                return None
            files += found
    return files


def _changed(action: Mapping[str, Any], table_id: str) -> list[DataFile] | None:
    if "metaData" in action:
        return [] if action["metaData"].get("id") == table_id else None
    for kind in ("add", "remove"):
        file = action.get(kind)
        if file is None or not file.get("dataChange", True):
            continue
        path = unquote(file["path"])
        if "://" in path or path.startswith("/") or file.get("deletionVector"):
            return None  # a clone's file, or a row-level delete: neither is ours
        values = dict(file.get("partitionValues") or {})
        return [DataFile(path, int(file.get("size") or 0), values, 0, file.get("stats") or "")]
    return []


def instants_in(uri: str, files: Sequence[DataFile], column: str, step: int) -> npt.NDArray[np.int64] | None:
    """The values of the timestamp `column` in `files`, each rounded down to a whole multiple of `step` microseconds.

    Each once, in no order, NULLs left out. None where a file is not there any more (VACUUM).
    """
    sizes = {file.path: file.size_bytes or _size(join(uri, file.path)) for file in files}
    if any(size is None for size in sizes.values()):
        return None

    def read(file: DataFile) -> npt.NDArray[np.int64]:
        with pq.ParquetFile(RangedFile(join(uri, file.path), sizes[file.path] or 0)) as source:
            return np.unique(microseconds(source.read([column]).column(0)) // step) * step

    try:
        with ThreadPoolExecutor(_READERS) as pool:
            parts = list(pool.map(read, files))
    except (SourceMissing, FileNotFoundError):
        return None
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))


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
