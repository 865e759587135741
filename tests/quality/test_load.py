"""A suite is found, read and told apart from what is none, all problems at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.contract.load import load_contract
from sluice.errors import SuiteError
from sluice.quality.kinds import GATE, REFUSED, ROW
from sluice.quality.load import load_suite, recorded_suite
from sluice.quality.suite import classify

FILE = Path(__file__).parents[2] / "expectations" / "app_messages.json"
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "country"}}


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(SuiteError) as error:
        recorded_suite("app_messages", text)
    return error.value.problems


def entry(**changes: Any) -> dict[str, Any]:
    return {**NOT_NULL, **changes}


def refused_entry(**changes: Any) -> tuple[str, ...]:
    return refused(json.dumps({"name": "s", "expectations": [entry(**changes)]}))


def test_a_dataset_without_a_file_has_no_suite(tmp_path: Path) -> None:
    assert load_suite("app_messages", tmp_path) is None


def test_a_recorded_suite_is_the_suite_that_was_recorded() -> None:
    suite = load_suite("app_messages")
    assert suite is not None
    assert suite.path == "expectations/app_messages.json"
    again = recorded_suite("app_messages", suite.text)
    assert (again.text, again.fingerprint, again.document) == (suite.text, suite.fingerprint, suite.document)


def test_the_fingerprint_is_of_what_a_suite_says_and_not_of_how_it_is_laid_out(tmp_path: Path) -> None:
    said = json.loads(FILE.read_text(encoding="utf-8"))
    (tmp_path / "app_messages.json").write_text(json.dumps(said, indent=9, sort_keys=True), encoding="utf-8")
    here, there = load_suite("app_messages"), load_suite("app_messages", tmp_path)
    assert here is not None
    assert there is not None
    assert here.fingerprint == there.fingerprint
    said["expectations"][0]["severity"] = "warning"
    assert recorded_suite("app_messages", json.dumps(said)).fingerprint != here.fingerprint


def test_great_expectations_opens_our_suite_and_drops_nothing() -> None:
    from sluice.quality.expectations import great_expectations, quiet

    document = json.loads(FILE.read_text(encoding="utf-8"))
    with quiet():
        suite = great_expectations().ExpectationSuite(**document)
    assert len(suite.expectations) == len(document["expectations"])


def test_our_suite_has_every_kind_of_check() -> None:
    suite = load_suite("app_messages")
    assert suite is not None
    checks = classify(suite, load_contract("app_messages"))
    assert len(checks) == len({check.name for check in checks}) == len(suite.document["expectations"])
    assert {check.severity for check in checks} == {"critical", "warning", "info"}
    assert {check.kind for check in checks} == {"row", "gate"}
    assert any(check.mostly is not None for check in checks)
    assert any("row_condition" in one["kwargs"] for one in suite.document["expectations"])


def test_every_type_that_great_expectations_registers_is_known_as_row_gate_or_refused() -> None:
    from sluice.quality.expectations import great_expectations

    great_expectations()
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    known = [*ROW, *GATE, *REFUSED]
    assert len(known) == len(set(known))
    assert set(list_registered_expectation_implementations()) <= set(known)


def test_a_check_without_a_name_of_its_own_is_named_by_type_and_columns() -> None:
    text = json.dumps({"name": "s", "expectations": [NOT_NULL, NOT_NULL, entry(meta={"sluice": {"name": "known"}})]})
    names = [check.name for check in classify(recorded_suite("app_messages", text), load_contract("app_messages"))]
    base = "expect_column_values_to_not_be_null(country)"
    assert names == [base, f"{base} #2", "known"]


def test_a_mostly_of_one_is_none_at_all_since_great_expectations_leaves_it_out_when_it_saves() -> None:
    entries = [{**NOT_NULL, "kwargs": {"column": "country", "mostly": share}} for share in (1, 1.0, 0.99)]
    suite = recorded_suite("app_messages", json.dumps({"name": "s", "expectations": entries}))
    assert [check.mostly for check in classify(suite, load_contract("app_messages"))] == [None, None, 0.99]


def test_what_is_no_json_object_is_refused_with_its_place() -> None:
    assert refused('{"name": ') == ("line 1, column 10: not JSON: Expecting value",)
    assert refused("[]") == ("expected a JSON object with `name` and `expectations`, found a list",)
    assert refused("[" * 100_000) == ("not JSON that can be read: it nests too deep",)
    assert refused('{"name": "a", "name": "s", "expectations": []}') == ("the key `name` stands twice in one object",)


def test_all_problems_of_shape_are_told_at_once_with_their_place() -> None:
    entries = [
        7,
        {"type": "", "kwargs": [], "sort": 1},
        entry(severity="fatal"),
        entry(kwargs={"column": "country", "mostly": 1.5}),
        entry(meta={"sluice": {"name": "", "nam": "x"}}),
        entry(meta={"sluice": {"name": "twice"}}),
        entry(meta={"sluice": {"name": "twice"}}),
    ]
    at = "expect_column_values_to_not_be_null"
    fields = (
        "description, expectation_context, id, kwargs, meta, notes, rendered_content, severity, success_on_last_run"
    )
    assert refused(json.dumps({"nam": "s", "expectations": entries})) == (
        "`nam` is no field of a suite; there are: expectations, id, meta, name, notes, suite_parameters",
        "name: expected a text, found nothing",
        "expectations[0]: expected an object with `type` and `kwargs`, found a number",
        f"expectations[1]: `sort` is no field of an expectation; there are: {fields}, type",
        "expectations[1]: type: expected the name of one, such as expect_column_values_to_not_be_null",
        "expectations[1]: kwargs: expected an object, found a list",
        f"expectations[2] {at}: severity: expected critical, warning, info, found 'fatal'",
        f"expectations[3] {at}: kwargs.mostly: expected a number from 0 to 1, found 1.5",
        f"expectations[4] {at}: meta.sluice.nam: not known; there are: name",
        f"expectations[4] {at}: meta.sluice.name: expected 1 to 120 letters, digits, spaces or _ . ( ) # , -",
        f"expectations[6] {at}: meta.sluice.name `twice` is the name of expectations[5] already",
    )


def test_a_suite_without_a_list_of_expectations_is_refused() -> None:
    assert refused('{"name": "s"}') == ("expectations: expected a list, found nothing",)
    assert refused_entry(meta=[]) == (
        "expectations[0] expect_column_values_to_not_be_null: meta: expected an object, found a list",
    )
