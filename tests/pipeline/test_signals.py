"""Real signals to real processes: killed, a run is finished by the next; stopped and overtaken, it changes nothing."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakes import curated_by, deliver, listing, outcome, places, transitions, versions, visit
from processes import killable, until_stopped

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.kill
OPTIONS: dict[str, Any] = {"target_file_bytes": 3000}


@pytest.fixture(scope="module")
def told(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """A lake with one published batch and more to do, and what an undisturbed run ends with."""
    folder = tmp_path_factory.mktemp("signals")
    lake = str(folder / "before")
    deliver(lake, [visit(n, n % 2) for n in range(30)] + [b'{"id": 5'])
    curated_by(spark, lake, **OPTIONS)
    deliver(lake, [visit(n, n % 2) for n in range(20, 60)] + [b"junk"], "2017/11/26/16")
    deliver(lake, [visit(n, n % 2) for n in range(50, 70)], "2017/11/26/17")
    undisturbed = str(folder / "undisturbed")
    shutil.copytree(lake, undisturbed)
    curated_by(spark, undisturbed, **OPTIONS)
    return lake, outcome(undisturbed)


@pytest.mark.parametrize("step", ["account", "publish curated", "sweep"])
def test_what_sigkill_leaves_the_next_run_finishes_at_once(
    spark: SparkSession, told: tuple[str, dict[str, Any]], tmp_path: Path, step: str
) -> None:
    lake = str(tmp_path / "a lake")
    shutil.copytree(told[0], lake)
    with killable(lake, "SIGKILL", step) as process:
        assert process.wait(120) == -signal.SIGKILL
    assert transitions(lake)[-1].state == {"account": "planned", "publish curated": "publishing"}.get(step, "published")
    curated_by(spark if step == "account" else None, lake, lease_seconds=300.0, **OPTIONS)  # it does not wait for these
    assert outcome(lake) == told[1]


@pytest.mark.parametrize("step", ["point of no return", "commit 2"])
def test_a_run_that_was_stopped_and_overtaken_changes_nothing_when_it_wakes(
    spark: SparkSession, told: tuple[str, dict[str, Any]], tmp_path: Path, step: str
) -> None:
    """`commit 2` is after the last look at the lease: only the put-if-absent on the next version is left to stop it."""
    lake = str(tmp_path / "a lake")
    shutil.copytree(told[0], lake)
    with killable(lake, "SIGSTOP", step, 3) as process:
        until_stopped(process)
        time.sleep(1.5)  # its last heartbeat must be old enough to be doubted
        curated_by(spark, lake, lease_seconds=3, **OPTIONS)
        assert outcome(lake) == told[1]
        before, made = listing(lake), versions(lake)
        os.kill(process.pid, signal.SIGCONT)
        said, cried = process.communicate(timeout=60)
        assert process.returncode == 1, (said, cried)
        assert "another run has taken over" in said.splitlines()[-1] or "did not land" in said.splitlines()[-1]
        assert "Traceback" not in cried
    assert versions(lake) == made
    assert outcome(lake) == told[1]
    gone = {path for path in before if path not in listing(lake)}
    assert not any(places(lake).curated in path for path in gone)
