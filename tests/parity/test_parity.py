"""What deploy and submit send is run as sent, and makes the tables of a local run.

The requests are those that the scripts made, through botocore's clients, which hold them to the services' models. The
release is the one that was uploaded, built as scripts/build does for this lane and for this interpreter alone.
"""

from __future__ import annotations

import hashlib
import os
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import emr_runner
import glue_runner
import replaced
from at_hand import Platform, Ran
from clouds import DATASET, JOB, Cloud, Delivered
from lakes import check_rows, curated_rows, quarantine_rows
from sluice.deploy.release import Release
from support.cluster import cluster, die
from support.machine import ROOT

PREINSTALLED = tuple(tomllib.loads((ROOT / "runtimes.toml").read_text("utf-8"))["release"]["preinstalled"])
LOCAL = "local[2]"


def holds(ran: Ran, lake: str, delivered: Delivered, release: Release) -> None:
    """The run ended well, ran the release's own bytes, and its tables are those of the local run."""
    assert (ran.exit_code, ran.summary["exit_code"], ran.summary["outcome"]) == (0, 0, "published"), ran.log[-3000:]
    (told,) = [each.sha256 for each in release.files if each.path == f"jobs/{ran.script.name}"]
    assert hashlib.sha256(ran.script.read_bytes()).hexdigest() == told
    assert ran.summary["code_version"] == release.version
    assert not [path for path in ran.path if path.startswith(str(ROOT)) and "/pyspark/" not in path], ran.path
    for rows in (curated_rows, quarantine_rows, check_rows):
        assert rows(lake, DATASET) == rows(delivered.curated(), DATASET), rows.__name__
    assert len(curated_rows(lake, DATASET)) == delivered.expected["curated"]
    assert len(quarantine_rows(lake, DATASET)) == delivered.expected["quarantined"] > 0


def test_what_glue_is_sent_makes_the_tables_of_a_local_run(
    cloud: Cloud, release: Release, delivered: Delivered, tmp_path: Path
) -> None:
    lake = cloud.deployed("glue", release, tmp_path)
    delivered.copy_to(lake)
    print(replaced.printed(replaced.table("glue", LOCAL)))
    folder = tmp_path / "glue"
    folder.mkdir()
    (create,), (start,) = cloud.planes.glue.asked("CreateJob"), cloud.planes.glue.asked("StartJobRun")
    assert create["Name"].endswith(JOB)
    ran = glue_runner.run(Platform(folder, cloud.server, LOCAL, PREINSTALLED), create, start, seed=5)
    holds(ran, lake, delivered, release)
    own = str(folder / "python")
    assert {name for name, path in ran.modules.items() if not path.startswith(own)} == {"pyspark"}
    assert ran.argv[1::2] != sorted(ran.argv[1::2])


def test_an_emr_step_as_sent_makes_the_tables_of_a_local_run(
    cloud: Cloud, release: Release, delivered: Delivered, unpacked: Path, tmp_path: Path
) -> None:
    lake = cloud.deployed("emr", release, tmp_path)
    delivered.copy_to(lake)
    print(replaced.printed(replaced.table("emr", LOCAL)))
    folder = tmp_path / "container"
    folder.mkdir()
    (request,) = cloud.planes.emr.asked("AddJobFlowSteps")
    ran = emr_runner.run_step(Platform(folder, cloud.server, LOCAL), request, unpacked)
    holds(ran, lake, delivered, release)
    comes_from_the_archive_and_the_wheel(ran, folder, release)


def staging(folder: Path) -> bool:
    """Whether the run in `folder` has begun to stage its batch: workers that start earlier try the contract out."""
    told = folder / "output"  # where spark-submit puts what its Python says on standard error, too
    return told.exists() and b"stage: batch" in told.read_bytes()


def test_a_serverless_run_as_sent_makes_the_same_tables_on_two_workers_of_which_one_dies_in_the_middle(
    cloud: Cloud, release: Release, delivered: Delivered, unpacked: Path, tmp_path: Path
) -> None:
    lake = cloud.deployed("emr-serverless", release, tmp_path)
    delivered.copy_to(lake)
    folder = tmp_path / "container"
    folder.mkdir()
    (request,) = cloud.planes.serverless.asked("StartJobRun")
    machine = replaced.bare(cloud.server, os.environ["SPARK_HOME"], os.environ.get("JAVA_HOME", ""), tmp_path)
    own = {**machine, "SLUICE_CLUSTER_PYTHON": replaced.base_python()}
    with cluster(tmp_path / "cluster", own) as workers, ThreadPoolExecutor(1) as pool:
        print(replaced.printed(replaced.table("emr-serverless", workers.master)))
        platform = Platform(folder, cloud.server, workers.master)
        running = pool.submit(emr_runner.run_serverless, platform, request, unpacked)
        while not running.done() and not (staging(folder) and (victim := workers.at_work("pyspark.daemon"))):
            time.sleep(0.02)
        assert not running.done(), running.result().log[-4000:]
        die(victim)
        ran = running.result()
    holds(ran, lake, delivered, release)
    assert "Lost executor" in ran.log
    comes_from_the_archive_and_the_wheel(ran, folder, release)


def comes_from_the_archive_and_the_wheel(ran: Ran, folder: Path, release: Release) -> None:
    for name, path in ran.modules.items():
        place = f"/{release.wheel}/" if name == "sluice" else "/environment.tar.gz/" if name != "pyspark" else "/"
        assert place in str(Path(path).resolve()), (name, path)
        assert not path.startswith(str(ROOT)) or name == "pyspark"
