"""Firehose's error objects go the way of every source object: into quarantine, accounted for, once."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.lakes import curated_by, deliver, quarantine_rows, totals, visit
from sluice.pipeline.gate import suite_parameters
from sluice.raw.source import SourceObject
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FAILED = b'{"id": "v9", "at": "no number"}'


def fail(lake: str, hour: str, *records: bytes) -> str:
    """An error object as the stream's own default prefix places it."""
    entries = [{"errorCode": "ProcessingFailed", "rawData": base64.b64encode(record).decode()} for record in records]
    path = f"visits/processing-failed/{hour}/visits-1-{len(records)}"
    storage_for(lake).put(join(lake, "raw", path), "\n".join(map(json.dumps, entries)).encode())
    return path


def test_error_objects_are_quarantined_with_their_hour_once_beside_the_data_of_the_same_run(
    spark: SparkSession, tmp_path: object
) -> None:
    lake = str(tmp_path)
    deliver(lake, [visit(1), visit(2)])
    path = fail(lake, "2017/11/26/14", FAILED, FAILED)
    first = curated_by(spark, lake, max_batch_files=1)
    assert (len(first["batches"]), first["balanced"]) == (2, True)
    assert (totals(lake).read, totals(lake).curated, totals(lake).quarantined) == (4, 2, 2)
    rows = quarantine_rows(lake)
    assert [(row["record"], row["source_object"], row["arrival_hour"]) for row in rows] == [
        (FAILED, path, "2017/11/26/14")
    ] * 2
    assert {reason["rule"] for row in rows for reason in row["reasons"]} == {"firehose_processing_failed"}
    assert curated_by(None, lake)["outcome"] == "nothing new"
    fail(lake, "2017/11/26/15", b"x")  # as late as the newest hour seen
    curated_by(spark, lake)
    assert totals(lake).quarantined == 3


def test_an_error_object_does_not_move_the_hours_that_a_suite_asks_about() -> None:
    at = datetime(2017, 11, 27, tzinfo=UTC)
    data = SourceObject("visits/2017/11/26/15/a", 1, None, at)
    late = SourceObject("visits/processing-failed/2017/11/26/20/a", 1, None, at)
    assert suite_parameters([data, late]) == suite_parameters([data])
    assert suite_parameters([late])["batch_arrival_max"] == datetime(2017, 11, 26, 21, tzinfo=UTC)
