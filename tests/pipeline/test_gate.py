"""The gate in the pipeline: which rows are refused, which batches are held, and what is told of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakes import (
    curated_by,
    curated_rows,
    deliver,
    expectation,
    places,
    quarantine_rows,
    reasons,
    rows_of,
    suite_of,
    transitions,
    versions,
    visit,
)
from sluice.errors import SuiteError, UsageError
from sluice.quality.model import Suite

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = expectation("size is small", "column_values_to_be_between", column="size", min_value=0, max_value=100)
ROOT = expectation("path is a root", "column_values_to_be_in_set", "warning", column="path", value_set=["/0", "/1"])
KNOWN = expectation("id is known", "column_values_to_match_regex", column="id", regex="^v[0-9]+$", mostly=0.9)
FEW = expectation("few rows", "table_row_count_to_be_between", min_value=1, max_value=50)
UNIQUE = expectation("one of each", "column_values_to_be_unique", column="_record_hash")


def checks(lake: str, **wanted: Any) -> list[dict[str, Any]]:
    found = rows_of(places(lake).checks)
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


def by_name(lake: str, **wanted: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in checks(lake, **wanted)}


def big(number: int) -> dict[str, Any]:
    return {**visit(number), "size": 1e6}


def test_a_critical_row_check_refuses_rows_and_a_warning_counts_them(spark: SparkSession, lake: str) -> None:
    deliver(lake, [*(visit(n) for n in range(20)), big(30), big(31), big(31), {"id": "late"}])
    told = curated_by(spark, lake, suite=suite_of(SMALL, ROOT))

    refused = [row for row in quarantine_rows(lake) if ("size is small", "size") in reasons(row)]
    assert (len(refused), len(curated_rows(lake))) == (3, 20)
    assert all(row["record"].startswith(b'{"id": "v3') for row in refused)
    assert told["counts"]["quarantined"] == 4
    found = by_name(lake)
    assert {name: (row["evaluated"], row["failed"], row["outcome"]) for name, row in found.items()} == {
        "size is small": (23, 3, "refused"),
        # Rows that a contract refuses are asked nothing; those that the suite refuses are.
        "path is a root": (23, sum(n % 7 > 1 for n in [*range(20), 30, 31, 31]), "reported"),
        "missing_required:visited_at": (24, 1, "refused"),
    }
    assert "exit_code" not in told


def test_a_row_check_may_look_at_what_was_rescued(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1), {**visit(2), "colour": "red"}])
    known = expectation("no unknown fields", "column_values_to_be_null", column="_rescued")
    curated_by(spark, lake, suite=suite_of(known))
    assert [reasons(row) for row in quarantine_rows(lake)] == [[("no unknown fields", "_rescued")]]
    assert [row["id"] for row in curated_rows(lake)] == ["v1"]


def test_counts_agree_in_checks_quarantine_ledger_and_summary(spark: SparkSession, lake: str) -> None:
    for day in range(2):
        deliver(lake, [*(visit(n, day) for n in range(30)), big(40), b"{junk", visit(3, day)], f"2017/11/2{6 + day}/15")
        told = curated_by(spark, lake, suite=suite_of(SMALL, ROOT, KNOWN, FEW, UNIQUE))
        batch = told["batches"][0]
        quarantined = [row for row in rows_of(places(lake).quarantine) if row["batch_id"] == batch]
        by_reason = {}
        for row in quarantined:
            for reason in row["reasons"]:
                key = (reason["rule"], reason["column"] or "")
                by_reason[key] = by_reason.get(key, 0) + 1
        refusing = [row for row in checks(lake, batch_id=batch) if row["outcome"] == "refused"]
        named = {(row["rule"] if row["kind"] == "contract" else row["name"], row["column"]): row for row in refusing}
        assert {key: row["failed"] for key, row in named.items()} == by_reason
        last = transitions(lake)[-1]
        assert vars(last.counts) == told["counts"]
        assert last.counts.quarantined == len(quarantined) == 2
        rows = by_name(lake, batch_id=batch)["few rows"]
        assert rows["observed_value"] == last.counts.curated == 30


@pytest.mark.parametrize("what", ["mostly", "whole batch"])
def test_a_held_batch_publishes_nothing_and_later_ones_go_on(spark: SparkSession, lake: str, what: str) -> None:
    odd = [{**visit(n), "id": f"x{n}"} for n in range(60, 64)]
    deliver(lake, [visit(n) for n in range(10)] + odd if what == "mostly" else [visit(n) for n in range(60)], name="a")
    suite = suite_of(KNOWN, FEW, ROOT)
    told = curated_by(spark, lake, suite=suite)
    name = "id is known" if what == "mostly" else "few rows"
    assert (told["exit_code"], told["outcome"], told["batches"]) == (3, "held", [])
    (batch,) = told["held"]
    assert len(told["held"][batch]) == 1
    assert told["held"][batch][0].startswith(f"{name}: observed ")
    assert "expected" in told["held"][batch][0]
    assert batch in told["error"]
    assert name in told["error"]
    assert (curated_rows(lake), quarantine_rows(lake)) == ([], [])
    assert {row["outcome"] for row in checks(lake, name=name)} == {"held"}
    assert {row["state"] for row in checks(lake)} == {"held"}

    deliver(lake, [visit(n) for n in range(100, 110)], "2017/11/26/16", "b")
    told = curated_by(spark, lake, suite=suite)
    assert (told["exit_code"], len(told["batches"]), list(told["held"])) == (3, 1, [batch])
    assert len(curated_rows(lake)) == 10

    before = versions(lake)
    told = curated_by(None, lake, suite=suite)
    assert (told["exit_code"], list(told["held"]), versions(lake)) == (3, [batch], before)

    told = curated_by(spark, lake, suite=suite_of(ROOT))
    assert "exit_code" not in told
    assert told["batches"] == [batch]
    assert len(curated_rows(lake)) == 10 + (14 if what == "mostly" else 60)
    assert "held" not in told


def test_a_held_batch_is_taken_up_when_its_data_is_mended(spark: SparkSession, lake: str) -> None:
    suite = suite_of(FEW)
    deliver(lake, [visit(n) for n in range(60)], name="a")
    assert curated_by(spark, lake, suite=suite)["exit_code"] == 3
    deliver(lake, [visit(n) for n in range(40)], name="a")
    told = curated_by(spark, lake, suite=suite)
    assert (told["outcome"], told["counts"]["curated"], len(curated_rows(lake))) == ("published", 40, 40)
    assert [row.state for row in transitions(lake)][-5:] == ["held", "abandoned", "planned", "publishing", "published"]


def test_a_released_batch_is_published_with_its_failed_checks_waived_by_name(spark: SparkSession, lake: str) -> None:
    suite = suite_of(FEW, KNOWN)
    deliver(lake, [visit(n) for n in range(60)])
    (batch,) = curated_by(spark, lake, suite=suite)["held"]
    options = {"release_held": batch, "reason": "a known replay", "released_by": "ops"}
    told = curated_by(spark, lake, suite=suite, **options)
    assert (told["outcome"], told["batches"], len(curated_rows(lake))) == ("published", [batch], 60)
    last = transitions(lake)[-1]
    assert (last.waived, last.released_by, last.release_reason) == (("few rows",), "ops", "a known replay")
    outcomes = {name: row["outcome"] for name, row in by_name(lake, state="published").items()}
    assert outcomes == {"few rows": "waived", "id is known": "passed"}


def test_a_release_waives_only_what_had_failed(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(n) for n in range(60)])
    (batch,) = curated_by(spark, lake, suite=suite_of(FEW))["held"]
    none = expectation("no rows", "table_row_count_to_be_between", max_value=0)
    told = curated_by(spark, lake, suite=suite_of(FEW, none), release_held=batch, reason="because")
    assert [line.split(":")[0] for line in told["held"][batch]] == ["no rows"]
    assert curated_rows(lake) == []
    told = curated_by(spark, lake, suite=suite_of(FEW, none), release_held=batch, reason="that one, too")
    assert (told["outcome"], transitions(lake)[-1].waived) == ("published", ("few rows", "no rows"))


def test_what_cannot_be_released_is_said_and_changes_nothing(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1)])
    curated_by(spark, lake)
    before = versions(lake)
    with pytest.raises(UsageError, match="expected a batch that the gate holds; no batch is held"):
        curated_by(None, lake, release_held="x", reason="y")
    with pytest.raises(UsageError, match="--release-held BATCH and --reason TEXT go together"):
        curated_by(None, lake, release_held="x")
    assert versions(lake) == before


def test_a_suite_that_does_not_fit_is_refused_before_anything_is_planned(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1)])
    wrong = expectation("gone", "column_values_to_not_be_null", column="colour")
    bad = expectation("bad", "column_values_to_match_regex", column="id", regex="(")
    with pytest.raises(SuiteError) as refused:
        curated_by(spark, lake, suite=suite_of(wrong))
    assert "colour" in str(refused.value)
    with pytest.raises(SuiteError):
        curated_by(spark, lake, suite=suite_of(bad))
    assert versions(lake) == {}


BUSY: Mapping[str, Any] = {"metric": "row_count", "severity": "critical", "band": 5, "at_least": 3}


def test_held_batches_never_enter_the_baseline(spark: SparkSession, lake: str) -> None:
    suite = suite_of(KNOWN, history=[BUSY])
    outcomes = []
    for hour, count in enumerate([10, 11, 10, 200, 210, 11]):
        first = 1000 * hour
        deliver(lake, [visit(n) for n in range(first, first + count)], f"2017/11/26/{10 + hour}")
        told = curated_by(spark, lake, suite=suite)
        newest = max(checks(lake, kind="history"), key=lambda row: row["sequence"])
        outcomes.append((newest["outcome"], newest["observed_value"], len(told.get("held", ()))))
    assert outcomes == [
        ("passed", 10.0, 0), ("passed", 11.0, 0), ("passed", 10.0, 0), ("held", 200.0, 1), ("held", 210.0, 2),
        ("passed", 11.0, 2),
    ]  # fmt: skip
    few = min(checks(lake, kind="history"), key=lambda row: row["sequence"])
    assert "too little history" in few["observed"]


def counted(spark: SparkSession, lake: str, suite: Suite) -> int:
    """Spark jobs of one run."""
    tracker = spark.sparkContext.statusTracker()
    before = max(tracker.getJobIdsForGroup(), default=-1)
    curated_by(spark, lake, suite=suite)
    return sum(job > before for job in tracker.getJobIdsForGroup())


def test_spark_jobs_do_not_grow_with_the_number_of_row_checks(spark: SparkSession, tmp_path: Path) -> None:
    def jobs(many: int) -> int:
        asked = [
            expectation(f"c{n}", "column_values_to_be_between", column="size", min_value=-n, max_value=1e9)
            for n in range(many)
        ]
        lake = str(tmp_path / f"lake {many}")
        deliver(lake, [visit(n) for n in range(10)])
        found = counted(spark, lake, suite_of(*asked))
        assert len(checks(lake, kind="row", outcome="passed")) == many
        return found

    # More than fit one mask of bits.
    assert jobs(70) == jobs(2)


def test_a_run_writes_its_page_and_the_next_run_writes_one_that_is_missing(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(n) for n in range(10)] + [big(20)])
    curated_by(spark, lake, suite=suite_of(SMALL, FEW))
    docs = Path(places(lake).docs)
    (page,) = (docs / "runs").iterdir()
    text = page.read_text(encoding="utf-8")
    assert "size is small" in text
    assert "few rows" in text
    assert page.name in (docs / "index.html").read_text(encoding="utf-8")
    (data_docs,) = (docs / "data_docs").iterdir()
    assert "table_row_count" in data_docs.read_text(encoding="utf-8") or data_docs.stat().st_size > 1000

    before = {path: path.stat().st_mtime_ns for path in docs.rglob("*.html")}
    curated_by(None, lake, suite=suite_of(SMALL, FEW))
    assert {path: path.stat().st_mtime_ns for path in docs.rglob("*.html")} == before
    page.unlink()
    curated_by(None, lake, suite=suite_of(SMALL, FEW))
    again = page.read_text(encoding="utf-8")
    assert "size is small" in again


def test_refused_records_can_be_kept_apart(spark: SparkSession, lake: str, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    deliver(lake, [visit(1), big(2)])
    curated_by(spark, lake, suite=suite_of(SMALL), quarantine=str(apart))
    assert not (Path(lake) / "quarantine").exists()
    assert [json.loads(row["record"])["id"] for row in rows_of(str(apart / "visits"))] == ["v2"]


WITHOUT = """
import sys
sys.path += [{tests!r}, {here!r}]
from lakes import curated_by, deliver, visit
from sluice.runtime.session import build_session
deliver({lake!r}, [visit(1), b"junk"])
spark = build_session("x", {{"spark.master": "local[1]", "spark.ui.enabled": "false"}})
assert curated_by(spark, {lake!r})["outcome"] == "published"
spark.stop()
heavy = sorted(name for name in sys.modules if name.split(".")[0] in ("great_expectations", "scipy", "altair"))
assert not heavy, heavy[:3]
"""


@pytest.mark.lane("spark-4.1")  # what is imported does not hang on Spark's version
def test_great_expectations_is_not_imported_where_no_gate_runs(lake: str) -> None:
    here = Path(__file__).parent
    script = WITHOUT.format(tests=str(here.parent), here=str(here), lake=lake)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-1000:]
