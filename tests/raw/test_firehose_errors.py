"""Firehose's error objects: every entry is one refused row with its error code and the bytes that were sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw.test_reader import contract, land
from sluice.raw.listing import list_sources
from sluice.raw.reader import Reader
from sluice.runtime.storage import LocalStorage

pytestmark = pytest.mark.lane("spark-4.1")

HOUR = "2017/11/26/15"
SENT = b'{"a": 1}{"b": "\xff'


def entry(record: bytes, **more: Any) -> dict[str, Any]:
    """As AWS's pages show an entry of processing-failed/."""
    told = {
        "attemptsMade": 4, "arrivalTimestamp": 1511711811679, "errorCode": "Lambda.FunctionError",
        "errorMessage": "the message of Ann Example could not be parsed", "attemptEndingTimestamp": 1511711811999,
        "rawData": base64.b64encode(record).decode(), "lambdaArn": "arn:aws:lambda:eu-west-1:1:function:f",
    }  # fmt: skip
    return {**told, **more}


def refused(
    folder: Path, stored: bytes, kind: str = "processing-failed"
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of one error object and its account."""
    source = land(folder, f"things/{kind}/{HOUR}/stream-1", stored)
    batches = list(Reader(contract(), LocalStorage(), str(folder)).read([source]))
    rows = [row for batch in batches for row in batch.to_pylist()]
    return [row for row in rows if row["_account"] is None], json.loads(rows[-1]["_account"])


def test_an_entry_is_the_record_that_was_sent_with_its_error_code_and_nothing_of_its_message(tmp_path: Path) -> None:
    [row], account = refused(tmp_path, json.dumps(entry(SENT)).encode())
    assert row["_record"] == SENT
    assert row["_hash"] == hashlib.sha256(SENT).digest()[:16]
    assert row["_reasons"] == [
        {
            "rule": "firehose_processing_failed",
            "column": None,
            "message": "the delivery stream could not transform it after 4 attempts: error code Lambda.FunctionError",
        }
    ]
    assert (account["records"], account["refused"], account["layout"]) == (1, 1, "firehose-errors")


@pytest.mark.parametrize("name", ["ErrorCode", "lastErrorCode"])
def test_a_record_that_could_not_be_converted_says_so_however_its_code_is_called(tmp_path: Path, name: str) -> None:
    told = entry(SENT, **{name: "DataFormatConversion.MalformedData", "dataCatalogTable": {"region": "x"}, "new": [1]})
    del told["errorCode"], told["lambdaArn"]
    [row], _ = refused(tmp_path, json.dumps(told).encode(), "format-conversion-failed")
    [reason] = row["_reasons"]
    assert (reason["rule"], row["_record"]) == ("firehose_format_conversion_failed", SENT)
    assert reason["message"].endswith("error code DataFormatConversion.MalformedData")


@given(
    records=st.lists(st.binary(max_size=40), max_size=6),
    between=st.sampled_from(["", "\n", " \r\n"]),
    zip_=st.booleans(),
)
def test_every_entry_is_one_row_in_its_order_however_they_are_laid_out(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], between: str, zip_: bool
) -> None:
    stored = between.join(json.dumps(entry(record)) for record in records).encode()
    rows, account = refused(tmp_path_factory.mktemp("raw"), gzip.compress(stored) if zip_ else stored)
    assert [row["_record"] for row in rows] == records
    assert account["records"] == len(records)


@pytest.mark.parametrize(
    "more",
    [{"rawData": None}, {"rawData": 7}, {"rawData": "Zm9v!"}, {"rawData": "Zm9"}, {"rawData": ["Zm9v"]}],
    ids=["null", "a number", "other characters", "cut", "an array"],
)
def test_an_entry_without_its_record_is_one_row_with_the_entry_itself(tmp_path: Path, more: dict[str, Any]) -> None:
    stored = json.dumps(entry(SENT, **more)).encode()
    [row], _ = refused(tmp_path, stored)
    assert ([reason["rule"] for reason in row["_reasons"]], row["_record"]) == (["firehose_error_unreadable"], stored)


def test_what_is_damaged_in_an_error_object_is_one_row_and_the_entries_around_it_are_theirs(tmp_path: Path) -> None:
    one, two = json.dumps(entry(b"one")).encode(), json.dumps(entry(b"two")).encode()
    rows, account = refused(tmp_path, one + b'{"rawData": "Zm9' + two + b"[1]" + one[:30])
    rules = [[reason["rule"] for reason in row["_reasons"]] for row in rows]
    assert rules == [
        ["firehose_processing_failed"], ["malformed_json"], ["firehose_processing_failed"],
        ["not_an_object"], ["malformed_json"],
    ]  # fmt: skip
    assert account["records"] == account["refused"] == 5


@pytest.mark.parametrize(
    "code", ['"the message of Ann Example"', f'"{"x" * 101}"', '{"a": 1}', "9" * 5000, "null", '""']
)
def test_an_error_code_that_is_none_is_not_told(tmp_path: Path, code: str) -> None:
    stored = json.dumps(entry(SENT, errorCode="?")).replace('"?"', code)
    [row], _ = refused(tmp_path, stored.encode())
    assert row["_reasons"][0]["message"].endswith("error code not told")
    assert row["_record"] == SENT


def test_error_objects_are_listed_where_they_are_asked_for_and_others_of_the_stream_never(tmp_path: Path) -> None:
    kinds = ("processing-failed", "format-conversion-failed", "splunk-failed")
    for folder in (
        HOUR,
        *(f"{kind}/{HOUR}" for kind in kinds),
        f"{HOUR}/processing-failed",
        f"_x/processing-failed/{HOUR}",
    ):
        land(tmp_path, f"things/{folder}/o", b"{}")
    landing = str(tmp_path / "things")
    assert [source.path for source in list_sources(landing, "things")] == [f"things/{HOUR}/o"]
    found = [source.path for source in list_sources(landing, "things", failed=True)]
    assert found == [
        f"things/{HOUR}/o", f"things/{HOUR}/processing-failed/o", f"things/format-conversion-failed/{HOUR}/o",
        f"things/processing-failed/{HOUR}/o",
    ]  # fmt: skip
    bounded = list_sources(landing, "things", "2017/11/26/16", failed=True)
    assert [source.path for source in bounded] == []
