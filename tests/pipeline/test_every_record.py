"""Every record is in exactly one place, whatever was delivered: made streams, all decided by the batches of one lake.

One example is one lake with some hundred source objects, since what costs here is the run and not the stream.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lakes import contract_of, curated_by, curated_rows, deliver, quarantine_rows, record_hash, totals, transitions
from raw import reference_spans
from raw.reference_spans import split
from sluice.contract.model import Contract
from sluice.raw.layout import GZIP, foreign

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STREAMS = 360
FOREIGN = b"\xff\xfe{\x00}\x00"
"""UTF-16, which is not read: a source object that is one row of the quarantine."""

# Few values, so that whole records come again by chance: in one stream, in another one and in another batch.
_field = {
    "id": st.sampled_from(["v1", "v2", "}{", "é\u2028", "", None, 7, ["v1"]]),
    "at": st.sampled_from([1_511_654_400, 1_511_740_800, 0, -1, 2**63, 1e400, 1.5, "12", None, 253402300800]),
    "page": st.sampled_from([{"path": "/1", "title": "{"}, {"path": None}, {}, {"path": 1}, [], None, {"Path": "/"}]),
    "tags": st.sampled_from([["a"], [], [1], None, "a"]),
    "size": st.sampled_from([1, 1.5, -0.0, 1e400, "1.5", True]),
}
_more = {"new": st.sampled_from([1, [{}], "x"]), "ID": st.just("v3")}
_sound = st.fixed_dictionaries({"id": st.sampled_from(["v1", "v2", "v3"]), "at": st.integers(0, 2)})
_visits = st.one_of(_sound, _sound, st.fixed_dictionaries(_field), st.fixed_dictionaries({}, optional=_field | _more))
_dumps: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, indent=2),
]


def _encoded(value: object, dumps: Callable[[Any], str]) -> bytes:
    return dumps(value).replace("Infinity", "1e400").encode()


_objects = st.builds(_encoded, _visits, st.sampled_from(_dumps))
_cut = st.builds(lambda record, share: record[: int(len(record) * share)], _objects, st.floats(0, 1))
_junk = st.sampled_from(
    [b"oops", b"12", b'"}{"', b"[1]", b"{,}", b'{"id":1,}', b"\xff", b"NaN", b'{"id":"\xed\xa0\x80"}']
)
_between = st.sampled_from([b"", b"", b"\n", b"\r\n", b" ", b",", b"\n\n", reference_spans.MARK])
_parts = st.one_of(_objects, _objects, _objects, _objects, _junk, _cut)
_mixed = st.builds(lambda between, parts: between.join(parts), _between, st.lists(_parts, max_size=12))
_array = st.lists(_parts, max_size=8).map(lambda parts: b"[" + b",\n".join(parts) + b"]")
streams = st.one_of(_mixed, _mixed, _array, reference_spans.streams).filter(
    lambda stream: not stream.startswith(GZIP) and foreign(stream[:64]) is None
)


def made(count: int) -> list[bytes]:
    """As many streams, the same ones in every run of the profile `ci`."""
    found: list[bytes] = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(streams)
    def collect(stream: bytes) -> None:
        found.append(stream)

    collect()
    return found


def contracts() -> list[Contract]:
    refusing = {"property": "unknownFields", "value": "reject"}
    return [contract_of(), contract_of(customProperties=[refusing])]


@pytest.mark.parametrize("contract", contracts(), ids=["unknown fields are kept", "unknown fields are refused"])
def test_every_record_is_in_exactly_one_place(spark: SparkSession, lake: str, contract: Contract) -> None:
    told: Counter[bytes] = Counter()
    rows_of: dict[str, int] = {}
    for number, stream in enumerate(made(STREAMS)):
        path = deliver(lake, [stream], f"2017/11/26/{number % 24:02}", f"{number:04}", pack=bool(number % 3))
        rows = split(stream, contract.max_record_bytes, contract.max_nesting)
        rows_of[path] = len(rows)
        told.update(record_hash(row.span) for row in rows)
    unreadable = deliver(lake, [FOREIGN], "2017/11/26/23", "foreign", pack=False)
    summary = curated_by(spark, lake, contract, max_batch_files=STREAMS // 2)
    assert len(summary["batches"]) == 3  # copies are in one stream, in one batch and in another batch

    kept = Counter(row["_record_hash"] for row in curated_rows(lake))
    bad = quarantine_rows(lake)
    assert [row["reasons"][0]["rule"] for row in bad if row["source_object"] == unreadable] == ["unreadable_object"]
    refused = Counter(record_hash(row["record"]) for row in bad if row["source_object"] != unreadable)
    assert set(kept.values()) == {1}
    assert not kept.keys() & refused.keys()
    # What is neither kept nor refused is a copy, byte for byte, of something that is kept.
    copies = told - kept - refused
    assert kept + refused + copies == told
    assert copies.keys() <= kept.keys()
    assert refused == Counter({record: count for record, count in told.items() if record not in kept})

    counts = totals(lake)
    assert (counts.read, counts.curated, counts.quarantined) == (told.total() + 1, kept.total(), refused.total() + 1)
    assert (counts.duplicates, counts.filtered, counts.superseded) == (copies.total(), 0, 0)
    assert counts.rescued == sum(row["_rescued"] is not None for row in curated_rows(lake))
    published = [source for row in transitions(lake) if row.state == "published" for source in row.sources]
    assert {source.path: source.records for source in published} == {**rows_of, unreadable: 1}
    # An account tells what the reader refuses: not what lacks a required column, or has one whose expression failed.
    reader_only = {"malformed_json", "not_an_object", "unreadable_object", "wrong_type", "unknown_field"}
    most = Counter(row["source_object"] for row in bad)
    least = Counter(row["source_object"] for row in bad if reader_only & {reason["rule"] for reason in row["reasons"]})
    assert all(least[source.path] <= source.refused <= most[source.path] for source in published)
    told_rules = {reason["rule"] for row in bad for reason in row["reasons"]}
    assert {"malformed_json", "not_an_object", "wrong_type", "not_convertible", "missing_required"} <= told_rules
    assert ("unknown_field" in told_rules) == (contract.unknown_fields == "reject")
    assert min(kept.total(), copies.total(), refused.total()) > 20
