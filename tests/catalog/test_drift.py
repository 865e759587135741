"""Drift tells of every record that a contract would not take as it is, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from records import datasets, encoded
from sluice.catalog.draft import draft
from sluice.catalog.drift import drift
from sluice.catalog.infer import Profile
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


def test_what_no_record_has_is_gone() -> None:
    without = {name: value for name, value in GOOD.items() if name != "tags"}
    assert told({**without, "page": {"path": "/"}}) == [("page.title", "gone"), ("tags", "gone")]


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
    assert drift(found(*one), ours) == [gone for gone in drift(found(*one), ours) if gone.kind in ("new", "gone")]
    judge = Judge(fields_of(ours.raw), "rescue", 200)
    refused = {reason.column for record in other for reason in judge(encoded(record, True)).reasons}
    differences = {difference.path for difference in drift(found(*other), ours) if difference.kind == "type"}
    # An element or a member that is refused is told at its own place by both.
    assert refused <= differences


def test_a_profile_of_nothing_differs_in_nothing_but_what_is_gone() -> None:
    assert Profile().root.seen == 0
    assert {one.kind for one in drift(found(), contract())} == {"gone"}
