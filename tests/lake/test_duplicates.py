"""Byte-equal records: of equal ones one stays, and which rows go is said exactly, however many files hold them."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakes import contract_of
from sluice.lake.commit import DataFile
from sluice.lake.duplicates import Duplicates, find_duplicates
from sluice.lake.hashes import HashedFile, Within, _bits, hashes_in, losing, may_hold, staged_bits
from sluice.lake.mend import Group, file_name, mend
from sluice.lake.tables import HASH
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Few values, so that many are equal; some share their first half, by which they are sorted, or their second.
HASHES = st.builds(lambda first, second: bytes([first]) * 8 + bytes([second]) * 8, st.integers(0, 3), st.integers(0, 9))
FILES = st.lists(st.lists(HASHES, min_size=1, max_size=12), min_size=1, max_size=4)


def put(lake: str, hashes: list[bytes | None], **how: Any) -> DataFile:
    """A data file of rows with `hashes` and their numbers."""
    sink = pa.BufferOutputStream()
    numbers = pa.array(range(len(hashes)), pa.int64())
    pq.write_table(pa.table({HASH: pa.array(hashes, pa.binary()), "n": numbers}), sink, **how)
    path = f"part-{uuid.uuid4()}.parquet"
    data = sink.getvalue()
    storage_for(lake).put(join(lake, path), memoryview(data))
    return DataFile(path, data.size, {}, 0, "{}")


def search(spark: SparkSession, lake: str, staged: list[DataFile], published: list[DataFile]) -> Duplicates:
    return find_duplicates(spark, contract_of(), (lake, staged), (lake, published))


def rows_that_stay(
    spark: SparkSession, lake: str, files: dict[str, tuple[DataFile, list[bytes]]], found: Duplicates
) -> list[bytes]:
    """Hashes in `files` after what was found is left out, by the product's own mending of the files it says."""
    groups = [
        Group(lake, "again", (file,), (), 1 << 20) for file, _ in files.values() if file_name(file.path) in found.spoilt
    ]
    kept = [h for file, hashes in files.values() if file_name(file.path) not in found.spoilt for h in hashes]
    for written in (file for files in mend(spark, groups, found.drops) for file in files):
        kept += pq.read_table(join(lake, written.path), columns=[HASH])[HASH].to_pylist()
    return kept


@pytest.mark.parametrize("few", [1_000_000, 0])
@given(staged=FILES, published=FILES)
@settings(max_examples=3)
@example(staged=[[b"a" * 16], [b"b" * 16]], published=[[b"c" * 16, b"c" * 16]])
def test_of_equal_records_one_stays_and_a_published_one_always(
    spark: SparkSession, tmp_path_factory: Any, few: int, staged: list[list[bytes]], published: list[list[bytes]]
) -> None:
    lake = str(tmp_path_factory.mktemp("lake"))
    new = {file.path: (file, hashes) for hashes in staged for file in [put(lake, hashes)]}
    old = {file.path: (file, hashes) for hashes in published for file in [put(lake, hashes)]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sluice.lake.duplicates._FEW_ROWS", few)  # beyond which numbers of rows stay in Spark
        found = search(spark, lake, [file for file, _ in new.values()], [file for file, _ in old.values()])
    known = {h for hashes in published for h in hashes}
    expected = {h for hashes in staged for h in hashes} - known
    assert Counter(rows_that_stay(spark, lake, new, found)) == Counter(expected)
    assert found.duplicates == sum(map(len, staged)) - len(expected)
    assert (found.superseded, found.replaced) == (0, 0)
    assert isinstance(found.drops, dict) == (bool(few) or not found.duplicates)


def test_of_equal_staged_records_the_one_in_the_largest_file_stays(spark: SparkSession, lake: str) -> None:
    many = [bytes([n]) * 16 for n in range(200)]
    small, large, other = put(lake, many[5:7]), put(lake, many), put(lake, many[6:8])
    found = search(spark, lake, [small, large, other], [])
    assert isinstance(found.drops, dict)
    assert {name: sorted(rows) for name, rows in found.drops.items()} == {small.path: [0, 1], other.path: [0, 1]}


@given(
    rows=st.lists(st.tuples(HASHES, st.integers(0, 3)), max_size=60),
    staged=st.lists(st.booleans(), min_size=4, max_size=4),
)
@settings(max_examples=300)
def test_a_staged_row_loses_where_an_equal_one_is_published_or_before_it(
    rows: list[tuple[bytes, int]], staged: list[bool]
) -> None:
    hashes = np.frombuffer(b"".join(h for h, _ in rows), np.uint64).reshape(-1, 2)
    files = np.array([file for _, file in rows], np.int32)
    numbers = np.arange(len(rows), dtype=np.uint32)
    lost = losing(hashes, np.array(staged)[files], files, numbers)
    seen = {h for h, file in rows if not staged[file]}
    expected = set()
    for place, (h, file) in sorted(enumerate(rows), key=lambda row: (row[1][1], row[0])):
        if staged[file] and h in seen:
            expected.add(place)
        seen.add(h)
    assert sorted(lost) == sorted(expected)


@pytest.mark.parametrize("where", ["lake", "s3_lake"])
def test_hashes_of_a_file_come_with_the_numbers_of_their_rows(request: pytest.FixtureRequest, where: str) -> None:
    lake = request.getfixturevalue(where)
    hashes = [None if n % 7 == 3 else n.to_bytes(16, "little") for n in range(1000)]
    file = put(lake, hashes, row_group_size=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sluice.lake.hashes._READ_ROWS", 100)
        parts = list(hashes_in(HashedFile(join(lake, file.path), file.path, file.size_bytes, staged=True)))
    assert len(parts) > 1
    numbers = np.concatenate([rows for _, rows in parts])
    assert [n for n in range(1000) if hashes[n] is not None] == list(numbers)
    assert np.concatenate([found for found, _ in parts])[:, 0].tolist() == numbers.tolist()


AT = datetime(2026, 3, 1, tzinfo=UTC)
# Ten rows to a row group: hours 0 to 9, 10 to 19, 20 to 29, then NULLs.
HOURS = [AT + timedelta(hours=n) for n in range(30)] + [None] * 10


@pytest.mark.parametrize(
    ("low", "high", "nulls", "expected"),
    [
        (12, 13, False, [12, 13]),
        (9, 10, False, [9, 10]),
        (29, 99, False, [29]),
        (-9, -1, False, []),
        (12, 12, True, [12, *range(30, 40)]),
    ],
)
def test_of_a_published_file_only_rows_that_may_have_an_equal_one_are_compared(
    lake: str, low: int, high: int, nulls: bool, expected: list[int]
) -> None:
    sink = pa.BufferOutputStream()
    rows = {HASH: [n.to_bytes(16, "little") for n in range(40)], "at": pa.array(HOURS, pa.timestamp("us", "UTC"))}
    pq.write_table(pa.table(rows), sink, row_group_size=10)
    path = join(lake, "x.parquet")
    storage_for(lake).put(path, memoryview(sink.getvalue()))
    within = Within("at", AT + timedelta(hours=low), AT + timedelta(hours=high), nulls)
    parts = list(hashes_in(HashedFile(path, "x", sink.getvalue().size, False, within)))
    assert [int(n) for _, found in parts for n in found] == expected
    assert [int(n) for found, _ in parts for n in found[:, 0]] == expected
    groups = [n for n in range(4) if may_hold(pq.ParquetFile(path).metadata.row_group(n), within)]
    # A group of NULLs alone has no bounds, so it is read whatever is asked.
    assert groups == sorted({3, *(n // 10 for n in expected)})


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=30))
@settings(max_examples=50)
def test_no_published_row_that_equals_a_staged_one_is_left_out(staged: list[bytes]) -> None:
    def of(hashes: list[bytes]) -> npt.NDArray[np.uint64]:
        return np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sluice.lake.hashes.hashes_in", lambda file: iter([(of(staged), np.arange(len(staged)))]))
        known = staged_bits([HashedFile("x", "x", 1, True)])
    assert known is not None
    assert known[_bits(of(staged), len(known))].all()
    assert known.sum() <= len(staged)


def test_only_what_is_asked_for_is_read(lake: str) -> None:
    path = Path(lake) / "x"
    path.write_bytes(bytes(range(100)))
    assert storage_for(lake).read(str(path), 10, 5) == bytes(range(10, 15))
    assert storage_for(lake).read(str(path), 97, 5) == bytes(range(97, 100))
    assert storage_for(lake).read(str(path)) == bytes(range(100))
