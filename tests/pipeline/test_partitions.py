"""Partition values: whatever they are, every row lies where its values say, and readers get them back as they were."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from lakes import contract_of, curated_by, curated_rows, deliver, places, quarantine_rows, reasons, totals, visit
from sluice.contract.model import Contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES = [
    "a b", "a_b", "a/b", "a:b", "a%b", "a%20b", "a=b", "..", "../../../up", "é", "日本", "\U00020000" * 70, "null",
    "__HIVE_DEFAULT_PARTITION__", "a'b\"c", "tab\tand\nline", "{x}*?[y]", "x" * 300, "A B", "#", "&+", "\\",
]  # fmt: skip


def by(name: str, type_: str, expression: str | None = None, **more: Any) -> Contract:
    """Visits partitioned by one column more than none: `name`."""
    column = {"name": name, "physicalType": type_, "partitioned": True, "partitionKeyPosition": 1}
    if expression is not None:
        column["transformLogic"] = expression
    no_day = {"partitioned": None, "partitionKeyPosition": None}
    return contract_of(column_2=no_day, raw_0={}, more=[column], **more)


def placed(spark: SparkSession, lake: str) -> tuple[Counter[Any], Counter[Any]]:
    """(id, place) of every row as delta-rs and as Spark read them."""
    ours = Counter((row["id"], row["place"]) for row in curated_rows(lake))
    table = spark.read.format("delta").load(places(lake).curated)
    return ours, Counter((row["id"], row["place"]) for row in table.select("id", "place").collect())


def test_texts_name_partitions_whatever_is_in_them(spark: SparkSession, lake: str) -> None:
    contract = by("place", "string", "page.title")
    records = [visit(number, page={"path": "/", "title": name}) for number, name in enumerate(NAMES)]
    records += [visit(900, page={"path": "/"}), visit(901, page={"path": "/", "title": ""})]
    deliver(lake, records)
    curated_by(spark, lake, contract)
    expected = Counter({(f"v{number}", name): 1 for number, name in enumerate(NAMES)}) + Counter([("v900", None)])
    assert placed(spark, lake) == (expected, expected)
    table = spark.read.format("delta").load(places(lake).curated)
    for number in (0, 2, 5, 9, 11):
        assert [row["id"] for row in table.where(table["place"] == NAMES[number]).collect()] == [f"v{number}"]
    assert [reasons(row) for row in quarantine_rows(lake)] == [[("empty_partition_value", "place")]]
    deliver(lake, reversed(records[:-1]), hour="2017/11/26/16")
    curated_by(spark, lake, contract)
    assert totals(lake).duplicates == len(NAMES) + 1
    assert placed(spark, lake) == (expected, expected)


@pytest.mark.parametrize(
    ("type_", "expression", "known_wrong"),
    [
        ("int", "CAST(at % 3 AS INT)", None),
        ("boolean", "at % 2 = 0", None),
        ("timestamp", "date_trunc('HOUR', visited_at)", None),
        ("decimal(10,2)", "CAST(at % 3 AS DECIMAL(10,2)) / 4", None),
    ],
)
def test_a_record_delivered_again_is_found_in_its_partition_of_any_type(
    spark: SparkSession, lake: str, type_: str, expression: str, known_wrong: str | None
) -> None:
    if type_.startswith("decimal"):
        expression = f"CAST({expression} AS {type_})"
    contract = by("place", type_, expression)
    records = [visit(n) for n in range(10)] + [visit(11, day=-3650)]
    deliver(lake, records)
    curated_by(spark, lake, contract)
    deliver(lake, reversed(records), hour="2017/11/26/16")
    curated_by(spark, lake, contract)
    assert (totals(lake).curated, totals(lake).duplicates) == (11, 11)
    ours, sparks = placed(spark, lake)
    assert len(curated_rows(lake)) == 11
    assert {place for _, place in sparks} - {None}
    if type_ != "timestamp":
        assert ours == sparks
