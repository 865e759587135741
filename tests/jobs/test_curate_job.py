"""The job as a process: its exit codes, its last line, and that a runtime's own arguments do not disturb it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakes import listing
from landing.__main__ import land
from landing.arguments import parse
from support.s3 import S3Server

ROOT = Path(__file__).parents[2]
GLUE = ["--JOB_NAME", "x", "--TempDir", "s3://b/t", "--JOB_RUN_ID", "y"]


SUBMIT = ["spark-submit", "--master", "local[2]", "--driver-memory", "1g", "--conf", "spark.ui.enabled=false"]


def job(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "curate.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=env
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "app_messages"], "--lake"),
        (["--lake", "LAKE", "--dataset", "app_messages"], "expected source objects below it, found none"),
        (["--lake", "LAKE", "--dataset", "app_mesages"], "has no contract (did you mean `app_messages`?)"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--contract-version", "9"], "version '9' has no contract"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--dry-run", "yes"], "expected true or false"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--max-batch-file", "3"], "did you mean --max-batch-files?"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--since", "2017-13-01"], "expected an arrival hour (UTC)"),
        (["--lake", "ftp://x/y", "--dataset", "app_messages"], "this scheme is not supported"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message_with_code_2_and_nothing_is_written(
    lake: str, arguments: list[str], said: str
) -> None:
    given = [lake if word == "LAKE" else word for word in arguments]
    for order in ([*given, *GLUE], [*GLUE, *given]):
        done = job(*order)
        summary = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, summary["exit_code"]) == (2, 2), done.stderr
        assert said in summary["error"]
        assert "Traceback" not in done.stderr
        assert list(Path(lake).iterdir()) == []


def test_a_submitted_job_curates_what_was_delivered_and_its_last_line_tells_it(lake: str) -> None:
    expected = land(parse(["--lake", lake, "--messages", "500", "--damaged", "0.02", "--workers", "1"]))["expected"]
    asked = ["--lake", lake, "--dataset", "app_messages"]
    command = [*SUBMIT, str(ROOT / "jobs" / "curate.py"), *GLUE, *asked, "--JOB_ID", "z"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["outcome"], summary["exit_code"], summary["balanced"]) == ("published", 0, True)
    counts = {name: summary["counts"][name] for name in ("read", "curated", "quarantined")}
    assert counts == {"read": expected["records"], **{name: expected[name] for name in ("curated", "quarantined")}}
    assert expected["quarantined"] > 0

    again = job(*asked, *GLUE)  # without a new source object it needs no Spark, so also no spark-submit
    summary = json.loads(again.stdout.splitlines()[-1])
    assert (again.returncode, summary["outcome"], summary["batches"]) == (0, "nothing new", []), again.stderr
    assert "starting Spark" not in again.stderr + again.stdout


def test_a_dataset_that_is_held_ends_the_job_with_code_4(lake: str) -> None:
    from sluice.lake.lease import Lease
    from sluice.lake.places import Places

    land(parse(["--lake", lake, "--messages", "10", "--workers", "1"]))
    with Lease.acquire(Places(lake, "app_messages").lease, "another"):
        done = job("--lake", lake, "--dataset", "app_messages", *GLUE)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["exit_code"]) == (4, 4), done.stderr
    assert "run another on" in summary["error"]
    assert not Path(lake, "curated").exists()


@pytest.mark.parametrize("who", ["reader", "nobody"])
def test_a_store_that_denies_the_job_is_one_clear_message_with_code_1_and_nothing_is_written(
    s3_lake: str, s3_service: S3Server, who: str
) -> None:
    land(parse(["--lake", s3_lake, "--messages", "10", "--workers", "1"]))
    before = listing(s3_lake)
    rights = {**os.environ, **s3_service.environment(who)}
    done = job("--lake", s3_lake, "--dataset", "app_messages", *GLUE, env=rights)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["exit_code"]) == (1, 1), done.stderr
    assert "access denied" in summary["error"]
    assert "Traceback" not in done.stderr
    assert listing(s3_lake) == before
