"""Staged rows whose record is there already, of byte-equal records: found by their hashes, natively.

::

    a task per share of the files    reads the column of hashes and deals them to buckets by their first bits
    Spark's shuffle                  brings each bucket together, packed: a large row a file, not one a record
    a task per share of the buckets  sorts them; of equal hashes one stays

Nothing but hashes is read, a task holds its share of them (about 50 bytes a row), and the driver none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.lake.tables import HASH
from sluice.runtime.ranges import RangedFile
from sluice.runtime.workers import forget_archives

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HASH_BYTES = 16
# Buckets a task: so many that Spark, which places them by a hash of its own, gives about as many to each.
_BUCKETS_A_TASK = 32
_READ_ROWS = 1_000_000
# A batch of more rows is compared with all of what is published, since it has much of it to be compared with.
_MOST_STAGED = 2_000_000
# One published row in so many gets through by chance.
_PLACES_A_HASH = 32
_DEALT = "bucket int, file int, hashes binary, rows binary"
_DEALT_SCHEMA = pa.schema(
    [("bucket", pa.int32()), ("file", pa.int32()), ("hashes", pa.binary()), ("rows", pa.binary())]
)
_LOST = "name string, lost bigint, drop array<bigint>"
_LOST_SCHEMA = pa.schema([("name", pa.string()), ("lost", pa.int64()), ("drop", pa.list_(pa.int64()))])

Longs = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Within:
    """Bounds of a column, inclusive, outside of which no row can have an equal one; `nulls`: a NULL may have."""

    column: str
    low: Any
    high: Any
    nulls: bool


@dataclass(frozen=True)
class HashedFile:
    """A data file with a column of hashes: where it is, what its rows are told by, and whether they may lose.

    Of a file with `within`, row groups that lie outside are not read, and of the others only rows inside.
    """

    uri: str
    name: str
    size_bytes: int
    staged: bool
    within: Within | None = None


def rows_lost(spark: SparkSession, files: Sequence[HashedFile], tasks: int, most: int) -> DataFrame:
    """Rows that lose against an equal one, one row per file and share: name, lost (how many), drop (their numbers).

    Only staged rows lose: to a published one, else to that in the earliest of `files`. Where a task finds more than
    its share of `most` of them, their numbers are NULL.
    """
    buckets = tasks * _BUCKETS_A_TASK
    readers = min(len(files), tasks)
    dealt = spark.range(0, readers, 1, readers).mapInArrow(_dealer(files, readers, buckets), _DEALT)
    return dealt.repartition(tasks, "bucket").mapInArrow(_comparer(files, most // tasks), _LOST)


def _dealer(
    files: Sequence[HashedFile], readers: int, buckets: int
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def deal(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_archives()
        for batch in batches:
            for reader in batch.column("id").to_pylist():
                mine = range(reader, len(files), readers)
                known = None if all(files[number].staged for number in mine) else staged_bits(files)
                for number in mine:
                    for hashes, rows in hashes_in(files[number]):
                        if known is None or files[number].staged:
                            yield _dealt(number, hashes, rows, buckets)
                        elif len(some := np.flatnonzero(known[_bits(hashes, len(known))])):
                            yield _dealt(number, hashes[some], rows[some], buckets)

    return deal


def staged_bits(files: Sequence[HashedFile]) -> npt.NDArray[np.bool_] | None:
    """Which of the places that a hash's first bits name some staged hash has; None where there are too many of them.

    A published row whose place is empty has no equal one, so a small batch leaves nearly all of a large table alone.
    """
    staged: list[Longs] = []
    for file in files:
        for hashes, _ in hashes_in(file) if file.staged else ():
            staged.append(hashes)
            if sum(map(len, staged)) > _MOST_STAGED:
                return None
    count = sum(map(len, staged))
    known = np.zeros(1 << max(16, (count * _PLACES_A_HASH).bit_length()), bool)
    for hashes in staged:
        known[_bits(hashes, len(known))] = True
    return known


def _bits(hashes: Longs, places: int) -> npt.NDArray[np.intp]:
    return (hashes[:, 0] >> np.uint64(64 - places.bit_length() + 1)).astype(np.intp)


def hashes_in(file: HashedFile) -> Iterator[tuple[Longs, npt.NDArray[np.uint32]]]:
    """The hashes of a file, two numbers each, and the numbers of their rows; rows without a hash are left out."""
    with pq.ParquetFile(RangedFile(file.uri, file.size_bytes), pre_buffer=True) as source:
        first = 0
        for number in range(source.num_row_groups):
            group = source.metadata.row_group(number)
            if may_hold(group, file.within):
                yield from _group_hashes(source, number, first, file.within)
            first += group.num_rows


def _group_hashes(
    source: pq.ParquetFile, number: int, first: int, within: Within | None
) -> Iterator[tuple[Longs, npt.NDArray[np.uint32]]]:
    there = source.schema_arrow.names
    columns = [HASH] if within is None or within.column not in there else [HASH, within.column]
    for batch in source.iter_batches(_READ_ROWS, row_groups=[number], columns=columns):
        wanted = batch.column(HASH).is_valid()
        if within is not None and len(columns) > 1:
            wanted = pc.and_(wanted, _lies_within(batch.column(within.column), within))
        rows = np.flatnonzero(np.asarray(wanted))
        column = batch.column(HASH)
        if len(rows):
            yield (
                as_numbers(column if len(rows) == len(column) else column.take(pa.array(rows))),
                (first + rows).astype(np.uint32),
            )
        first += len(batch)


def _lies_within(column: pa.Array, within: Within) -> pa.Array:
    low, high = (pa.scalar(bound, column.type) for bound in (within.low, within.high))
    inside = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
    return pc.fill_null(inside, within.nulls)


def may_hold(group: pq.RowGroupMetaData, within: Within | None) -> bool:
    """Whether rows of a row group may lie `within`, by its statistics; True where they do not tell."""
    if within is None:
        return True
    chunks = (group.column(number) for number in range(group.num_columns))
    found = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == within.column), None)
    if found is None or not found.has_min_max or (within.nulls and (not found.has_null_count or found.null_count)):
        return True
    try:
        return bool(found.min <= within.high and within.low <= found.max)
    except TypeError:
        return True


def as_numbers(column: pa.Array) -> Longs:
    """A column of hashes, none of them NULL, as two numbers each."""
    sized = column.cast(pa.binary(HASH_BYTES))
    return np.frombuffer(sized.buffers()[1], np.uint64)[2 * sized.offset :][: 2 * len(sized)].reshape(-1, 2)


def _dealt(number: int, hashes: Longs, rows: npt.NDArray[np.uint32], buckets: int) -> pa.RecordBatch:
    bucket = (hashes[:, 0] % np.uint64(buckets)).astype(np.uint16 if buckets <= 1 << 16 else np.uint32)
    order = np.argsort(bucket, kind="stable")
    hashes, rows = hashes[order], rows[order]
    ends = np.cumsum(np.bincount(bucket, minlength=buckets))
    parts = [
        (n, slice(start, end)) for n, (start, end) in enumerate(zip([0, *ends], ends, strict=False)) if end > start
    ]
    columns = {
        "bucket": [n for n, _ in parts],
        "file": [number] * len(parts),
        "hashes": [hashes[part].tobytes() for _, part in parts],
        "rows": [rows[part].tobytes() for _, part in parts],
    }
    return pa.RecordBatch.from_pydict(columns, schema=_DEALT_SCHEMA)


def _comparer(files: Sequence[HashedFile], most: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    staged = np.array([file.staged for file in files])

    def compare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_archives()
        packed = [row for batch in batches for row in batch.to_pylist()]
        hashes = np.frombuffer(b"".join(row["hashes"] for row in packed), np.uint64).reshape(-1, 2)
        rows = np.frombuffer(b"".join(row["rows"] for row in packed), np.uint32)
        counts = [len(row["hashes"]) // HASH_BYTES for row in packed]
        numbers = np.repeat(np.array([row["file"] for row in packed], np.int32), counts)
        lost = losing(hashes, staged[numbers], numbers, rows)
        for number in np.unique(numbers[lost]):
            drop = rows[lost][numbers[lost] == number].astype(np.int64)
            told = {"name": [files[number].name], "lost": [len(drop)], "drop": [drop if len(lost) <= most else None]}
            yield pa.RecordBatch.from_pydict(told, schema=_LOST_SCHEMA)

    return compare


def losing(
    hashes: Longs, staged: npt.NDArray[np.bool_], files: npt.NDArray[np.int32], rows: npt.NDArray[np.uint32]
) -> npt.NDArray[np.int64]:
    """Places of the staged rows that lose against an equal one: to a published, an earlier file's, an earlier row."""
    # Sorted by half the hash, equal ones are neighbours; few are, and those alone are looked at closely.
    order = np.argsort(hashes[:, 0])
    first = hashes[order, 0]
    same = first[1:] == first[:-1]
    close = np.zeros(len(order), bool)
    close[1:] |= same
    close[:-1] |= same
    some = order[close]
    some = some[np.lexsort((rows[some], files[some], staged[some], hashes[some, 1], hashes[some, 0]))]
    again = (hashes[some[1:]] == hashes[some[:-1]]).all(axis=1)
    lost: npt.NDArray[np.int64] = some[1:][again]
    return lost[staged[lost]]
