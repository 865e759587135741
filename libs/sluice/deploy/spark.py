"""The Spark settings that must come with a job, since they cannot be set once Spark runs."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.deploy.environments import Environment
from sluice.deploy.sections import Size
from sluice.errors import UsageError

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
GLUE_CATALOG = {
    "spark.hadoop.hive.metastore.client.factory.class": (
        "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
    )
}
ARCHIVE = "environment"
PYTHON = f"./{ARCHIVE}/bin/python"


def encryption(environment: Environment) -> dict[str, str]:
    """How S3A encrypts what it writes: nothing to say with S3's own keys, which every bucket has by default."""
    if environment.kms_key is None:
        return {}
    return {
        "spark.hadoop.fs.s3a.encryption.algorithm": "SSE-KMS",
        "spark.hadoop.fs.s3a.encryption.key": environment.kms_key,
    }


def sizes(driver: Size, executor: Size) -> dict[str, str]:
    return {
        "spark.driver.cores": str(driver.cores),
        "spark.driver.memory": driver.memory,
        "spark.executor.cores": str(executor.cores),
        "spark.executor.memory": executor.memory,
    }


def merged(ours: Mapping[str, str], own: Mapping[str, str], where: str) -> dict[str, str]:
    """`ours` and the environment file's `own`; UsageError where the file sets what the job depends on."""
    both = sorted(key for key in set(ours) & set(own) if ours[key] != own[key])
    if both:
        raise UsageError(f"{where}.spark: sets {', '.join(both)}, which the job depends on; leave it out")
    return {**ours, **own}


def conf_chain(conf: Mapping[str, str]) -> str:
    """`a=1 --conf b=2`: how Glue's one `--conf` carries several."""
    return " --conf ".join(f"{key}={value}" for key, value in conf.items())


def conf_words(conf: Mapping[str, str]) -> list[str]:
    """["--conf", "a=1", "--conf", "b=2"], as spark-submit takes them."""
    return [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]


def argument_words(arguments: Mapping[str, str]) -> list[str]:
    """["--lake", "s3://...", ...]: every job's arguments are pairs."""
    return [word for key, value in arguments.items() for word in (f"--{key}", value)]
