"""Columns that go past Spark come back to their own rows, however Spark cuts its batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pytest

from sluice.contract.load import load_contract
from sluice.errors import AccountingError
from sluice.pipeline.carry import leaving, looked_at, rejoined
from sluice.raw.reader import arrow_schema

CONTRACT = load_contract("app_messages")
SCHEMA = arrow_schema(CONTRACT)


def raw(first: int, count: int) -> pa.RecordBatch:
    rows = [
        {"name": f"n{n}", "message": f"m{n}", "_hash": b"%d" % n, "_offset": n} for n in range(first, first + count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def through_spark(size: int) -> list[pa.RecordBatch]:
    """Two batches of 10 and 7 rows, left and told, in batches of `size` as Spark gives them on."""

    def read(_: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from (raw(0, 10), raw(10, 7))

    told = pa.Table.from_batches(leaving(read, CONTRACT)([])).combine_chunks()
    return told.to_batches(max_chunksize=size)


@pytest.mark.parametrize("size", [1, 3, 10, 17])
def test_carried_columns_come_back_to_their_own_rows(size: int) -> None:
    rows = [row for batch in rejoined(CONTRACT)(through_spark(size)) for row in batch.to_pylist()]
    assert [(r["name"], r["message"], r["_record_hash"], r["_offset"]) for r in rows] == [
        (f"n{n}", f"m{n}", b"%d" % n, n) for n in range(17)
    ]


@pytest.mark.parametrize("order", [[1, 0, *range(2, 17)], [0, 2, 1, *range(3, 17)]])
def test_rows_in_another_order_stop_the_batch(order: list[int]) -> None:
    [batch] = through_spark(17)
    swapped = batch.take(pa.array(order))
    with pytest.raises(AccountingError, match="another order"):
        list(rejoined(CONTRACT)([swapped]))


def test_what_no_rule_looks_at_does_not_go_through_spark() -> None:
    assert {"name", "message"}.isdisjoint(looked_at(CONTRACT))


def test_a_field_is_looked_at_for_its_whole_name_alone() -> None:
    tweets = looked_at(load_contract("tweets"))
    assert {"id", "quoted_status_id", "retweeted_status", "user"} <= set(tweets)
    assert {"quoted_status", "retweeted", "message"}.isdisjoint(tweets)  # parts of names that are
