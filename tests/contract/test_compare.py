"""What a change of a contract does decides which number of its version must rise."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.contract.compare import compare, enough, needed
from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from support.contracts import text_of, visits


def contract(**changes: object) -> Contract:
    return parse_contract(text_of(visits(**changes)), "v1.yaml")


def column(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "logicalType": "string", "physicalType": "string", "transformLogic": "page.title", **more}


KEY = {
    "column_0": {"primaryKey": True, "primaryKeyPosition": 1},
    "column_1": {"transformLogic": "try_to_timestamp(id)"},
}
FIRST = {"settings": {"keep": "first"}}
FILL = {"fill": {"size": "latitude"}, "from": "countries", "by": "id", "source": "made_by"}
NOTED: dict[str, Any] = {"raw_3": {"name": "made_by", "logicalType": "string", "physicalType": "string"}}
# What one has, what the other has, what must rise from one to the other, and what must rise back.
TABLE: dict[str, tuple[dict[str, Any], dict[str, Any], str | None, str | None]] = {
    "nothing": ({}, {}, None, None),
    "a description": ({}, {"column_3": {"description": "The page."}}, "patch", "patch"),
    "a classification": ({}, {"raw_0": {"classification": "personal"}}, "patch", "patch"),
    "blanks in an expression": ({}, {"column_2": {"transformLogic": "to_date( visited_at )"}}, "patch", "patch"),
    "a nullable column": ({}, {"more": [column("title")]}, "minor", "major"),
    "a required column": ({}, {"more": [column("title", required=True)]}, "major", "major"),
    "a partition column": (
        {},
        {"more": [column("p", partitioned=True, partitionKeyPosition=2)]},
        "major",
        "major",
    ),
    "required": ({}, {"column_3": {"required": True}}, "major", "major"),
    "another type": (
        {}, {"column_4": {"physicalType": "string", "transformLogic": "string(size)", "logicalType": None}},
        "major", "major"),
    "an expression": ({}, {"column_3": {"transformLogic": "lower(page.path)"}}, "minor", "minor"),
    "the expression of a partition": (
        {}, {"column_2": {"transformLogic": "date_add(visited_at, 1)"}}, "major", "major"),
    "what a NULL is a fault of": ({}, {"column_3": {"transformSourceObjects": []}}, "minor", "minor"),
    "a key": ({**KEY, "column_2": {"partitioned": None, "partitionKeyPosition": None}, "column_0": {}},
              {**KEY, **FIRST, "column_2": {"partitioned": None, "partitionKeyPosition": None}}, "major", "major"),
    "a wider raw integer": ({"raw_1": {"physicalType": "int"}}, {}, "minor", "major"),
    "a raw struct's field": (
        {}, {"raw_2": {"physicalType": "struct<path:string,more:double,title:string>"}}, "minor", "major"),
    "a raw field": (
        {}, {"raw_3": {"name": "labels"}}, "major", "major"),
    "filters": ({}, {"settings": {"recordFilters": [{"kind": "k", "expression": "size > 1"}]}}, "major", "major"),
    "unknown fields": ({}, {"settings": {"unknownFields": "reject"}}, "major", "minor"),
    "a field that is filled": (NOTED, {**NOTED, "settings": {"enrich": [FILL]}}, "minor", "major"),
    "what a field is filled with": (
        {**NOTED, "settings": {"enrich": [FILL]}},
        {**NOTED, "settings": {"enrich": [{**FILL, "fill": {"size": "longitude"}}]}},
        "minor", "minor"),
    "evolving": ({}, {"settings": {"unknownFields": "evolve"}}, "minor", "minor"),
    "columns to evolve": (
        {"settings": {"unknownFields": "evolve", "evolveColumns": ["plan"]}},
        {"settings": {"unknownFields": "evolve", "evolveColumns": ["*"]}}, "minor", "major"),
    "a column's struct": (
        {"more": [column("s", logicalType="object", physicalType="struct<a:int>", transformLogic="struct(1 AS a)")]},
        {"more": [column("s", logicalType="object", physicalType="struct<a:int,b:int>",
                         transformLogic="struct(1 AS a)")]}, "minor", "major"),
    "a wider integer in a column's struct": (
        {"more": [column("s", logicalType="object", physicalType="struct<a:int>", transformLogic="struct(1 AS a)")]},
        {"more": [column("s", logicalType="object", physicalType="struct<a:bigint>",
                         transformLogic="struct(1 AS a)")]}, "major", "major"),
    "a limit": ({"settings": {"maxNesting": 20}}, {}, "minor", "major"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_the_number_that_must_rise_is_that_of_the_heaviest_change_either_way(name: str) -> None:
    one, other, forth, back = TABLE[name]
    before, after = contract(**one), contract(**other)
    assert (needed(compare(before, after)), needed(compare(after, before))) == (forth, back)


def test_a_raw_field_that_is_new_is_a_minor_change_and_one_that_is_gone_a_major() -> None:
    more = visits()
    more["schema"][0]["properties"].append({"name": "extra", "logicalType": "string", "physicalType": "string"})
    wider = parse_contract(text_of(more), "v1.yaml")
    assert [change.rises for change in compare(contract(), wider)] == ["minor"]
    assert [change.rises for change in compare(wider, contract())] == ["major"]


def test_a_column_that_comes_to_hide_a_raw_field_changes_what_later_columns_mean() -> None:
    def with_at(first: bool) -> Contract:
        found = visits()
        at = {"name": "at", "logicalType": "integer", "physicalType": "bigint", "transformLogic": "try_add(at, 1)"}
        columns = found["schema"][1]["properties"]
        columns.insert(0 if first else len(columns), at)
        return parse_contract(text_of(found), "v1.yaml")

    found = {change.place: change.rises for change in compare(contract(), with_at(first=True))}
    # visited_at is required and plain, so its values are others now; nothing else names `at`
    assert found == {"column visited_at": "minor", "column at": "minor"}
    assert [c.place for c in compare(contract(), with_at(first=False))] == ["column at"]


def test_whatever_changes_the_fingerprint_is_told() -> None:
    for name, (one, other, forth, _) in TABLE.items():
        before, after = contract(**one), contract(**other)
        assert (before.fingerprint != after.fingerprint) <= (forth is not None), name


@pytest.mark.parametrize(
    ("before", "after", "wanted", "sound"),
    [
        ("1.2.3", "1.2.3", None, True),
        ("1.2.3", "1.2.3", "patch", False),
        ("1.2.3", "1.2.4", "patch", True),
        ("1.2.3", "1.2.4", "minor", False),
        ("1.2.3", "1.3.0", "minor", True),
        ("1.2.3", "1.10.0", "minor", True),
        ("1.2.3", "1.3.0", "major", False),
        ("1.2.3", "2.0.0", "major", True),
        ("1.2.3", "1.2.2", None, False),
        ("0.2.3", "0.3.0", "major", True),
        ("0.2.3", "0.2.4", "major", False),
    ],
)
def test_a_version_must_rise_by_the_number_wanted_or_a_higher_one(
    before: str, after: str, wanted: Any, sound: bool
) -> None:
    assert enough(before, after, wanted) is sound
