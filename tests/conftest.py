"""What every test may ask for: the product's own Spark session, a lake on disk, and a lake on a real S3 server."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

# Helpers of one folder's tests are modules beside them.
sys.path += [str(folder) for folder in Path(__file__).parent.iterdir() if folder.is_dir() and folder.name != "data"]

from support.s3 import S3Server, s3_server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Seconds of Spark per example make deadlines and data-too-slow checks meaningless; the same examples in every run
# make a failure here a failure everywhere. `HYPOTHESIS_PROFILE=search` looks for new ones.
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "ci", deadline=None, derandomize=True, max_examples=50, suppress_health_check=_CALM, print_blob=True
)
settings.register_profile("search", settings.get_profile("ci"), derandomize=False, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

# Two workers share two cores with their sessions: small ones, without a web page each. Spark reads the driver's memory
# before any session is built, so it cannot be among the session's own settings.
_DRIVER = "--driver-memory 1g --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 pyspark-shell"
_SMALL = {
    "spark.master": "local[2]",
    "spark.sql.shuffle.partitions": "4",
    "spark.default.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session that the product builds, small; one for all tests of a worker. It can reach the tests' S3 server."""
    from sluice.runtime.session import build_session

    os.environ["PYSPARK_SUBMIT_ARGS"] = _DRIVER
    folder = tmp_path_factory.mktemp("spark")
    metastore = f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
    own = {
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore,
    }
    session = build_session("sluice-tests", {**_SMALL, **own})
    yield session
    session.stop()


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """An empty lake: a local folder whose name has a space, since people's do."""
    folder = tmp_path / "a lake"
    folder.mkdir()
    return str(folder)


@pytest.fixture(scope="session")
def s3_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server for all tests of a worker that ask for one."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_lake(s3_service: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty lake `s3://bucket/prefix`, with the environment by which boto3, delta-rs and Spark find it.

    A session that is there already is pointed at the server, too: S3A's settings are read when a file system is opened.
    """
    for name, value in s3_service.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    from sluice.runtime import aws

    aws.client.cache_clear()  # a client made before speaks to another server
    if "pyspark" in sys.modules:
        from pyspark.sql import SparkSession

        if (session := SparkSession.getActiveSession()) is not None:
            _point_at(session, s3_service)
    return f"s3://{s3_service.bucket}/{uuid.uuid4().hex[:12]}"


def _point_at(session: SparkSession, server: S3Server) -> None:
    keys = server.environment()
    hadoop = session.sparkContext._jsc.hadoopConfiguration()
    for key, value in {
        "endpoint": server.endpoint,
        "endpoint.region": keys["AWS_REGION"],
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "access.key": keys["AWS_ACCESS_KEY_ID"],
        "secret.key": keys["AWS_SECRET_ACCESS_KEY"],
    }.items():
        hadoop.set(f"fs.s3a.{key}", value)
    hadoop.set("fs.s3.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kill: kills or stops processes in the middle of their work; takes minutes")
    config.addinivalue_line("markers", "lane(name): runs on that lane of runtimes.toml alone")


# Two workers take files in the order of collection; one of these taken last leaves the other worker idle for minutes.
_LONGEST = frozenset(
    "test_parity.py test_build.py test_gate_kill.py test_kill.py test_notebooks.py test_signals.py test_run.py "
    "test_bench.py test_kill_on_s3.py test_curate_job.py test_query_job.py test_no_calls_home.py".split()
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes go by their length: workers must agree on a test's name, and packed bytes hold the time of packing."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    here = os.environ.get("SLUICE_LANE")
    wanted = [name for mark in item.iter_markers("lane") for name in mark.args]
    if wanted and here not in wanted:
        pytest.skip(f"runs on {', '.join(wanted)}, here is {here}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells scripts/test the counts, by a file, since the last line is written for people."""
    where = os.environ.get("SLUICE_TEST_COUNTS")
    if where is None:
        return
    stats = terminalreporter.stats
    kinds = {"passed": ("passed", "xpassed"), "failed": ("failed", "error"), "skipped": ("skipped", "xfailed")}
    counts = {name: sum(len(stats.get(kind, [])) for kind in kinds[name]) for name in kinds}
    Path(where).write_text(json.dumps(counts), encoding="utf-8")
