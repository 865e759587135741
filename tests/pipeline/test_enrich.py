"""What the contract has filled: told from what was received, record by record, and nothing else of a record changes."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

from lakes import check_rows, curated_by, curated_rows, quarantine_rows, reasons, record_hash, totals
from sluice.contract.load import load_contract
from sluice.enrich.fill import additions
from sluice.quality.load import load_suite
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MADE = ("latitude", "longitude", "coordinates_source", "sentiment", "sentiment_value", "sentiment_source")
PLACES: list[dict[str, Any]] = [
    {"latitude": 1.5, "longitude": -2.5},
    {},
    {"latitude": None, "longitude": None},
    {"latitude": 1.5},
    {"latitude": -16.6, "longitude": 179.4, "coordinates_source": "countries@0"},  # filled on the way here
]
MOODS: list[dict[str, Any]] = [{"sentiment": "neutral", "sentiment_value": 0.0}, {}]
NAMES = ["Fiji", " cote d'ivoire ", "Saint Kitts and ", "Oz"]
TEXTS = ["I ate the sweet Oysters", "bad, bad", "a red stove"]


def records() -> list[dict[str, Any]]:
    """One of each kind, told apart by their times."""
    kinds = product(PLACES, MOODS, NAMES, TEXTS)
    return [
        {"timestamp": 1511711811000 + number, "country": name, "message": text, **place, **mood}
        for number, (place, mood, name, text) in enumerate(kinds)
    ]


def test_spark_fills_what_the_delivery_function_fills_and_leaves_the_rest_as_it_came(
    spark: SparkSession, lake: str
) -> None:
    contract, sound = load_contract("app_messages"), records()
    refused = {
        b'{"timestamp":1,"country":"Fiji","message":"good","latitude":"x"}': [("wrong_type", "latitude")],
        b'{"timestamp":1,"message":"good"}': [("missing_required", "country")],
        b'{"timestamp":1511711811000,"country":"Fiji","message":" "}': [
            ("missing_required", "sentiment"),
            ("missing_required", "sentiment_value"),
        ],
    }
    stored = [json.dumps(record).encode() for record in sound]
    content = b"".join([*stored, *refused, *stored[:7]])
    storage_for(lake).put(join(lake, "raw", "app_messages", "2017/11/26/15", "a"), content)
    summary = curated_by(spark, lake, contract, suite=load_suite("app_messages"))

    assert summary["outcome"] == "published"
    expected = {
        record_hash(text): tuple((record | more).get(name) for name in MADE)
        for text, record, more in zip(stored, sound, additions(contract.enrich, sound), strict=True)
    }
    rows = curated_rows(lake, "app_messages")
    assert {row["_record_hash"]: tuple(row[name] for name in MADE) for row in rows} == expected
    assert {row["_rescued"] for row in rows} == {None}
    found = {row["record"]: list(reasons(row)) for row in quarantine_rows(lake, "app_messages")}
    assert found == refused
    counts = totals(lake, "app_messages")
    assert (counts.curated, counts.quarantined, counts.duplicates) == (len(stored), len(refused), 7)

    checks = {row["name"]: (row["evaluated"], row["failed"]) for row in check_rows(lake, "app_messages")}
    filled = {name: sum(row[name] is not None for row in rows) for name in ("coordinates_source", "sentiment_source")}
    unplaced = sum(row["latitude"] is None for row in rows)
    assert filled == {"coordinates_source": 60, "sentiment_source": 60}
    assert unplaced == 12  # in Oz: they stay, and are counted
    asked = len(stored) + 7  # rows are asked before duplicates are looked for
    assert checks["coordinates_not_filled"] == (asked, filled["coordinates_source"])
    assert checks["sentiment_not_filled"] == (asked, filled["sentiment_source"])
    assert checks["coordinates_found"] == (asked, unplaced)
