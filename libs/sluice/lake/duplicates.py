"""Which staged rows are there already: among themselves, or in the partitions they would go to.

Keys alone are read. Byte-equal records are found by their hashes (`lake.hashes`). Keys of a contract's own go through
Spark, and most batches end after the first look: an aggregate over the keys that finds none twice. Published files are
chosen by the table's own log: the partitions the batch touches, and of byte-equal records only files whose
time range can hold them, since equal records have equal columns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sluice.contract.model import Contract
from sluice.lake.commit import DataFile
from sluice.lake.hashes import HashedFile, Within, rows_lost
from sluice.lake.mend import Drops, file_name
from sluice.lake.places import spark_uri
from sluice.lake.tables import HASH
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

_OLD, _NEW = 0, 1
_PARTITION = "_partition"
# Why a row lost; the names of the counts in `Duplicates`.
_KINDS = ("duplicates", "superseded", "replaced")
# Up to so many rows with a key that another row has go through the driver; more stay in Spark.
_FEW_ROWS = 1_000_000


@dataclass(frozen=True)
class Duplicates:
    """Rows that lose against another with their key.

    `drops` says where they are: row numbers by file name, or, where they are many, a DataFrame (name, drop). `spoilt`
    are the names of these files. Counts are of rows: `replaced` are published ones.
    """

    drops: Drops = field(default_factory=dict)
    spoilt: frozenset[str] = frozenset()
    duplicates: int = 0
    superseded: int = 0
    replaced: int = 0


def find_duplicates(
    spark: SparkSession,
    contract: Contract,
    staged: tuple[str, Sequence[DataFile]],
    published: tuple[str, Sequence[DataFile]],
) -> Duplicates:
    """Look for keys that are in `staged` twice, or in `staged` and `published`; both are (table URI, files).

    Which row stays: of byte-equal records any; `keep: first` the published one, else the first by source object and
    offset; `keep: newest` the one with the greatest `newest_by`, ties by the record's hash.
    """
    if not staged[1]:
        return Duplicates()
    if not contract.key_columns:
        return _equal_records(spark, contract, staged, published)
    key = _key(contract)
    keys = _keys_seen_twice(spark, contract, key, staged, published)
    if isinstance(keys, list) and not keys:
        return Duplicates()
    rows = _candidates(spark, contract, *staged, _NEW)
    if published[1]:
        rows = rows.unionByName(_candidates(spark, contract, *published, _OLD), allowMissingColumns=True)
    few = isinstance(keys, list)
    # Broadcast, the few keys meet the rows where they are read, and only rows that have one of them travel.
    wanted = F.broadcast(spark.createDataFrame(keys, _ddl(contract, key))) if isinstance(keys, list) else keys
    drops = _drops(_losers(rows.join(wanted, key, "left_semi"), contract, key))
    found = (drops if few else drops.drop("drop")).collect()
    return Duplicates(
        {row["name"]: row["drop"] for row in found} if few else drops.select("name", "drop"),
        frozenset(row["name"] for row in found),
        *(sum(row[kind] for row in found) for kind in _KINDS),
    )


def _equal_records(
    spark: SparkSession,
    contract: Contract,
    staged: tuple[str, Sequence[DataFile]],
    published: tuple[str, Sequence[DataFile]],
) -> Duplicates:
    # Of equal rows that in the largest file stays, since the other's file is written again.
    ordered = sorted(staged[1], key=lambda file: (-file.size_bytes, file.path))
    bounds = _bounds(contract, staged[1])
    files = [_hashed(published[0], file, False, bounds.get(_place(contract, file))) for file in published[1]]
    files += [_hashed(staged[0], file, True) for file in ordered]
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    found = rows_lost(spark, files, tasks, _FEW_ROWS).collect()
    spoilt, lost = frozenset(row["name"] for row in found), sum(row["lost"] for row in found)
    if any(row["drop"] is None for row in found):
        all_rows = rows_lost(spark, files, tasks, sys.maxsize)
        return Duplicates(all_rows.groupBy("name").agg(F.flatten(F.collect_list("drop")).alias("drop")), spoilt, lost)
    drops: dict[str, list[int]] = {name: [] for name in spoilt}
    for row in found:
        drops[row["name"]] += row["drop"]
    return Duplicates(drops, spoilt, lost)


def _hashed(table_uri: str, file: DataFile, staged: bool, within: Within | None = None) -> HashedFile:
    return HashedFile(join(table_uri, file.path), file_name(file.path), file.size_bytes, staged, within)


def _bounds(contract: Contract, staged: Sequence[DataFile]) -> dict[tuple[str | None, ...], Within]:
    """By partition, between which values of `_clock` the staged rows lie, where all their files tell."""
    clock = _clock(contract)
    kind = next((column.type for column in contract.columns if column.name == clock), "")
    found: dict[tuple[str | None, ...], list[dict[str, Any]]] = {}
    for file in staged:
        stats = {"minValues": {}, "maxValues": {}, "nullCount": {}, **json.loads(file.stats)}
        found.setdefault(_place(contract, file), []).append(stats)
    bounds = {}
    for place, files in found.items():
        if clock is not None and all(clock in one["minValues"] and clock in one["maxValues"] for one in files):
            low = min(_value(one["minValues"][clock], kind) for one in files)
            high = max(_value(one["maxValues"][clock], kind) for one in files)
            bounds[place] = Within(clock, low, high, any(one["nullCount"].get(clock, 1) for one in files))
    return bounds


def _value(bound: Any, kind: str) -> Any:
    """A bound as a log spells it -> as Parquet's statistics have it."""
    if kind == "timestamp":
        return datetime.fromisoformat(bound)
    return date.fromisoformat(bound) if kind == "date" else bound


def _keys_seen_twice(
    spark: SparkSession,
    contract: Contract,
    key: Sequence[str],
    staged: tuple[str, Sequence[DataFile]],
    published: tuple[str, Sequence[DataFile]],
) -> list[tuple[Any, ...]] | DataFrame:
    """Keys that more than one row has, one of them staged; a DataFrame where many rows have them. Reads only keys."""
    names = [F.col(f"`{name}`") for name in key]
    rows = _read(spark, contract, *staged).select(*names, F.lit(_NEW).alias("_new"))
    if published[1]:
        rows = rows.union(_read(spark, contract, *published).select(*names, F.lit(_OLD).alias("_new")))
    twice = rows.groupBy(*key).agg(F.count("*").alias("_n"), F.max("_new").alias("_m")).where("_n > 1 AND _m = 1")
    found = twice.select(*key, "_n").limit(_FEW_ROWS).collect()
    if sum(row["_n"] for row in found) > _FEW_ROWS:
        return twice.select(*key)
    return [tuple(row)[:-1] for row in found]


def _drops(losers: DataFrame) -> DataFrame:
    """Losing rows -> one row per file: name, drop (row numbers), and how many lost for which kind of reason."""
    counted = (F.sum(F.when(F.col("_kind") == kind, 1).otherwise(0)).alias(kind) for kind in _KINDS)
    return losers.groupBy(F.col("_name").alias("name")).agg(F.collect_list("_row").alias("drop"), *counted)


def _key(contract: Contract) -> list[str]:
    """What equal rows have alike, as `_read` gives it: partition columns are in no file, so they are one column."""
    inside = [name for name in contract.key_columns if name not in contract.partition_columns]
    placed = [_PARTITION] if len(inside) < len(contract.key_columns) else []
    return [*inside, *placed]


def _read(spark: SparkSession, contract: Contract, table_uri: str, files: Sequence[DataFile]) -> DataFrame:
    uris = [spark_uri(join(table_uri, file.path)) for file in files]
    # A schema of ours saves Spark the job that would look for one.
    rows = (
        spark.read.schema(_ddl(contract, [name for name in _wanted(contract) if name != _PARTITION]))
        .option("recursiveFileLookup", "true")
        .parquet(*map(_escaped, uris))
    )
    if _PARTITION not in _key(contract):
        return rows
    places = [(file_name(file.path), json.dumps(_place(contract, file))) for file in files]
    by_name = F.broadcast(spark.createDataFrame(places, f"_name string, {_PARTITION} string"))
    return rows.select("*", F.col("_metadata")).join(by_name, F.col("_metadata.file_name") == F.col("_name"))


def _ddl(contract: Contract, names: Iterable[str]) -> str:
    own = {HASH: "binary", "_source": "string", "_offset": "bigint", _PARTITION: "string"}
    types = {column.name: column.type for column in contract.columns} | own
    return ", ".join(f"`{name}` {types[name]}" for name in names)


def _wanted(contract: Contract) -> list[str]:
    """Columns that tell equal rows and decide between them."""
    placed = ["_source", "_offset"] if contract.keep == "first" else []
    return list(dict.fromkeys([*_key(contract), HASH, *placed, *filter(None, [contract.newest_by])]))


def _candidates(
    spark: SparkSession, contract: Contract, table_uri: str, files: Sequence[DataFile], new: int
) -> DataFrame:
    """Keys and what decides between equal ones, with each row's place: its file's name and its number in it."""
    rows = _read(spark, contract, table_uri, files)
    wanted = _wanted(contract)
    return rows.select(
        *(F.col(f"`{name}`") for name in wanted),
        F.lit(new).alias("_new"),
        F.col("_metadata.file_name").alias("_name"),
        F.col("_metadata.row_index").alias("_row"),
    )


def _escaped(uri: str) -> str:
    """Spark takes a path to read for a pattern; ours are plain."""
    return "".join("\\" + c if c in "*?[]{}\\" else c for c in uri)


def _losers(rows: DataFrame, contract: Contract, key: Sequence[str]) -> DataFrame:
    from pyspark.sql import Window

    order: list[Column]
    if contract.newest_by:
        order = [F.col(f"`{contract.newest_by}`").desc(), F.col(HASH).desc(), F.col("_new")]
    else:
        order = [F.col("_new"), F.col("_source"), F.col("_offset")]
    by_key = Window.partitionBy(*(F.col(f"`{name}`") for name in key))
    ranked = rows.withColumn("_rank", F.row_number().over(by_key.orderBy(*order)))
    best = F.first(HASH).over(by_key.orderBy(*order).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing))
    same = F.lit(contract.newest_by is None) | (F.col(HASH) == F.col("_best"))
    kind = F.when(F.col("_new") == _OLD, "replaced").when(same, "duplicates").otherwise("superseded")
    return ranked.withColumn("_best", best).where("_rank > 1").withColumn("_kind", kind)


def files_that_may_match(
    contract: Contract, staged: Sequence[DataFile], published: Iterable[DataFile]
) -> list[DataFile]:
    """The published files that rows of `staged` may have an equal in, by partition and statistics."""
    ranges: dict[tuple[str | None, ...], list[dict[str, Any]]] = {}
    for file in staged:
        ranges.setdefault(_place(contract, file), []).append(json.loads(file.stats))
    clock = _clock(contract)
    return [
        file
        for file in published
        if any(_overlap(clock, json.loads(file.stats or "{}"), new) for new in ranges.get(_place(contract, file), ()))
    ]


def _place(contract: Contract, file: DataFile) -> tuple[str | None, ...]:
    return tuple(file.partition_values.get(name) for name in contract.partition_columns)


def _clock(contract: Contract) -> str | None:
    """A column whose range tells files apart: equal keys, or equal records, have an equal one."""
    able = [c for c in contract.columns if not contract.key_columns or c.name in contract.key_columns]
    return next(
        (c.name for c in able if c.type in ("timestamp", "bigint", "date") and c.partition_position is None), None
    )


def _overlap(clock: str | None, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the ranges of `clock` meet; True where either is not known. A NULL equals a NULL, so NULLs meet NULLs."""
    if clock is None:
        return True
    try:
        if old["nullCount"][clock] and new["nullCount"][clock]:
            return True
        # Bounds of timestamps are cut to milliseconds on both sides alike, so equal values are within them.
        low, high = old["minValues"][clock], old["maxValues"][clock]
        return bool(low <= new["maxValues"][clock] and new["minValues"][clock] <= high)
    except (KeyError, TypeError):
        return True


def spoilt_published(found: Duplicates, published: Sequence[DataFile]) -> list[DataFile]:
    """The published files in which rows were replaced."""
    return [file for file in published if file_name(file.path) in found.spoilt]
