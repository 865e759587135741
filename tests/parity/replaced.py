"""The one table of what differs between a platform and this machine; nothing else in a request is touched."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.s3 import S3Server


@dataclass(frozen=True)
class Replaced:
    """One line: on which targets, what it is, what the platform has, what stands here in its place."""

    targets: str
    what: str
    there: str
    here: str


def table(target: str, master: str) -> list[Replaced]:
    """The lines that count for `target`."""
    python = ".".join(map(str, sys.version_info[:2]))
    lines = [
        Replaced("glue emr emr-serverless", "master", "the platform's own (EMR: --master yarn)", master),
        Replaced("emr", "deploy mode", "cluster", "client, in a folder made as YARN makes a container's"),
        Replaced(
            "emr-serverless", "deploy mode", "the platform's own", "client, in a folder with the archive unpacked"
        ),
        Replaced("emr", "spark.archives, --py-files", "localized by YARN in containers", "the same, in that folder"),
        Replaced("glue", "interpreter", "Glue's Python", f"an empty environment of Python {python}"),
        Replaced("emr emr-serverless", "interpreter", "python3.x of the cluster's PATH", base_python()),
        Replaced("glue emr emr-serverless", "Spark and its Delta jars", "the platform's own", "the lane's pyspark"),
        Replaced("emr-serverless", "spark.jars", "/usr/share/aws/delta/lib/*.jar", "among the lane's pyspark/jars"),
        Replaced("glue", "preinstalled packages", "Glue's own", "the lane's, those of runtimes.toml alone"),
        Replaced("glue emr emr-serverless", "s3://", "EMRFS or S3A on AWS", "S3A on the tests' S3 server"),
        Replaced("glue emr emr-serverless", "Glue Data Catalog", "behind Spark's catalog", "none; curate asks none"),
    ]
    return [line for line in lines if target in line.targets.split()]


def printed(lines: Sequence[Replaced]) -> str:
    return "\n".join(f"  {line.what:26} {line.there:42} -> {line.here}" for line in lines)


def base_python() -> str:
    """The interpreter itself, outside the lane's environment: none of the lane's packages are seen by it."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def s3_conf(server: S3Server) -> dict[str, str]:
    """What makes Spark's `s3://` the tests' server."""
    return {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": server.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    }


def bare(server: S3Server, spark_home: str, java_home: str, home: Path, **more: str) -> Mapping[str, str]:
    """The environment of a process on the platform: its Spark, its Java, a role's rights; nothing of the checkout."""
    java = Path(java_home, "bin") if java_home else Path(str(shutil.which("java"))).parent
    return {
        "PATH": f"{java}:/usr/local/bin:/usr/bin:/bin",
        **({"JAVA_HOME": java_home} if java_home else {}),
        "SPARK_HOME": spark_home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        **server.environment(),
        **more,
    }
