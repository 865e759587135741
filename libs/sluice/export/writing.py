"""Rows of a table's files as Parquet files that hold all of its columns, in the table's types, and nothing else.

Data files of a Delta table do not hold the partition's values, may lack columns that came later, and may be of any
writer. The copy's are all alike, so that a reader needs their names only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.errors import StorageError
from sluice.export.plan import Input, Work
from sluice.export.pointer import CopyFile
from sluice.export.snapshot import Snapshot
from sluice.lake.parquet import FileSet
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import is_s3, local_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_BATCH_ROWS = 1 << 17
_TOLD = "id bigint, told string"


@dataclass(frozen=True)
class Task:
    """Files of one partition that become about one; `partition` and `values` are its values, spelled and typed."""

    partition: Mapping[str, str | None]
    values: Mapping[str, Any]
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Target:
    """Where and how files are written: below `copy`/`folder`, with the columns of `schema`."""

    copy: str
    folder: str
    schema: pa.Schema
    target_bytes: int


def tasks_of(now: Snapshot, works: Sequence[Work], target_bytes: int) -> list[Task]:
    """The works' inputs, packed so that each task writes about one file."""
    return [
        Task(dict(zip(now.partition_columns, work.key, strict=True)), work.values, tuple(inputs))
        for work in works
        for inputs in _packed(work.inputs, target_bytes)
    ]


def write_here(tasks: Sequence[Task], target: Target, check: Callable[[], None]) -> list[CopyFile]:
    """The tasks' files, written by threads of this process; `check` is asked before each task."""

    def one(task: Task) -> list[CopyFile]:
        check()
        return write(task, target)

    with ThreadPoolExecutor(min(len(tasks), os.cpu_count() or 1) or 1) as pool:
        return [file for files in pool.map(one, tasks) for file in files]


def write_on_spark(spark: SparkSession, tasks: Sequence[Task], target: Target) -> list[CopyFile]:
    """The tasks' files, written by Spark's workers in one job."""
    parts = min(len(tasks), 4 * spark.sparkContext.defaultParallelism)
    work = spark.range(0, len(tasks), 1, parts).mapInArrow(_writer(tasks, target), _TOLD)
    told = sorted(work.collect())
    return [CopyFile(**file) for row in told for file in json.loads(row["told"])]


def _writer(tasks: Sequence[Task], target: Target) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column("id").to_pylist():
                told = json.dumps([vars(file) for file in write(tasks[number], target)], ensure_ascii=False)
                yield pa.RecordBatch.from_pydict({"id": pa.array([number], pa.int64()), "told": [told]})

    return work


def write(task: Task, target: Target) -> list[CopyFile]:
    """One task's rows as new files; memory held is about a file of the target's size."""
    # A pack may come out a little larger than it was: half a file more is better than a file for the rest.
    out = FileSet(target.copy, target.folder, target.target_bytes * 3 // 2, (), task.partition)
    for each in task.inputs:
        for rows in _rows(each, task.values, target.schema):
            out.add(rows)
    return [
        CopyFile(file.path, file.size_bytes, json.loads(file.stats)["numRecords"], dict(task.partition))
        for file in out.close()
    ]


def _rows(source: Input, values: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        # Spark before TIMESTAMP_MICROS wrote timestamps as INT96, which Arrow reads as nanoseconds unless told.
        file = pq.ParquetFile(_opened(source), coerce_int96_timestamp_unit="us", pre_buffer=True)
    except FileNotFoundError as error:
        raise StorageError(
            f"{source.uri}: expected a file that the table names, found none; was VACUUM run? Run again"
        ) from error
    there = set(file.schema_arrow.names)
    inside = [field.name for field in schema if field.name in there and field.name not in values]
    for batch in file.iter_batches(_BATCH_ROWS, columns=inside):
        yield pa.RecordBatch.from_arrays([_column(batch, field, values, there) for field in schema], schema=schema)


def _opened(source: Input) -> Any:
    return RangedFile(source.uri, source.size_bytes) if is_s3(source.uri) else local_path(source.uri)


def _column(batch: pa.RecordBatch, field: pa.Field, values: Mapping[str, Any], there: set[str]) -> pa.Array:
    if field.name in values:
        return pa.repeat(pa.scalar(values[field.name], field.type), batch.num_rows)
    if field.name not in there:
        return pa.nulls(batch.num_rows, field.type)
    found = batch.column(field.name)
    return found if found.type == field.type else found.cast(field.type)


def _packed(inputs: Sequence[Input], target_bytes: int) -> Iterator[list[Input]]:
    pack: list[Input] = []
    size = 0
    for each in inputs:
        if pack and size + each.size_bytes > target_bytes:
            yield pack
            pack, size = [], 0
        pack.append(each)
        size += each.size_bytes
    if pack:
        yield pack
