"""The whole job on a lake in S3: exactly once as on a disk, and what a store refuses changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import boto3
import pytest

from lakes import (
    Boundaries,
    curated_by,
    curated_rows,
    deliver,
    listing,
    places,
    quarantine_rows,
    totals,
    transitions,
    versions,
    visit,
)
from landing.__main__ import land
from landing.arguments import parse
from sluice.contract.load import load_contract
from sluice.errors import StorageDenied, StorageThrottled
from sluice.lake.commit import open_table
from sluice.runtime import aws
from sluice.runtime.storage import storage_for
from sluice.runtime.workers import from_spark
from support.s3 import S3Server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

APP = "app_messages"


@pytest.fixture
def cloud(spark: SparkSession, s3_lake: str, s3_service: S3Server) -> Iterator[tuple[SparkSession, str]]:
    """A session whose Python workers find the server too, and an empty lake there."""
    environment = spark.sparkContext.environment
    before = dict(environment)
    environment.update(s3_service.environment())
    yield spark, s3_lake
    environment.clear()
    environment.update(before)
    aws.client.cache_clear()


def become(who: str, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has the rights of `who` from now on."""
    for name, value in server.environment(who).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it found first
    aws.client.cache_clear()


@contextmanager
def slow_down() -> Iterator[str]:
    """The endpoint of a store that answers every request with 503 SlowDown."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>'
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_made_delivery_is_curated_once_found_again_as_copies_and_not_touched_when_nothing_is_new(
    cloud: tuple[SparkSession, str],
) -> None:
    spark, lake = cloud
    shares = "--duplicates 0.02 --damaged 0.01 --unknown 0.01 --wrong 0.01 --object-seconds 1800 --workers 1"
    expected = land(parse(["--lake", lake, "--messages", "2000", "--hours", "1", *shares.split()]))["expected"]
    contract = load_contract(APP)
    summary = curated_by(spark, lake, contract)
    names = ("curated", "quarantined", "duplicates", "superseded", "filtered", "rescued")
    assert {name: summary["counts"][name] for name in names} == {name: expected[name] for name in names}
    assert summary["counts"]["read"] == expected["records"]
    rows = curated_rows(lake, APP)
    assert (len(rows), len(quarantine_rows(lake, APP))) == (expected["curated"], expected["quarantined"])

    before = listing(lake)
    assert curated_by(None, lake, contract)["outcome"] == "nothing new"
    after = listing(lake)
    assert {uri for uri in before if "/lease/" not in uri} == {uri for uri in after if "/lease/" not in uri}

    storage = storage_for(lake)
    for number, stored in enumerate(storage.list(places(lake, APP).landing)):
        again = f"{places(lake, APP).landing}/2030/01/01/00/again-{number}"
        storage.put(again, storage.read(stored.uri))
    counts = curated_by(spark, lake, contract)["counts"]
    assert (counts["curated"], counts["replaced"]) == (0, 0)
    assert counts["duplicates"] == expected["curated"] + expected["duplicates"]
    assert curated_rows(lake, APP) == rows


def test_who_may_not_write_is_told_so_and_nothing_is_written(
    s3_lake: str, s3_service: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_lake, [visit(1)])
    before = listing(s3_lake)
    become("reader", s3_service, monkeypatch)
    with pytest.raises(StorageDenied, match=r"access denied .*; grant this role the permission") as caught:
        curated_by(None, s3_lake)
    assert caught.value.exit_code == 1
    assert listing(s3_lake) == before
    assert curated_by(None, s3_lake, dry_run=True)["new_source_objects"] == 1


@pytest.mark.parametrize("step", ["stage", "publish curated"])
def test_a_run_whose_rights_are_taken_in_the_middle_leaves_what_the_next_one_finishes(
    cloud: tuple[SparkSession, str], s3_service: S3Server, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    spark, lake = cloud
    deliver(lake, [visit(1), visit(2), {"id": None}])

    def taken(name: str) -> None:
        if name == step:
            become("reader", s3_service, monkeypatch)
            spark.sparkContext.environment.update(s3_service.environment("reader"))

    with pytest.raises(Exception, match="access denied") as caught:
        curated_by(spark, lake, progress=Boundaries(taken), lease_seconds=2.0)
    assert isinstance(from_spark(caught.value) or caught.value, StorageDenied)  # what a worker meets comes by Spark
    assert curated_rows(lake) == []
    become("writer", s3_service, monkeypatch)
    spark.sparkContext.environment.update(s3_service.environment())
    time.sleep(1.0)  # it could not release its lease: silence must do
    curated_by(spark, lake, lease_seconds=2.0)
    assert sorted(row["id"] for row in curated_rows(lake)) == ["v1", "v2"]
    assert len(quarantine_rows(lake)) == totals(lake).quarantined == 1
    assert transitions(lake)[-1].state == "published"


def test_a_store_that_asks_to_slow_down_ends_the_run_with_nothing_written(
    s3_lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_lake, [visit(1)])
    before = listing(s3_lake)
    monkeypatch.setenv("SLUICE_AWS_ATTEMPTS", "1")
    with monkeypatch.context() as changed, slow_down() as endpoint:
        changed.setenv("AWS_ENDPOINT_URL", endpoint)
        aws.client.cache_clear()
        with pytest.raises(StorageThrottled, match="still throttled") as caught:
            curated_by(None, s3_lake)
    aws.client.cache_clear()
    assert caught.value.exit_code == 1
    assert listing(s3_lake) == before
    assert versions(s3_lake) == {}


def test_a_table_in_a_store_that_asks_to_slow_down_is_told_as_that(
    s3_lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slow_down() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("SLUICE_AWS_ATTEMPTS", "1")
        with pytest.raises(StorageThrottled, match="still throttled"):
            open_table(places(s3_lake).curated)
