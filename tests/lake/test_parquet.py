"""Statistics in a table's log may be wide but are never wrong: readers skip files by them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.lake.parquet import FileSet, statistics

CHARACTERS = st.one_of(st.sampled_from("ab\U0010ffff\U0010fffe\uffff\u007f "), st.characters(codec="utf-8"))
TEXT = st.text(alphabet=CHARACTERS, max_size=70)
LONG = st.builds(lambda head, tail: head * 32 + tail, st.sampled_from("az\U0010ffff"), TEXT)
TIMES = st.datetimes(timezones=st.just(UTC))


def told(values: list[Any], type_: pa.DataType, group_rows: int = 3) -> tuple[dict[str, Any], list[Any]]:
    """What statistics say of a file with one column `c`."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"c": pa.array(values, type_)}), sink, row_group_size=group_rows)
    return json.loads(statistics(pq.read_metadata(pa.BufferReader(sink.getvalue())), ["c"])), values


def as_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@given(st.lists(st.one_of(st.none(), TEXT, LONG), min_size=1, max_size=8))
def test_texts_lie_within_their_bounds_as_bytes(values: list[str | None]) -> None:
    found, _ = told(values, pa.string())
    assert found["numRecords"] == len(values)
    assert found["nullCount"]["c"] == values.count(None)
    for value in values:
        if value is not None and "c" in found["minValues"]:
            assert found["minValues"]["c"].encode() <= value.encode() <= found["maxValues"]["c"].encode()


@given(st.lists(st.one_of(st.none(), TIMES), min_size=1, max_size=8))
def test_instants_lie_within_their_bounds_to_the_microsecond(values: list[datetime | None]) -> None:
    found, _ = told(values, pa.timestamp("us", "UTC"))
    assert found["nullCount"]["c"] == values.count(None)
    for value in values:
        if value is not None and "c" in found["minValues"]:
            assert as_time(found["minValues"]["c"]) <= value <= as_time(found["maxValues"]["c"])


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=8))
def test_integers_lie_within_their_bounds(values: list[int | None]) -> None:
    found, _ = told(values, pa.int64())
    assert found["nullCount"]["c"] == values.count(None)
    present = [value for value in values if value is not None]
    if present:
        assert (found["minValues"]["c"], found["maxValues"]["c"]) == (min(present), max(present))


@pytest.mark.parametrize("value", ["y" * 5000, "y" * 200_000])
def test_a_text_too_long_for_statistics_leaves_the_nulls_counted(value: str) -> None:
    found, _ = told([None, "a", None, value, value, None], pa.string())
    assert found["nullCount"]["c"] == 3
    assert found["maxValues"].get("c", "\U0010ffff").encode() >= value[:33].encode()


def test_a_column_with_a_nan_has_no_bounds(tmp_path: Path) -> None:
    """NaN is greater than all in Spark, and Parquet's own statistics leave it out."""
    files = FileSet(str(tmp_path), "batch=b/1", 1 << 20, ["c", "d"])
    files.add(pa.RecordBatch.from_pydict({"c": [1.0, float("nan"), 2.0], "d": [1.0, 2.0, None]}))
    [file] = files.close()
    found = json.loads(file.stats)
    assert (found["minValues"], found["maxValues"]) == ({"d": 1.0}, {"d": 2.0})
    assert found["nullCount"] == {"c": 0, "d": 1}


def test_a_year_before_1000_is_not_spelled_with_three_digits() -> None:
    found, _ = told([datetime(999, 1, 1, tzinfo=UTC) + timedelta(days=1)], pa.timestamp("us", "UTC"))
    assert found["minValues"].get("c", "0999").startswith("0999")
