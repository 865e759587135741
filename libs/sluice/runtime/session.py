"""The Spark session of every job: one set of settings, so that every runtime computes the same tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sluice.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What could differ between runtimes and would change a result is pinned: Glue 6.0 turns ANSI on and Glue 5.1 does not,
# a cluster's time zone is anybody's guess, and timestamps other than TIMESTAMP_MICROS have no statistics in Parquet.
PINNED = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.caseSensitive": "false",
    # `${env:HOME}` in an expression is text; by default Spark would put the environment's value there.
    "spark.sql.variable.substitute": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.sources.partitionOverwriteMode": "static",
    # Spark 4.1 measures a batch at every row, in time that grows with the batch (160 s of CPU for 2 million rows).
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "4096",
    # The JVM compiles no method of more than 8,000 bytes; Spark then must cut the work into smaller ones, or a suite of
    # twenty row checks runs interpreted (2 million messages: 13.9 s of staging in place of 11.1).
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # A limited collect asks all partitions at once, not one first and then more.
    "spark.sql.limit.initialNumPartitions": "100000",
    # Keys are read from files that we list ourselves; a Spark job to list them again would cost more than reading them.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    "spark.databricks.delta.properties.defaults.columnMapping.mode": "none",
    "spark.databricks.delta.properties.defaults.checkpointPolicy": "classic",
}
_STATIC = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


def build_session(app_name: str, conf: Mapping[str, str] | None = None) -> SparkSession:
    """The session with Delta and the pinned settings; `conf` adds to them, and what the runtime gave stays otherwise.

    Raises UsageError where the runtime started Spark without Delta, since that cannot be mended from inside.
    """
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    for key, value in {**_STATIC, **_s3a(), **(conf or {})}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    for key, value in PINNED.items():
        session.conf.set(key, value)
    extensions = session.conf.get("spark.sql.extensions", "") or ""
    if _STATIC["spark.sql.extensions"] not in extensions:
        raise UsageError(
            "expected a Spark session with Delta, found one without; start the job with "
            + " ".join(f"--conf {key}={value}" for key, value in _STATIC.items())
        )
    return session


def _s3a() -> dict[str, str]:
    """How Spark's own S3 client (S3A) asks; where the environment names another endpoint (private stores), it follows.

    It tries as often as boto3 and delta-rs: by its defaults (20 times 7 on Hadoop 3.3) a store that throttles or is
    gone would hold a job for most of an hour. 500 connections are Hadoop 3.4's default (HADOOP-19015: with 96 readers
    of many small files wait for each other until they time out). Other defaults were looked at and are right for
    Parquet, which is all it reads: it begins at a file's end and is told to read at random by its first seek back.
    """
    import os

    from sluice.runtime.aws import attempts

    prefix = "spark.hadoop.fs.s3a."
    tries = str(attempts())
    settings = {
        f"{prefix}attempts.maximum": "3",
        f"{prefix}retry.limit": tries,
        f"{prefix}retry.throttle.limit": tries,
        f"{prefix}connection.maximum": "500",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        settings |= {
            f"{prefix}endpoint": endpoint,
            f"{prefix}path.style.access": "true",
            f"{prefix}connection.ssl.enabled": str(endpoint.startswith("https")).lower(),
        }
    return settings


@contextmanager
def conf(spark: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Runtime settings for a while; whatever happens, the old ones come back."""
    before = {key: spark.conf.get(key, None) for key in wanted}
    try:
        for key, value in wanted.items():
            spark.conf.set(key, value)
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)
