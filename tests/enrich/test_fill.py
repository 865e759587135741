"""What is filled, and what is not: records and Arrow's columns say the same."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract.load import load_contract
from sluice.enrich import fill
from sluice.enrich.batches import enriched, enriching
from sluice.enrich.fill import additions
from sluice.raw.reader import arrow_schema

pytestmark = pytest.mark.lane("spark-4.1")  # neither Spark nor Delta is asked

CONTRACT = load_contract("app_messages")
RULES, SCHEMA = CONTRACT.enrich, arrow_schema(CONTRACT)
COORDINATES, SENTIMENT = {"latitude", "longitude"}, {"sentiment", "sentiment_value"}

_numbers, _names = (
    st.none() | st.floats(-1, 1),
    ["Fiji", "réunion", "Saint Kitts and ", "Oz", "U.S. Minor Outlying Islands", " "],
)
_texts = ["I ate the sweet Oysters", "bad, bad", "so so", "", " \n"]
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "country": st.none() | st.sampled_from(_names),
        "message": st.none() | st.sampled_from(_texts),
        "latitude": _numbers,
        "longitude": _numbers,
        "sentiment_value": _numbers,
        "sentiment": st.none() | st.just("positive"),
        "coordinates_source": st.none() | st.just("countries@0"),
        "sentiment_source": st.none() | st.just("countries@0"),
    },
)


def in_arrow(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = enriched(pa.RecordBatch.from_pylist(records, schema=SCHEMA), RULES)
    assert rows.schema == SCHEMA
    return rows.to_pylist()


@given(st.lists(RECORD, max_size=12))
def test_records_and_columns_are_filled_alike_and_what_was_received_stays(records: list[dict[str, Any]]) -> None:
    added = additions(RULES, records)
    assert (
        in_arrow(records)
        == pa.RecordBatch.from_pylist(
            [record | more for record, more in zip(records, added, strict=True)], schema=SCHEMA
        ).to_pylist()
    )
    for record, more in zip(records, added, strict=True):
        assert {name for name in more if record.get(name) is not None} <= {"coordinates_source", "sentiment_source"}
        assert set(more) >= COORDINATES or not COORDINATES & set(more)
        assert set(more) >= SENTIMENT or not SENTIMENT & set(more)


def test_all_of_a_rule_is_filled_where_nothing_of_it_was_received_and_there_is_an_answer() -> None:
    lacking = {"country": "fiji", "message": "I ate the sweet Oysters"}
    place = {"latitude": -16.578193, "longitude": 179.414413, "coordinates_source": "countries@1"}
    mood = {"sentiment_value": 0.4588, "sentiment": "positive", "sentiment_source": "vader@3.3.2"}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (lacking, place | mood),
        (lacking | {"latitude": 1.0}, mood),
        (lacking | {"sentiment": "neutral"}, place),
        (lacking | {"country": "Oz", "message": " "}, {}),
        (lacking | {"country": "U.S. Minor Outlying Islands"}, mood),  # a country, but no place
        (lacking | {"country": None, "message": None, "coordinates_source": "me"}, {}),
        (lacking | {"coordinates_source": "me", "latitude": None}, place | mood),
    ]
    assert additions(RULES, [record for record, _ in cases]) == [more for _, more in cases]


def test_a_field_that_the_reader_refused_is_not_lacking() -> None:
    """Else a record would be refused for more than is wrong with it, or filled where something was received."""
    reasons = [{"rule": "wrong_type", "column": "latitude", "message": ""}]
    refused = {"country": "Fiji", "message": "bad, bad", "_reasons": reasons}
    [by_latitude, by_source, by_name, account] = in_arrow(
        [
            refused | {"_bad": ",latitude,"},
            refused | {"_bad": ",name,sentiment_source,"},
            refused | {"_bad": ",name,"},
            {"_account": "{}"},
        ]
    )
    assert (by_latitude["coordinates_source"], by_latitude["sentiment_source"]) == (None, "vader@3.3.2")
    assert (by_source["coordinates_source"], by_source["sentiment_source"]) == ("countries@1", None)
    assert (by_name["coordinates_source"], by_name["sentiment_source"]) == ("countries@1", "vader@3.3.2")
    assert {name for name, value in account.items() if value is not None} == {"_account"}


def test_a_text_is_looked_up_once_and_a_batch_that_lacks_nothing_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(_: object, keys: list[str]) -> list[Any]:
        asked.extend(keys)
        return [(1.0, 2.0)] * len(keys)

    monkeypatch.setitem(fill._ASKED, "countries", counted)
    in_arrow([{"country": name} for name in ("Oz", "Id", "Oz", "Oz")] * 10)
    additions(RULES, [{"country": "Id"}] * 10)
    in_arrow([{"country": "Fiji", "latitude": 1.0, "longitude": 1.0}] * 10)
    assert asked == ["Oz", "Id", "Id"]


def test_a_contract_that_fills_nothing_reads_as_before() -> None:
    def read(_: Any) -> list[Any]:
        return []

    assert enriching(read, ()) is read
