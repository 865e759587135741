"""Datasets of CSV and of Parquet go the way of those of JSON: every record has one fate, and sound ones are curated."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakes import curated_by, curated_rows, quarantine_rows, reasons, totals
from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VERBATIM = Path(__file__).parents[1] / "data" / "country_counts" / "verbatim.csv"
HOUR = "2017/11/27/16"
Fields = list[tuple[str, str]]


def contract_of(
    dataset: str, format_: str, raw: Fields, columns: list[dict[str, Any]], settings: dict[str, Any]
) -> Contract:
    said = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": dataset,
        "version": "1.0.0",
        "schema": [
            {
                "name": "raw",
                "physicalType": format_,
                "properties": [{"name": name, "physicalType": type_} for name, type_ in raw],
            },
            {"name": dataset, "properties": columns},
        ],
        "customProperties": [{"property": name, "value": value} for name, value in settings.items()],
    }
    return parse_contract(json.dumps(said), f"schemas/{dataset}/v1.yaml")


def land(lake: str, dataset: str, name: str, content: bytes) -> None:
    storage_for(lake).put(join(lake, "raw", dataset, HOUR, name), content)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


COUNTS = contract_of(
    "country_counts",
    "csv",
    [
        ("window_start", "string"),
        ("country", "string"),
        *((name, "double") for name in ("latitude", "longitude")),
        *((name, "bigint") for name in ("positive", "other", "total")),
    ],
    [
        {
            "name": "window_at",
            "physicalType": "timestamp",
            "required": True,
            "transformLogic": "CAST(window_start AS timestamp)",
        },
        {
            "name": "window_date",
            "physicalType": "date",
            "partitioned": True,
            "partitionKeyPosition": 1,
            "transformLogic": "to_date(window_at)",
        },
        {"name": "country", "physicalType": "string", "required": True, "transformLogic": "trim(country)"},
        {"name": "latitude", "physicalType": "double"},
        {"name": "longitude", "physicalType": "double"},
        {"name": "total", "physicalType": "bigint", "required": True},
    ],
    {"csv": {"header": False}},
)


def test_each_row_of_csv_as_it_was_printed_is_curated_or_refused_for_what_is_wrong_with_it(
    spark: SparkSession, lake: str
) -> None:
    printed = VERBATIM.read_bytes()
    land(lake, "country_counts", "a.csv", printed)
    land(lake, "country_counts", "again", gzip.compress(printed))
    land(lake, "country_counts", "other.csv", b'{"country":"Chile"}\n')
    land(lake, "country_counts", "x.csv", parquet(pa.table({"country": ["Chile"]})))
    curated_by(spark, lake, COUNTS)

    rows = printed.splitlines()
    wrong = "wrong_type"
    reasons_by_name = {
        "Madagascar": [("malformed_csv", None)],  # two rows in one line
        "Montserrat": [(wrong, "latitude"), (wrong, "longitude")],  # 16:742
        " 04.1240": [(wrong, "longitude")],
    }
    refused = {row: why for row in rows for name, why in reasons_by_name.items() if name.encode() in row}
    found = [row for row in quarantine_rows(lake, "country_counts") if row["record"]]
    assert len(refused) == 3
    assert sorted((row["record"], list(reasons(row))) for row in found) == sorted(
        (row, why) for row, why in refused.items() for _ in range(2)
    )
    others = [row for row in quarantine_rows(lake, "country_counts") if not row["record"]]
    assert sorted(row["reasons"][0]["message"] for row in others) == [
        "expected CSV text, plain or gzip, found JSON",
        "expected CSV text, plain or gzip, found Parquet",
    ]
    sound = [row.decode().split(",") for row in rows if row not in refused]
    kept = curated_rows(lake, "country_counts")
    assert Counter((row["country"], row["latitude"], row["total"]) for row in kept) == Counter(
        (cells[1].strip(), float(cells[2]), int(cells[6])) for cells in sound
    )
    assert {(row["window_at"], row["window_date"]) for row in kept} == {
        (datetime(2017, 11, 27, 16, 25, tzinfo=UTC), date(2017, 11, 27))
    }
    counts = totals(lake, "country_counts")
    assert (counts.read, counts.curated, counts.quarantined, counts.duplicates) == (64, 28, 8, 28)


PLACES = contract_of(
    "places",
    "parquet",
    [
        ("id", "bigint"),
        ("day", "date"),
        ("seen_at", "timestamp"),
        ("mark", "binary"),
        ("tags", "array<timestamp>"),
        ("rest", "json"),
    ],
    [
        {"name": "id", "physicalType": "bigint", "required": True},
        {"name": "day", "physicalType": "date", "partitioned": True, "partitionKeyPosition": 1},
        {"name": "seen_at", "physicalType": "timestamp"},
        {"name": "seen_on", "physicalType": "date", "transformLogic": "to_date(seen_at)"},
        {"name": "mark", "physicalType": "binary"},
        {"name": "tags", "physicalType": "array<timestamp>"},
        {"name": "rest", "physicalType": "string"},
    ],
    {},
)


def test_a_folder_of_parquet_is_curated_with_every_value_as_it_was(spark: SparkSession, lake: str) -> None:
    at, day = datetime(2017, 11, 27, 16, 25, 0, 1, tzinfo=UTC), date(2017, 11, 27)
    table = pa.table(
        {
            "id": pa.array([2**63 - 1, 2, None], pa.int64()),
            "day": pa.array([day, date(1, 1, 1), day], pa.date32()),
            "seen_at": pa.array([at, None, at], pa.timestamp("us", "UTC")),
            "mark": pa.array([b"\x00\xff", b"", None], pa.binary()),
            "tags": pa.array([[at, None], [], None], pa.list_(pa.timestamp("us", "UTC"))),
            "rest": pa.array([{"a": 1.5}, None, {"a": None}], pa.struct([("a", pa.float64())])),
            "new": pa.array(["x", None, "y"]),
        }
    )
    land(lake, "places", "part-0.snappy.parquet", parquet(table))
    land(lake, "places", "part-1.parquet", parquet(table.slice(0, 1)))
    land(lake, "places", "part-2.parquet", b'{"id":1}')
    curated_by(spark, lake, PLACES)

    kept = {row["id"]: row for row in curated_rows(lake, "places")}
    assert list(kept) == [2, 2**63 - 1] or list(kept) == [2**63 - 1, 2]
    for number, row in enumerate(table.to_pylist()[:2]):
        found = kept[row["id"]]
        assert {name: found[name] for name in ("id", "day", "seen_at", "mark", "tags")} == {
            name: row[name] for name in ("id", "day", "seen_at", "mark", "tags")
        }
        assert found["seen_on"] == (day if row["seen_at"] else None)
        assert found["rest"] == ('{"a":1.5}', None)[number]
        assert found["_rescued"] == ('{"new":"x"}', '{"new":null}')[number]
    refused = {row["record"][:9]: reasons(row) for row in quarantine_rows(lake, "places")}
    assert refused == {b'{"id":nul': [("missing_required", "id")], b"": [("unreadable_object", None)]}
    counts = totals(lake, "places")
    assert (counts.read, counts.curated, counts.quarantined, counts.duplicates) == (5, 2, 2, 1)
