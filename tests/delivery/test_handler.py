"""Firehose's event in, its answer out: every record answered once, in order, and nothing that was sent is lost."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.delivery import handler
from sluice.delivery.compiling import module_of
from sluice.delivery.handler import DROPPED, FAILED, MOST_BYTES, OK, answered
from sluice.delivery.records import Judging
from test_agreement import ARRIVED_MILLIS, messages, parcels

pytestmark = pytest.mark.lane("spark-4.1")

SOUND = {"id": "p1", "kind": "a", "at": 1_511_711_811, "weight": 2}
PING, REFUSED, DAMAGE = {"kind": "ping"}, {**SOUND, "at": "x"}, b'{"id": '


@cache
def judging(dataset: str = "parcels") -> Judging:
    return Judging(module_of(*{"parcels": parcels, "app_messages": messages}[dataset]()))


def text(*records: object) -> bytes:
    return b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in records)


def event(*sent: bytes) -> list[dict[str, Any]]:
    return [
        {"recordId": f"r{at}", "approximateArrivalTimestamp": ARRIVED_MILLIS, "data": base64.b64encode(one).decode()}
        for at, one in enumerate(sent)
    ]


def answer(*sent: bytes, dataset: str = "parcels") -> list[tuple[str, bytes | None]]:
    """Result and data of each record."""
    found, _ = answered(judging(dataset), event(*sent))
    assert [one["recordId"] for one in found["records"]] == [f"r{at}" for at in range(len(sent))]
    return [(one["result"], base64.b64decode(one["data"]) if "data" in one else None) for one in found["records"]]


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ([SOUND], (OK, [SOUND])),
        ([SOUND, {**SOUND, "id": "p2"}], (OK, [SOUND, {**SOUND, "id": "p2"}])),
        ([PING], (DROPPED, None)),
        ([PING, PING], (DROPPED, None)),
        ([b" \n"], (DROPPED, None)),
        ([REFUSED], (FAILED, None)),
        ([REFUSED, PING], (FAILED, None)),
        ([DAMAGE], (FAILED, None)),
        ([SOUND, DAMAGE], (FAILED, None)),
        ([SOUND, b"[1]"], (FAILED, None)),
        ([SOUND, REFUSED, PING], (OK, [SOUND, REFUSED])),
        ([b"[", SOUND, b",", REFUSED, b"]"], (OK, [SOUND, REFUSED])),
    ],
)
def test_what_a_record_holds_decides_its_result(sent: list[object], wanted: tuple[str, Any]) -> None:
    [(result, data)] = answer(text(*sent))
    lines = None if data is None else [json.loads(line) for line in data.splitlines()]
    assert (result, lines) == wanted
    assert data is None or data.endswith(b"\n")


@given(sent=st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([text(SOUND), text(PING), text(SOUND, SOUND)]))))
def test_every_record_is_answered_once_and_in_order_whatever_it_holds(sent: list[bytes]) -> None:
    assert {result for result, _ in answer(*sent)} <= {OK, DROPPED, FAILED}


def test_what_was_received_stays_byte_for_byte_but_for_line_ends_between_members() -> None:
    odd = b' {"kind" : "a","id":"\\u00e9\\n",\r\n\t"at":1511711811,"weight":2.0, "id":"p1"}\n'
    [(result, data)] = answer(odd)
    assert (result, data) == (OK, odd.strip().replace(b"\r\n", b"  ") + b"\n")


def test_what_is_added_comes_last_and_says_what_it_is_from() -> None:
    sent = {"message": "I love this", "country": "Cote d'Ivoire", "timestamp": ARRIVED_MILLIS}
    [(result, data)] = answer(text(sent), dataset="app_messages")
    assert result == OK
    assert data is not None
    assert data.startswith(text(sent)[:-1] + b",")
    added = {key: value for key, value in json.loads(data).items() if key not in sent}
    assert list(added) == [
        "latitude", "longitude", "coordinates_source", "sentiment_value", "sentiment", "sentiment_source",
    ]  # fmt: skip
    assert added["sentiment"] == "positive"
    assert added["coordinates_source"].startswith("countries@")


@pytest.mark.parametrize("member", ['"latitude": null', '"latitude" :null', '"latitude": null, "longitude": null'])
def test_a_null_is_left_for_the_batch_job_since_no_name_may_come_twice(member: str) -> None:
    sent = f'{{{member}, "message": "x", "country": "France", "timestamp": {ARRIVED_MILLIS}}}'.encode()
    [(result, data)] = answer(sent, dataset="app_messages")
    assert (result, data) == (OK, sent + b"\n")


def test_an_answer_that_would_be_too_long_leaves_out_what_was_added_then_what_does_not_fit() -> None:
    one = {"country": "France", "sentiment": "positive", "sentiment_value": 1, "timestamp": ARRIVED_MILLIS}
    sent = [text({**one, "name": str(at), "message": "m" * 600}) for at in range(6000)]
    found, told = answered(judging("app_messages"), event(*sent))
    assert len(json.dumps(found)) <= 6 << 20
    results = [one["result"] for one in found["records"]]
    kept = results.index(FAILED)
    assert set(results[:kept]) == {OK}
    assert set(results[kept:]) == {FAILED}
    assert told["did_not_fit"] == len(sent) - kept
    lengths = [
        len(base64.b64decode(one["data"])) - len(raw)
        for one, raw in zip(found["records"][:kept], sent[:kept], strict=True)
    ]
    assert set(lengths) == {1}
    assert len(json.dumps(found)) > MOST_BYTES * 0.95
    few, told = answered(judging("app_messages"), event(*sent[:5000]))
    assert told["did_not_fit"] == 0
    assert b"countries@" in base64.b64decode(few["records"][0]["data"])


def test_what_is_no_base64_fails_and_the_others_are_answered() -> None:
    sent = event(text(SOUND), text(SOUND))
    sent[0]["data"] = "%"
    found, told = answered(judging(), sent)
    assert [one["result"] for one in found["records"]] == [FAILED, OK]
    assert told["rules"] == {"not_base64|": 1}


def test_the_log_counts_by_rule_and_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_DATASET", "parcels")
    monkeypatch.setattr(handler, "_judging", judging)
    secret = {**SOUND, "id": "Ann", "weight": "Ann"}
    handler.handle({"invocationId": "i", "records": event(text(SOUND), text(PING), text(secret))})
    said = capsys.readouterr().out
    assert json.loads(said) == {
        "dataset": "parcels", "invocation": "i", "records": 3, "json_records": 3, "enriched": 0, "did_not_fit": 0,
        "results": {OK: 1, DROPPED: 1, FAILED: 1}, "filtered": {"heartbeat": 1}, "rules": {"wrong_type|weight": 1},
    }  # fmt: skip
    assert "Ann" not in said


def test_a_dataset_that_was_not_compiled_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DATASET", "parcel")
    with pytest.raises(RuntimeError, match=r"SLUICE_DATASET: expected one of the datasets .* found 'parcel'"):
        handler.handle({"records": []})
