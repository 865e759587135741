"""Real processes killed on a lake in S3: the next run ends with the tables of an undisturbed one on a disk."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from lakes import curated_by, deliver, outcome, transitions, versions, visit
from processes import killable
from sluice.runtime import aws
from support.s3 import S3Server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# On both lanes real processes are killed on a disk; what S3 adds does not depend on Spark's version.
pytestmark = [pytest.mark.kill, pytest.mark.lane("spark-4.1")]
OPTIONS: dict[str, Any] = {"target_file_bytes": 3000}


def first(lake: str) -> None:
    deliver(lake, [visit(n, n % 2) for n in range(30)] + [b'{"id": 5'])


def second(lake: str) -> None:
    deliver(lake, [visit(n, n % 2) for n in range(20, 60)] + [b"junk"], "2017/11/26/16")
    deliver(lake, [visit(n, n % 2) for n in range(50, 70)], "2017/11/26/17")


def killed_at(step: str, lake: str) -> None:
    with killable(lake, "SIGKILL", step) as process:
        assert process.wait(300) == -signal.SIGKILL


def test_what_sigkill_leaves_in_s3_the_next_run_finishes_with_every_row_once(
    spark: SparkSession, lake: str, s3_lake: str, s3_service: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_service.environment().items():
        monkeypatch.setitem(spark.sparkContext.environment, name, value)
    for deliver_to in (first, second):
        deliver_to(lake)
        curated_by(spark, lake, **OPTIONS)
    expected = outcome(lake)

    first(s3_lake)
    killed_at("plan", s3_lake)  # a lease that nobody holds any more is all that is left
    assert versions(s3_lake) == {}
    killed_at("publish curated", s3_lake)
    assert transitions(s3_lake)[-1].state == "publishing"
    assert sorted(versions(s3_lake)) == ["curated", "ledger", "quarantine"]
    curated_by(None, s3_lake, lease_seconds=300.0, **OPTIONS)  # it does not wait for the dead one's lease

    second(s3_lake)
    killed_at("account", s3_lake)
    assert transitions(s3_lake)[-1].state == "planned"
    curated_by(spark, s3_lake, lease_seconds=300.0, **OPTIONS)
    found = outcome(s3_lake)
    assert len(found["curated"]) == 70
    assert found == expected
    before = versions(s3_lake)
    curated_by(None, s3_lake, **OPTIONS)
    assert versions(s3_lake) == before
    aws.client.cache_clear()
