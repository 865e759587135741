"""Crawl, draft, curate, with no file edited between: every record has one fate, and sound ones are curated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakes import check_rows, curated_by, curated_rows, deliver
from sluice.catalog.crawl import Options, crawl
from sluice.catalog.writing import write_drafts
from sluice.quality.definitions import load_definitions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
EVENTS: list[dict[str, Any]] = [
    {"id": str(n), "type": kind, "public": True, "actor": {"id": n, "login": f"u{n}"}, "payload": payload,
     "created_at": f"2013-01-10T07:58:{n:02d}Z",
     **({"org": {"id": 7, "avatar_url": None}} if n % 2 else {"${env:HOME}": "a text"})}
    for n, (kind, payload) in enumerate([
        ("PushEvent", {"size": 1, "commits": [{"sha": "a", "author": {"name": "x"}, "distinct": True}]}),
        ("WatchEvent", {"action": "started"}),
        ("GollumEvent", {"pages": [{"summary": None, "title": "Home"}]}),
        ("ForkEvent", {"forkee": {"id": 1, "homepage": None, "size": 2}}),
        ("IssuesEvent", {"issue": {"number": 2, "labels": [], "milestone": {}}, "action": "closed"}),
    ])
]  # fmt: skip


COUNTRIES = '''country,latitude,longitude,name,"sinceDay"\r
AD,42.546245,1.601554,Andorra,2017-11-26\r
NA,-22.95764,18.49041,Namibia,2017-11-27\r
UM,,,"U.S. Minor\nOutlying Islands",2017-11-27\r
CI,7.539989,-5.54708,Côte d'Ivoire,2017-11-27\r
BQ,12,-68,"Bonaire, ""Saba""",2017-11-27\r
XX,0,0,"",2017-11-27'''


def trips(folder: Path) -> int:
    """A Parquet file of 40 rows with what JSON does not have: days, instants, decimals, bytes."""
    rows = [{"Trip ID": n, "startedAt": datetime(2020, 1, 1 + n % 3, tzinfo=UTC), "day": date(2020, 1, 1),
             "fare": Decimal(n) / 4, "stops": [{"at": n}], "blob": b"x"} for n in range(40)]  # fmt: skip
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "trips.parquet")
    return len(rows)


@pytest.fixture
def full_lake(lake: str) -> tuple[str, dict[str, int]]:
    """A lake with one dataset of each format, and how many records each has."""
    raw = Path(lake, "raw")
    (raw / "countries").mkdir(parents=True)
    (raw / "countries" / "countries.csv").write_text(COUNTRIES, encoding="utf-8", newline="")
    deliver(lake, EVENTS, dataset="events")
    return lake, {"countries": 6, "events": len(EVENTS), "trips": trips(raw / "trips")}


def test_what_was_crawled_is_curated_by_its_draft_as_it_is(
    spark: SparkSession, full_lake: tuple[str, dict[str, int]], tmp_path: Path
) -> None:
    lake, wanted = full_lake
    found = crawl(f"{lake}/raw", Options(lake=True))
    write_drafts(found, str(tmp_path), ("actor",))
    assert {one.name: one.records for one in found} == wanted
    for one in found:
        contract, suite = load_definitions(one.name, None, str(tmp_path))
        summary = curated_by(spark, lake, contract, suite=suite)
        assert summary["outcome"] == "published", one.name
        counts = summary["counts"]
        assert (counts["read"], counts["curated"]) == (wanted[one.name], wanted[one.name])
        failed = [row["name"] for row in check_rows(lake, one.name) if row["outcome"] != "passed"]
        assert failed == [], one.name
    event = next(row for row in curated_rows(lake, "events") if row["id"] == "1")
    assert (event["actor_login"], event["created_date"]) == ("u1", date(2013, 1, 10))
    # Spark would put the environment's value in the place of such a name.
    assert [row["env_home"] for row in curated_rows(lake, "events") if row["id"] == "2"] == ["a text"]
    trip = next(row for row in curated_rows(lake, "trips") if row["trip_id"] == 5)
    assert (trip["fare"], trip["started_date"], trip["blob"]) == (Decimal("1.25"), date(2020, 1, 3), b"x")


def job(name: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / f"{name}.py"), *arguments],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=os.environ,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_the_job_writes_drafts_tells_drift_and_fails_only_where_asked_to(lake: str, tmp_path: Path) -> None:
    here = str(tmp_path / "definitions")
    deliver(lake, EVENTS, dataset="events")
    code, summary, _ = job("crawl", "--lake", lake, "--write-contract", here, "--flatten", "actor,org")
    assert (code, [one["outcome"] for one in summary["drafts"]]) == (0, ["written", "written"])
    assert "drift" not in summary

    asked = ("--lake", lake, "--definitions", here, "--fail-on-drift", "true")
    code, summary, told = job("crawl", *asked)
    assert (code, summary["drift"]) == (0, {"events": []})
    assert "events: as its contract says" in told

    deliver(lake, [{**EVENTS[0], "id": 12, "new": None}], name="b", dataset="events")
    code, summary, told = job("crawl", *asked)
    assert (code, summary["exit_code"], summary["error"]) == (5, 5, "differs from its contract: events")
    found = {one["path"]: (one["kind"], one["contract"]) for one in summary["drift"]["events"]}
    assert found == {"id": ("type", "string"), "new": ("new", "")}
    assert "other type" in told
    assert job("crawl", *asked[:-1], "false")[0] == 0


def test_what_cannot_be_drafted_or_followed_is_said_before_anything_is_written(lake: str, tmp_path: Path) -> None:
    deliver(lake, EVENTS, dataset="events")
    here = tmp_path / "definitions"
    code, summary, _ = job("crawl", "--lake", lake, "--write-contract", str(here), "--flatten", "actr")
    assert (code, summary["error"]) == (2, "--flatten actr: no dataset has an object of fixed fields there")
    assert not here.exists()
    code, summary, _ = job("curate", "--lake", lake, "--dataset", "events", "--definitions", str(here))
    assert (code, summary["error"]) == (
        2, f"--definitions {here}: expected a local folder with schemas/ in it, found none",
    )  # fmt: skip
