"""What the stream wrote is taken in row by row, by the contract and suite that the project ships."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import write_deltalake

from lakes import check_rows, curated_by, curated_rows, places, quarantine_rows, reasons, rows_of, totals
from sluice.contract.load import load_contract
from sluice.enrich.countries import all_countries
from sluice.quality.load import load_suite
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
VERBATIM = ROOT / "tests" / "data" / "country_counts" / "verbatim.csv"
REFERENCE = ROOT / "libs" / "sluice" / "enrich" / "data" / "countries.csv"
AT = datetime(2017, 11, 27, 16, 25, tzinfo=UTC)

# By its line in verbatim.csv, every row: what it becomes, or why it is refused.
CURATED: list[tuple[int, str, float, float, int, int, int]] = [
    (1, "F1]1", -16.57819366455078, 179.41441345214844, 1, 249, 250),  # a name nobody knows: kept, and counted
    (2, "India", 20.59368324279785, 78.96288299560547, 5, 245, 250),
    (3, "Japan", 36.2048225402832, 138.2529296875, 5, 245, 250),
    (4, "Saint Lucia", 13.909443855285645, -60.978893280029304, 5, 245, 250),
    (5, "Turkey", 38.9637451171875, 35.24332046508789, 2, 248, 250),
    (6, "Burkina Faso", 12.238332748413088, -1.5615930557250977, 2, 248, 250),
    (7, "Cambodia", 12.565678596496584, 104.990966796875, 1, 249, 250),
    (8, "Spain", 40.46366882324219, -3.74921989440918, 2, 248, 250),
    (9, "Australia", -25.274398803710938, 133.77513122558594, 0, 250, 250),
    (10, "Niger", 17.6077880859375, 8.081665992736816, 0, 250, 250),
    (11, "Uruguay", -32.52277755737305, -55.76583480834961, 0, 250, 250),
    (12, "Cayman Islands", 19.513469696044922, -80.56695556640625, 1, 249, 250),
    (13, "El Salvador", 13.79418468475342, -88.89653015136719, 10, 240, 250),
    (14, "Ethiopia", 9.145000457763672, 40.48967361450195, 1, 249, 250),
    (15, "Costa Rica", 9.748916625976562, -83.75342559814453, 2, 248, 250),
    (16, "Bhutan", 27.514162063598633, 90.43360137939452, 0, 250, 250),
    (17, "Martinique", 14.641528129577637, -61.024173736572266, 7, 243, 250),
    (18, "Egypt", 26.820552825927738, 30.80249786376953, 1, 249, 250),
    (19, "Nepal", 28.39485740661621, 84.12400817871094, 4, 246, 250),
    (21, "Togo", 8.619543075561523, 0.8247820138931273, 3, 247, 250),
    (22, "Portugal", 39.399871826171875, -8.224453926086426, 1, 249, 250),
    (23, "Chile", -35.675148010253906, -71.54296875, 0, 250, 250),
    (24, "Bahrain", 25.9304141998291, 50.63777160644531, 4, 246, 250),
    (25, "Madagascar", -18.76694679260254, 46.86910629272461, 0, 250, 250),  # two rows in a line
    (25, "Greece", 39.0742073059082, 21.82431221008301, 1, 249, 250),
    (26, "Mauritius", -20.348403930664066, 57.55215072631836, 10, 240, 250),
    (28, "Mozambique", -18.66569519042969, 35.529563903808594, 0, 250, 250),
    (29, "Norway", 60.472023010253906, 8.46894645690918, 0, 250, 250),
    (30, "Venezuela", 6.423749923706056, -66.58972930908203, 0, 250, 250),
    (31, "Saint Kitts and", 17.35782241821289, -62.78299713134766, 6, 244, 250),  # cut short: kept as written
]
REFUSED = {
    20: [("wrong_type", "longitude")],  # 04.124: no JSON number; its counts do not add up, either
    27: [("wrong_type", "latitude"), ("wrong_type", "longitude")],  # 16:742, -62:187
}
# What the suite refuses, beside the printed rows.
MADE = {
    b"2017-11-27 16:25:00.000,Peru,-9.189967,-75.015152,1,2,4": [("total_is_sum", "total")],
    b"2017-11-27 16:25:00.000,Oman,-9.0,-75.0,9223372036854775807,1,0": [("total_is_sum", "total")],
    b"2017-11-27 16:25:00.000,Cuba,91.0,-181.0,-1,2,1": [
        ("first_count_counts", "first_count"),
        ("latitude_in_range", "latitude"),
        ("longitude_in_range", "longitude"),
    ],
    b"27.11.2017 16:25,Iran,1.0,1.0,1,1,2": [("not_convertible", "window_start")],
    b"2017-11-27 16:25:00.000,Iraq,1.0,1.0,1,1,": [("missing_required", "total")],
}


def land(lake: str, dataset: str, content: bytes, name: str = "written.csv") -> None:
    storage_for(lake).put(join(lake, "raw", dataset, "2017/11/27/16", name), content)


def curate_shipped(spark: SparkSession, lake: str, dataset: str) -> dict[str, Any]:
    return curated_by(spark, lake, load_contract(dataset), suite=load_suite(dataset))


def test_every_row_that_the_stream_wrote_is_curated_or_in_quarantine_for_what_is_wrong_with_it(
    spark: SparkSession, lake: str
) -> None:
    printed = VERBATIM.read_bytes()
    land(lake, "country_counts", printed + b"\n".join(MADE) + b"\n")
    assert curate_shipped(spark, lake, "country_counts")["outcome"] == "published"

    names = ("country", "latitude", "longitude", "first_count", "second_count", "total")
    kept = curated_rows(lake, "country_counts")
    assert sorted(tuple(row[name] for name in names) for row in kept) == sorted(row[1:] for row in CURATED)
    assert {(row["window_start"], row["window_date"], row["_rescued"]) for row in kept} == {
        (AT, date(2017, 11, 27), None)
    }
    lines = printed.splitlines()
    refused = {lines[number - 1]: why for number, why in REFUSED.items()} | MADE
    found = {row["record"]: list(reasons(row)) for row in quarantine_rows(lake, "country_counts")}
    assert found == refused
    counts = totals(lake, "country_counts")
    assert (counts.read, counts.curated, counts.quarantined) == (len(lines) + 1 + len(MADE), len(CURATED), len(refused))
    checks = {row["name"]: row for row in check_rows(lake, "country_counts")}
    assert (checks["country_known"]["failed"], checks["country_known"]["outcome"]) == (2, "reported")
    compared = checks["stream_vs_lake.different"]
    missing = "not compared: there is no table analytics/sentiment_by_country yet"
    assert (compared["observed"], compared["outcome"]) == (missing, "passed")


def test_the_countries_that_fill_records_are_a_dataset_too(spark: SparkSession, lake: str) -> None:
    land(lake, "countries", REFERENCE.read_bytes())
    assert curate_shipped(spark, lake, "countries")["outcome"] == "published"
    kept = {row["code"]: (row["name"], row["latitude"], row["longitude"]) for row in curated_rows(lake, "countries")}
    assert kept == {one.code: (one.name, one.latitude, one.longitude) for one in all_countries()}
    assert (len(kept), kept["NA"][0], kept["UM"][1:]) == (245, "Namibia", (None, None))


def counted_in_lake(lake: str, rows: list[tuple[datetime, str, int]]) -> None:
    """The table of our own windows, with what is compared."""
    schema = pa.schema(
        {
            "window_start": pa.timestamp("us", "UTC"),
            "window_date": pa.date32(),
            "country": pa.string(),
            "total": pa.int64(),
        }
    )
    made = [{"window_start": at, "window_date": at.date(), "country": name, "total": n} for at, name, n in rows]
    table = pa.Table.from_pylist(made, schema=schema)
    write_deltalake(join(lake, "analytics/sentiment_by_country"), table, partition_by=["window_date"])


def test_what_the_stream_wrote_is_compared_with_our_own_windows_by_window_and_country(
    spark: SparkSession, lake: str
) -> None:
    later = AT + timedelta(seconds=5)
    ours = [(AT, "India", 250), (AT, "Peru", 3), (AT, "Saint Kitts and Nevis", 250), (AT, "Japan", 249)]
    counted_in_lake(lake, [*ours, (AT + timedelta(hours=1), "Chad", 1)])

    def batch(name: str, *rows: tuple[datetime, str]) -> dict[str, tuple[int, int, str]]:
        lines = [f"{at:%Y-%m-%d %H:%M:%S}.000, {country}, 1.0, 1.0, 1,249,250" for at, country in rows]
        land(lake, "country_counts", "\n".join(lines).encode(), name)
        curate_shipped(spark, lake, "country_counts")
        found = [row for row in rows_of(places(lake, "country_counts").checks) if row["kind"] == "comparison"]
        newest = max(row["sequence"] for row in found)
        told = {row["name"].split(".")[1]: row for row in found if row["sequence"] == newest}
        return {side: (row["evaluated"], row["failed"], row["observed"]) for side, row in told.items()}

    where = "in 1 of 2 windows that it has"
    assert batch("a.csv", (AT, "India"), (AT, "Japan"), (later, "Mali")) == {
        "only_here": (4, 0, f"0 of 4 rows {where}"),
        "only_there": (4, 2, f"2 of 4 rows {where}, such as 2017-11-27 16:25:00 Peru: none here, 3 there"),
        "different": (4, 1, f"1 of 4 rows {where}, such as 2017-11-27 16:25:00 Japan: 250 here, 249 there"),
    }
    # The rest of a window: what is published of it counts, and a name cut short is the country's.
    where = "in 1 of 1 windows that it has"
    assert batch("b.csv", (AT, "Saint Kitts and "), (AT, "Oz")) == {
        "only_here": (5, 1, f"1 of 5 rows {where}, such as 2017-11-27 16:25:00 Oz: 250 here, none there"),
        "only_there": (5, 1, f"1 of 5 rows {where}, such as 2017-11-27 16:25:00 Peru: none here, 3 there"),
        "different": (5, 1, f"1 of 5 rows {where}, such as 2017-11-27 16:25:00 Japan: 250 here, 249 there"),
    }
