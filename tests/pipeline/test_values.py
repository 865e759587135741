"""Values that a column cannot hold end where the contract says, with their reason, and never stop a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakes import curated_by, curated_rows, deliver, quarantine_rows, reasons

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WRONG, NOT, MALFORMED = "wrong_type", "not_convertible", "malformed_json"
# Text of `at`, text of `size`, and the reasons; None: the record is curated.
TABLE: list[tuple[str, str, list[tuple[str, str | None]] | None]] = [
    ("9223372036854775808", "1", [(NOT, "at")]),
    ("-9223372036854775809", "1", [(NOT, "at")]),
    ("9223372036854775807", "1", [(NOT, "visited_at")]),
    ("9223372036854775", "1", [(NOT, "visited_at")]),  # the year 292278994 in seconds
    ("1511711811679", "1", [(NOT, "visited_at")]),  # milliseconds where seconds are meant
    ("253402300799", "1", None),
    ("0", "1", None),
    ('"12"', "1", [(WRONG, "at")]),
    ('""', "1", [(WRONG, "at")]),
    ("1.0", "1", [(WRONG, "at")]),
    ("[1]", "1", [(WRONG, "at")]),
    ('{"a":1}', "1", [(WRONG, "at")]),
    ("null", "1", [("missing_required", "visited_at")]),
    ("1", "1e400", [(NOT, "size")]),
    ("1", "-1e400", [(NOT, "size")]),
    ("1", "NaN", [(MALFORMED, None)]),
    ("1", "2", None),  # or the two would be one stretch of damage
    ("1", "Infinity", [(MALFORMED, None)]),
    ("1", '"1"', [(WRONG, "size")]),
    ("1", "true", [(WRONG, "size")]),
    ("1", "1e308", None),
    ("1", "null", None),
    ('"12"', '"12"', [(WRONG, "at"), (WRONG, "size")]),
]


def test_each_value_ends_where_the_contract_says_with_its_reason(spark: SparkSession, lake: str) -> None:
    records = [f'{{"id":"n{n}","at":{at},"size":{size}}}'.encode() for n, (at, size, _) in enumerate(TABLE)]
    deliver(lake, records, between=b"\n")
    curated_by(spark, lake)
    found: dict[bytes, Any] = {row["record"].strip(): list(reasons(row)) for row in quarantine_rows(lake)}
    assert found == {record: why for record, (_, _, why) in zip(records, TABLE, strict=True) if why is not None}
    kept = {row["id"] for row in curated_rows(lake)}
    assert kept == {f"n{n}" for n, (_, _, why) in enumerate(TABLE) if why is None}
