"""Drift tells of every record that a contract would not take as it is, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from records import datasets, encoded
from sluice.catalog.draft import draft
from sluice.catalog.drift import drift
from sluice.catalog.findings import CsvDialect
from sluice.catalog.infer import Number, Profile
from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from sluice.raw.fields import fields_of
from sluice.raw.judge import Judge
from support.contracts import text_of, visits
from test_draft import found

GOOD: dict[str, Any] = {"id": "a", "at": 1, "page": {"path": "/", "title": "t"}, "tags": ["x"], "size": 0.5}


def contract() -> Contract:
    return parse_contract(text_of(visits()), "v1.yaml")


def told(*records: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.path, one.kind) for one in drift(found(*records), contract())]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, []),
        ({"more": 1}, [("more", "new")]),
        ({"at": "1"}, [("at", "type")]),
        ({"at": 1.5}, [("at", "type")]),
        ({"at": 2**63}, [("at", "type")]),
        ({"size": 2**53 + 1}, [("size", "type")]),
        ({"size": 3}, []),
        ({"tags": [1]}, [("tags.element", "type")]),
        ({"tags": []}, []),
        ({"tags": "x"}, [("tags", "type")]),
        ({"page": {"path": "/", "title": "t", "more": 1}}, [("page.more", "new")]),
        ({"page": {"path": "/", "title": 1}}, [("page.title", "type")]),
        ({"id": None}, [("id", "null")]),
        ({"size": None}, []),
    ],
)
def test_each_difference_is_told_at_its_place(change: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    assert told(GOOD, {**GOOD, **change}) == wanted


def drifting(*records: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.path, one.kind) for one in drift(found(*records), contract()) if one.drifts]


def test_an_optional_field_that_no_record_has_is_told_and_a_required_one_is_drift() -> None:
    without = {name: value for name, value in GOOD.items() if name != "tags"}
    assert told({**without, "page": {"path": "/"}}) == [("page.title", "unseen"), ("tags", "unseen")]
    assert drifting({**without, "page": {"path": "/"}}) == []
    assert drifting({name: value for name, value in GOOD.items() if name != "id"}) == [("id", "gone")]


def test_a_required_column_of_several_fields_misses_them_only_where_none_is_met() -> None:
    document = visits()
    column = next(one for one in document["schema"][1]["properties"] if one["name"] == "id")
    column |= {"transformLogic": "coalesce(id, page.path)"}
    either = parse_contract(text_of(document), "v1.yaml")
    some = {name: value for name, value in GOOD.items() if name != "id"}
    assert [one.path for one in drift(found(some), either) if one.drifts] == []
    del some["page"]
    missed = [one.path for one in drift(found(some), either) if one.drifts]
    assert missed == [field.name for field in either.raw if field.name in ("id", "page")]


def test_a_column_that_a_table_has_no_more_is_gone() -> None:
    table = replace(found(GOOD), format="parquet")
    assert [one.kind for one in drift(table, replace(contract(), raw_format="parquet")) if one.drifts] == []
    del table.root.members["tags"]
    [gone] = drift(table, replace(contract(), raw_format="parquet"))
    assert (gone.path, gone.kind, gone.drifts) == ("tags", "gone", True)


def test_what_no_contract_can_name_is_told_and_no_drift() -> None:
    odd = {"": 1, 'a"b': 2, "AT": 3, "_hash": 4}
    assert told({**GOOD, **odd}) == [(name, "rescued") for name in odd]
    assert drifting({**GOOD, **odd}) == []


def test_nulls_of_records_that_filters_may_take_are_told_and_others_are_drift() -> None:
    document = visits()
    beat = {"name": "beat", "logicalType": "boolean", "physicalType": "boolean"}
    document["schema"][0]["properties"].append(beat)
    filters = [{"kind": "beat", "expression": "id IS NULL AND beat"}]
    document["customProperties"] = [
        *document.get("customProperties", []), {"property": "recordFilters", "value": filters},
    ]  # fmt: skip
    filtered = parse_contract(text_of(document), "v1.yaml")
    kinds = [one.kind for one in drift(found(GOOD, {"beat": True}), filtered)]
    assert kinds == ["filtered"] * len(kinds) != []
    kinds = [one.kind for one in drift(found(GOOD, {"beat": True, "at": "x"}), filtered)]
    assert kinds == ["filtered"] * len(kinds) != []
    assert "type" in [one.kind for one in drift(found(GOOD, {"beat": True}, *[{**GOOD, "at": "x"}] * 2), filtered)]
    kinds = [one.kind for one in drift(found(GOOD, {"beat": True}, {"at": 1}), filtered)]
    assert "null" in kinds


@pytest.mark.parametrize("cell", [1, "x", True, Number("1.5"), None])
def test_any_cell_of_csv_is_text(cell: Any) -> None:
    before, now = (
        replace(found({"a": "x"}, {"a": one}), format="csv", csv=CsvDialect(",", True)) for one in ("y", cell)
    )
    assert drift(now, parse_contract(draft(before).contract_text, "drafted")) == []


def test_shares_are_of_the_values_met() -> None:
    [one] = drift(found(*[GOOD] * 3, {**GOOD, "at": "1"}), contract())
    assert (one.contract, one.found, one.share) == ("bigint", "string 25.0 %", 0.25)


@settings(max_examples=25)
@given(one=datasets(8), other=datasets(8))
def test_records_that_are_refused_are_told_as_another_type_and_no_others(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    """A contract drafted from some records, and others with the same names of fields."""
    names = list(dict.fromkeys(name for record in one for name in record))
    theirs = list(dict.fromkeys(name for record in other for name in record))
    renamed = dict(zip(theirs, names, strict=False))
    other = [{renamed[name]: value for name, value in record.items() if name in renamed} for record in other]
    ours = parse_contract(draft(found(*one)).contract_text, "drafted")
    assert [each for each in drift(found(*one), ours) if each.drifts and each.kind != "new"] == []
    judge = Judge(fields_of(ours.raw), "rescue", 200)
    refused = {reason.column for record in other for reason in judge(encoded(record, True)).reasons}
    differences = {difference.path for difference in drift(found(*other), ours) if difference.kind == "type"}
    # An element or a member that is refused is told at its own place by both.
    assert refused <= differences


def test_a_profile_of_nothing_differs_in_nothing() -> None:
    assert Profile().root.seen == 0
    assert {one.kind for one in drift(found(), contract())} == {"unseen"}
