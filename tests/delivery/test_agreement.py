"""The function and Spark's job agree on every record: its fate, every reason, every value.

One example is a lake of some hundred source objects, each what a producer sent as one record of the stream.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.lakes import curated_by, curated_rows, quarantine_rows, record_hash, totals
from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from sluice.delivery.compiling import module_of
from sluice.delivery.handler import answered
from sluice.delivery.records import Judged, Judging
from sluice.quality.definitions import load_definitions
from sluice.quality.load import recorded_suite
from sluice.quality.model import Suite
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOUR = "2017/11/26/15"
ARRIVED_MILLIS = 1_511_711_811_679
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PARCELS = """
apiVersion: v3.1.0
kind: DataContract
id: parcels
version: 1.0.0
status: active
schema:
  - name: raw
    physicalType: json
    properties:
      - {name: id, physicalType: string}
      - {name: kind, physicalType: string}
      - {name: at, physicalType: bigint}
      - {name: weight, physicalType: "decimal(6,2)"}
      - {name: "a b", physicalType: boolean}
      - {name: tags, physicalType: array<string>}
  - name: parcels
    physicalType: table
    properties:
      - {name: kind, physicalType: string, required: true, transformLogic: "nullif(trim(kind), 'none')",
         partitioned: true, partitionKeyPosition: 1}
      - {name: id, physicalType: string, required: true}
      - {name: sent_at, physicalType: timestamp, transformLogic: "CASE WHEN at BETWEEN 0 AND 253402300799 THEN
         timestamp_seconds(at) END"}
      - {name: sent_on, physicalType: date, required: true, transformLogic: to_date(sent_at)}
      - {name: weight, physicalType: "decimal(6,2)"}
      - {name: fragile, physicalType: boolean, transformLogic: "coalesce(`a b`, false)"}
      - {name: tags, physicalType: array<string>}
customProperties:
  - {property: unknownFields, value: reject}
  - property: recordFilters
    value:
      - {kind: heartbeat, expression: "kind = 'ping' OR kind IS NULL AND id IS NULL"}
      - {kind: old, expression: "at < 1000"}
"""
PARCELS_SUITE = {
    "name": "parcels",
    "expectations": [
        {"type": f"expect_column_{type_}", "severity": severity, "kwargs": {"column": column, **kwargs}}
        for type_, severity, column, kwargs in [
            ("values_to_be_between", "critical", "weight", {"min_value": 0.5, "max_value": 70, "strict_max": True}),
            ("values_to_not_be_in_set", "critical", "id", {"value_set": ["p9", ""]}),
            ("values_to_not_be_null", "critical", "weight", {
                "row_condition": "fragile AND kind <> 'a'", "condition_parser": "spark"}),
            ("value_lengths_to_be_between", "critical", "kind", {"max_value": 3}),
            ("values_to_be_between", "critical", "sent_at", {
                "max_value": {"$PARAMETER": "batch_arrival_max + timedelta(hours=1)"}}),
            ("values_to_be_between", "warning", "weight", {"max_value": 1}),
        ]
    ],
}  # fmt: skip

_parcel = {
    "id": st.sampled_from(["p1", "p2", "p9", "", " ", None, 7, "\u00e9\U0001f600"]),
    "kind": st.sampled_from(["a", " bc ", "ping", "none", "", "long", None, ["a"]]),
    "at": st.sampled_from([1_511_711_811, 1_511_719_200, 1_511_719_201, 999, -1, 253402300800, 2**63, 1.5, None, "1"]),
    "weight": st.sampled_from([1, 0.5, 69.99, 70, 0.499, 12345, "1", None]),
    "a b": st.sampled_from([True, False, None, 0]),
    "tags": st.sampled_from([["x"], [], None, [1]]),
}
_message = {
    "name": st.sampled_from(["ann", "", None]),
    "message": st.sampled_from(["I love this", "bad, very bad", "it is", "", " ", None, 7]),
    "country": st.sampled_from(["Albania", " France ", "Cote d'Ivoire", "Nowhere", "", None, 1]),
    "sentiment": st.sampled_from(["positive", "negative", "neutral", "glad", "", None, True]),
    "sentiment_value": st.sampled_from([0.5, -0.5, 0, -0.0, 1, 1.1, 1e400, "1", None]),
    "timestamp": st.sampled_from([ARRIVED_MILLIS, 1_511_719_200_000, 1_511_719_200_001, 1, 2**62, "1", None]),
    "latitude": st.sampled_from([41.15, 90, -90.01, None]),
    "longitude": st.sampled_from([20.2, 180.5, None]),
    "channel": st.sampled_from(["default", None]),
    "new": st.sampled_from([1, {"a": None}]),
}
_sound_parcel = {"id": st.just("p1"), "kind": st.just("a"), "at": st.just(1_511_711_811), "weight": st.integers(1, 40)}
_sound_message = {
    "message": st.sampled_from(["I love this", "bad"]), "country": st.sampled_from(["Albania", "France"]),
    "sentiment": st.just("positive"), "sentiment_value": st.floats(0.1, 1), "timestamp": st.just(ARRIVED_MILLIS),
}  # fmt: skip


def _texts(fields: dict[str, Any], sound: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """What a producer sends as one record: mostly one JSON object, sometimes several, an array, or damage."""
    some = st.fixed_dictionaries({}, optional=fields)
    nearly = st.builds(
        lambda whole, other, most: whole | dict(list(other.items())[:most]),
        st.fixed_dictionaries(sound), some, st.integers(0, 2),
    )  # fmt: skip
    objects = st.one_of(nearly, nearly, nearly, some)
    written = st.builds(
        lambda value, indent: json.dumps(value, indent=indent).replace("Infinity", "1e400").encode(),
        objects, st.sampled_from([None, None, None, 1]),
    )  # fmt: skip
    junk = st.sampled_from([b"oops", b"[1]", b'{"id":1,}', b"\xff", b'{"id":"\xed\xa0\x80"}', b'{"id":'])
    several = st.builds(lambda between, parts: between.join(parts), st.sampled_from([b"", b"\n"]), st.lists(written))
    mixed = st.lists(st.one_of(written, written, junk), max_size=4).map(b"".join)
    arrays = st.lists(written, max_size=3).map(lambda parts: b"[" + b",".join(parts) + b"]")
    return st.one_of(written, written, written, several, mixed, arrays)


def sent(fields: dict[str, Any], sound: dict[str, Any], count: int) -> list[bytes]:
    found: list[bytes] = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(_texts(fields, sound))
    def collect(text: bytes) -> None:
        found.append(text)

    collect()
    return found


def parcels() -> tuple[Contract, Suite]:
    return parse_contract(PARCELS, "schemas/parcels/v1.yaml"), recorded_suite("parcels", json.dumps(PARCELS_SUITE))


def messages() -> tuple[Contract, Suite]:
    contract, suite = load_definitions("app_messages", None, "")
    assert suite is not None
    return contract, suite


def deliver(lake: str, dataset: str, objects: Sequence[bytes]) -> None:
    for number, body in enumerate(objects):
        storage_for(lake).put(join(lake, "raw", f"{dataset}/{HOUR}/{number:05}"), body)


def judged(judging: Judging, texts: Sequence[bytes]) -> list[list[Judged]]:
    found = [judging.records(text, ARRIVED_MILLIS) for text in texts]
    judging.decide([one for part in found for one in part])
    return found


def plain(value: Any) -> Any:
    """A value as the function has it."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, Decimal):
        return value.normalize()
    return (value - _EPOCH.date()).days if isinstance(value, date) else value


def test_the_function_decides_every_record_as_the_batch_job_does(spark: SparkSession, tmp_path: Any) -> None:
    for (contract, suite), fields, sound in [
        (parcels(), _parcel, _sound_parcel),
        (messages(), _message, _sound_message),
    ]:
        lake, dataset = str(tmp_path / contract.dataset), contract.dataset
        texts = sent(fields, sound, 250)
        ours = judged(Judging(module_of(contract, suite)), texts)
        deliver(lake, dataset, texts)
        run = curated_by(spark, lake, contract, suite=suite, release_held="")
        refused = Counter(
            (f"{dataset}/{HOUR}/{number:05}", tuple(map(tuple, one.reasons)))
            for number, part in enumerate(ours) for one in part if one.fate in ("refused", "malformed")
        )  # fmt: skip
        theirs = Counter(
            (row["source_object"], tuple((r["rule"], r["column"] or "", r["message"]) for r in row["reasons"]))
            for row in quarantine_rows(lake, dataset)
        )
        assert refused == theirs
        every = [one for part in ours for one in part]
        assert {one.span for one in every if one.fate == "refused"} <= {
            row["record"] for row in quarantine_rows(lake, dataset)
        }
        assert sum(one.fate == "filtered" for one in every) == totals(lake, dataset).filtered
        names = [column.name for column in contract.columns]
        values = {record_hash(one.span): tuple(map(plain, one.values)) for one in every if one.fate == "sound"}
        rows = {row["_record_hash"]: tuple(plain(row[name]) for name in names) for row in curated_rows(lake, dataset)}
        assert {key: repr(value) for key, value in values.items()} == {key: repr(row) for key, row in rows.items()}
        assert min(len(rows), len(theirs), totals(lake, dataset).filtered + (dataset != "parcels")) > 0, run


@pytest.mark.lane("spark-4.1")
def test_what_the_function_delivers_is_curated_as_what_was_received(spark: SparkSession, tmp_path: Any) -> None:
    contract, suite = messages()
    judging = Judging(module_of(contract, suite))
    # An array is one only at the head of an object, where the function has each record's own head.
    texts = [text for text in sent(_message, _sound_message, 150) if text.startswith(b"{")]
    texts = [text for text in texts if len(judging.records(text, 0)) == 1]
    event = [
        {"recordId": str(at), "approximateArrivalTimestamp": ARRIVED_MILLIS, "data": base64.b64encode(text).decode()}
        for at, text in enumerate(texts)
    ]
    answer, _ = answered(judging, event)
    kept = {int(one["recordId"]): base64.b64decode(one["data"]) for one in answer["records"] if one["result"] == "Ok"}
    tables = []
    for name, objects in [("received", [texts[at] for at in kept]), ("delivered", list(kept.values()))]:
        lake = str(tmp_path / name)
        # One object, as the stream would write it.
        storage_for(lake).put(join(lake, "raw", f"app_messages/{HOUR}/o"), b"".join(objects))
        curated_by(spark, lake, contract, suite=suite)
        assert quarantine_rows(lake, "app_messages") == []
        rows = [{k: v for k, v in row.items() if k != "_record_hash"} for row in curated_rows(lake, "app_messages")]
        tables.append(sorted(rows, key=repr))
    assert tables[0] == tables[1]
    assert len(tables[0]) > 10
