"""The Spark that everybody is measured with: the product's own session on all cores, without a web page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.machine import cores
from sluice.runtime.session import build_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def start_spark(driver_memory: str, folder: Path) -> SparkSession:
    """A fresh JVM; scratch files go below `folder`. The driver's memory must be known before the JVM starts."""
    spark_to_start(driver_memory)
    folder.mkdir(parents=True, exist_ok=True)
    own = {"spark.local.dir": str(folder / "scratch"), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    return build_session("sluice-bench", own)


def spark_to_start(driver_memory: str) -> None:
    """Say how Spark is to be started by whoever does it in this process."""
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[{cores()}] --driver-memory {driver_memory} --conf spark.ui.enabled=false "
        "--conf spark.driver.host=127.0.0.1 pyspark-shell"
    )


def jobs_since(spark: SparkSession, first: int) -> list[dict[str, Any]]:
    """Spark jobs from number `first` on, oldest first: where each was asked for, its stages that ran, its seconds."""
    context = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    jobs = context.statusStore().jobsList(None)
    found = []
    for job in (jobs.apply(place) for place in range(jobs.size())):
        if job.jobId() >= first:
            began, ended = (at.get().getTime() for at in (job.submissionTime(), job.completionTime()))
            stages = job.numCompletedStages()
            found.append({"id": job.jobId(), "name": job.name(), "stages": stages, "seconds": (ended - began) / 1000})
    return sorted(found, key=lambda job: job["id"])


def next_job(spark: SparkSession) -> int:
    """The number that the next Spark job will have."""
    return max((job["id"] + 1 for job in jobs_since(spark, 0)), default=0)
