"""Files that each hold a stretch of one timestamp column: written from sorted rows, and written again without some.

So that whoever replaces the rows of an hour un-names the files of that hour, whatever else the table holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.lake.changes import Span, files_within, microseconds
from sluice.lake.commit import DataFile
from sluice.lake.mend import Group, write_again
from sluice.lake.parquet import FileSet
from sluice.lake.stage import by_partition, partition_folders
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A file ends after so many rows: few enough that an hour's files are about an hour long in a table of some size.
FILE_ROWS = 128_000
_TOLD = "told string"
_WRITERS = 4


@dataclass(frozen=True)
class RangedPlan:
    """Where files of a table at `uri` go, and what is in them: `columns` in order, without the partition's."""

    uri: str
    folder: str
    partitions: tuple[str, ...]
    columns: tuple[str, ...]
    target_bytes: int
    file_rows: int = FILE_ROWS


def write_ranged(rows: DataFrame, plan: RangedPlan) -> list[DataFile]:
    """Write `rows`, each task's of which are sorted; one Spark job, and nothing of the rows comes to the driver."""
    return [DataFile(**json.loads(told)) for (told,) in rows.mapInArrow(_writer(plan), _TOLD).collect()]


def _writer(plan: RangedPlan) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        current: dict[tuple[str | None, ...], tuple[FileSet, int]] = {}
        done: list[DataFile] = []
        for batch in batches:
            kept = batch.select(plan.columns)
            for values, here in by_partition(batch, plan.partitions, np.ones(batch.num_rows, bool)):
                part = kept if here.all() else kept.filter(pa.array(here))
                files, count = current.pop(values) if values in current else (_files(plan, values), 0)
                files.add(part)
                count += part.num_rows
                if count >= plan.file_rows:
                    done += files.close()
                else:
                    current[values] = (files, count)
        for files, _ in current.values():
            done += files.close()
        told = [json.dumps(vars(file), ensure_ascii=False) for file in done]
        yield pa.RecordBatch.from_pydict({"told": pa.array(told, pa.string())})

    return write


def _files(plan: RangedPlan, values: tuple[str | None, ...]) -> FileSet:
    named = dict(zip(plan.partitions, values, strict=True))
    folder = join(plan.folder, *partition_folders(named))
    return FileSet(plan.uri, folder, plan.target_bytes, plan.columns, named)


def without(plan: RangedPlan, column: str, spans: Sequence[Span] | None) -> tuple[list[DataFile], list[DataFile]]:
    """Files of the table that hold rows whose `column` lies in `spans` (None: all files), and their other rows anew.

    To take exactly these rows out, un-name the former and name the latter.
    """
    found = files_within(plan.uri, column, spans)
    if spans is None:
        return found, []
    with ThreadPoolExecutor(_WRITERS) as pool:
        parted = list(pool.map(lambda file: _rest(plan, file, column, spans), found))
    hit = [(file, rest) for file, rest in zip(found, parted, strict=True) if rest is not None]
    return [file for file, _ in hit], [new for _, rest in hit for new in rest or ()]


def _rest(plan: RangedPlan, file: DataFile, column: str, spans: Sequence[Span]) -> list[DataFile] | None:
    """The rows of `file` outside `spans` as new files; None where none of its rows is inside."""
    with pq.ParquetFile(RangedFile(join(plan.uri, file.path), file.size_bytes)) as source:
        inside = _inside(microseconds(source.read([column]).column(0)), spans)
    if not inside.any():
        return None
    if inside.all():
        return []
    folder = join(plan.folder, *partition_folders(file.partition_values))
    group = Group(plan.uri, folder, (file,), plan.columns, plan.target_bytes)
    return write_again(group, {file.path.rsplit("/", 1)[-1]: np.flatnonzero(inside).tolist()})


def read_within(
    uri: str, column: str, spans: Sequence[Span], files: Sequence[DataFile], columns: Sequence[str]
) -> pa.Table:
    """Rows of `files` whose timestamp `column` lies in `spans`: that column, and `columns` that are in the files."""

    def read(file: DataFile) -> pa.Table:
        with pq.ParquetFile(RangedFile(join(uri, file.path), file.size_bytes)) as source:
            rows = source.read([column, *columns])
        return rows.filter(pa.array(_inside(microseconds(rows.column(column)), spans)))

    with ThreadPoolExecutor(_WRITERS) as pool:
        parts = list(pool.map(read, files))
    empty = pa.table({name: pa.array([], pa.timestamp("us", "UTC")) for name in [column, *columns]})
    return pa.concat_tables(parts) if parts else empty


def _inside(at: npt.NDArray[np.int64], spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(at), bool)
    for first, end in spans:
        inside |= (at >= first) & (at < end)
    return inside
