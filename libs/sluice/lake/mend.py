"""Staged files that must not be published as they are: written again without some rows, or several as one.

The only rewriting there is: files in which a duplicate was found, small files of one partition, and, where newer rows
replace published ones, the published files that held those. It is done natively and file by file, in the workers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.lake.commit import DataFile
from sluice.lake.parquet import FileSet
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Files below this share of the target are merged with others of their partition.
_SMALL = 0.25
_TOLD = "id bigint, told string"

# Row numbers to leave out, by file name; a DataFrame (name, drop: array of row numbers) where they are many.
Drops: TypeAlias = "dict[str, list[int]] | DataFrame"


@dataclass(frozen=True)
class Group:
    """Files of one table and partition that become one or few: `folder` is where, below the table."""

    table_uri: str
    folder: str
    files: tuple[DataFile, ...]
    indexed: tuple[str, ...]
    target_bytes: int


def plan_groups(
    table_uri: str,
    files: Sequence[DataFile],
    spoilt: set[str],
    indexed: Sequence[str],
    target_bytes: int,
) -> list[Group]:
    """Which of `files` are written again: those named in `spoilt`, and small ones that can be joined to others."""
    # By the values: folders are named for people, and two partitions may share a name.
    by_place: dict[tuple[tuple[str, str | None], ...], list[DataFile]] = defaultdict(list)
    for file in files:
        if file_name(file.path) in spoilt or file.size_bytes < target_bytes * _SMALL:
            by_place[tuple(file.partition_values.items())].append(file)
    groups = []
    for members in by_place.values():
        for packed in _pack(members, target_bytes):
            if len(packed) > 1 or file_name(packed[0].path) in spoilt:
                folder = packed[0].path.rsplit("/", 1)[0]
                groups.append(Group(table_uri, folder, tuple(packed), tuple(indexed), target_bytes))
    return groups


def file_name(path: str) -> str:
    """The last part of a path: unique, since every file's name holds a UUID."""
    return path.rsplit("/", 1)[-1]


def mend(spark: SparkSession, groups: Sequence[Group], drops: Drops) -> list[list[DataFile]]:
    """Write each group's rows again without those that `drops` names; one Spark job.

    The new files by group, in the groups' order; a group all of whose rows are dropped has none.
    """
    if not groups:
        return []
    tasks = min(len(groups), 4 * spark.sparkContext.defaultParallelism)
    if isinstance(drops, dict):
        work = spark.range(0, len(groups), 1, tasks).mapInArrow(_mender(groups, drops), _TOLD)
    else:
        work = _with_drops(spark, groups, drops).repartition(tasks, "id").mapInArrow(_mender(groups, {}), _TOLD)
    written: list[list[DataFile]] = [[] for _ in groups]
    for number, told in work.collect():
        written[number] = [DataFile(**file) for file in json.loads(told)]
    return written


def _with_drops(spark: SparkSession, groups: Sequence[Group], drops: DataFrame) -> DataFrame:
    """One row per group: id, and files (name, drop)."""
    from pyspark.sql import functions as F

    named = [(number, file_name(file.path)) for number, group in enumerate(groups) for file in group.files]
    given = spark.createDataFrame(named, "id bigint, name string").join(drops, "name", "left")
    return given.groupBy("id").agg(F.collect_list(F.struct("name", "drop")).alias("files"))


def _mender(
    groups: Sequence[Group], drops: Mapping[str, Sequence[int]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                given = {file["name"]: file["drop"] or [] for file in row.get("files", ())}
                files = write_again(groups[row["id"]], given or drops)
                told = json.dumps([vars(file) for file in files], ensure_ascii=False)
                yield pa.RecordBatch.from_pydict({"id": pa.array([row["id"]], pa.int64()), "told": [told]})

    return work


def write_again(group: Group, drops: Mapping[str, Sequence[int]]) -> list[DataFile]:
    """The rows of a group's files, without those whose row numbers `drops` names by file name, as new files."""
    storage = storage_for(group.table_uri)
    values: dict[str, Any] = dict(group.files[0].partition_values)
    out = FileSet(group.table_uri, group.folder, group.target_bytes, group.indexed, values)
    for file in group.files:
        source = pq.ParquetFile(pa.BufferReader(storage.read(join(group.table_uri, file.path))))
        keep = np.ones(source.metadata.num_rows, dtype=bool)
        keep[np.asarray(drops.get(file_name(file.path), ()), dtype=np.int64)] = False
        at = 0
        for batch in source.iter_batches():
            mask = keep[at : at + batch.num_rows]
            at += batch.num_rows
            out.add(batch if mask.all() else batch.filter(pa.array(mask)))
    return out.close()


def _pack(files: Sequence[DataFile], target_bytes: int) -> Iterator[list[DataFile]]:
    """Files in their order, cut so that each pack is about the target."""
    pack: list[DataFile] = []
    size = 0
    for file in files:
        if pack and size + file.size_bytes > target_bytes:
            yield pack
            pack, size = [], 0
        pack.append(file)
        size += file.size_bytes
    if pack:
        yield pack
