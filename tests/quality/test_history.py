"""A batch is compared with its published past by the median and its spread, where a suite asks for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract.build import build
from sluice.contract.model import Contract
from sluice.errors import SuiteError
from sluice.quality.history import HistoryCheck, history_checks, history_results, profile
from sluice.quality.load import recorded_suite
from sluice.quality.model import Suite
from support.contracts import text_of, visits


@pytest.fixture(scope="module")
def contract() -> Contract:
    return build(text_of(visits()), "visits.yaml")


def suite(*history: object) -> Suite:
    document = {"name": "visits", "expectations": [], "meta": {"sluice": {"history": list(history)}}}
    return recorded_suite("visits", json.dumps(document))


def check(**setting: Any) -> HistoryCheck:
    (found,) = history_checks(suite(setting), build(text_of(visits()), "visits.yaml"))
    return found


def verdict(found: HistoryCheck, now: float, past: list[float], rows: int = 1_000) -> bool:
    (result,) = history_results([found], {found.name: now}, {found.name: past}, rows)
    return result.success


def test_nothing_is_compared_unless_the_suite_asks(contract: Contract) -> None:
    for meta in ({}, {"meta": None}, {"meta": {}}, {"meta": {"notes": ["x"]}}, {"meta": {"sluice": {}}}):
        plain = recorded_suite("visits", json.dumps({"name": "visits", "expectations": [], **meta}))
        assert history_checks(plain, contract) == []


def test_null_share_without_a_column_is_one_check_for_each(contract: Contract) -> None:
    names = [found.name for found in history_checks(suite({"metric": "null_share"}), contract)]
    assert names == [f"history.null_share.{column.name}" for column in contract.columns]


def test_all_problems_of_the_settings_are_told_at_once(contract: Contract) -> None:
    wrong = suite(
        {"metric": "row_cuont"},
        {"metric": "null_share", "column": "pth"},
        {"metric": "row_count", "column": "path", "band": 0, "batches": 3, "at_least": 4, "severity": "fatal", "x": 1},
        "row_count",
        {"metric": "rejected_share"},
        {"metric": "rejected_share", "band": True},
    )
    with pytest.raises(SuiteError) as raised:
        history_checks(wrong, contract)
    assert (
        str(raised.value)
        == (
            "recorded suite of visits: 9 problems\n"
            "  meta.sluice.history[0].metric: expected one of row_count, rejected_share, null_share, found `row_cuont`"
            " (did you mean `row_count`?)\n"
            "  meta.sluice.history[1].column: `pth` is no column of visits.yaml (did you mean `path`?)\n"
            "  meta.sluice.history[2]: `x` is no setting of a history check\n"
            "  meta.sluice.history[2].severity: expected one of warning, critical, found `fatal`\n"
            "  meta.sluice.history[2].band: expected a number above 0, found `0`\n"
            "  meta.sluice.history[2].at_least: expected a whole number from 1 to 3, found `4`\n"
            "  meta.sluice.history[2].column: only null_share is about a column\n"
            "  meta.sluice.history[3]: expected an object, found a text\n"
            "  meta.sluice.history[5].band: expected a number above 0, found true or false\n"
        )
        .replace("10 problems", "9 problems")
        .rstrip()
    )


def test_a_check_asked_for_twice_is_a_problem(contract: Contract) -> None:
    with pytest.raises(SuiteError, match=r"null_share\.path is asked for twice"):
        history_checks(suite({"metric": "null_share"}, {"metric": "null_share", "column": "path"}), contract)


def test_too_little_history_says_so_and_passes() -> None:
    found = check(metric="row_count", severity="critical")
    (result,) = history_results([found], {found.name: 1.0}, {found.name: [1e6] * 4}, 1)
    assert result.success
    assert result.observed == "1 rows; too little history: 4 of 5 batches"
    assert result.outcome() == "passed"
    (result,) = history_results([found], {found.name: 1.0}, {found.name: [1e6] * 5}, 1)
    assert result.outcome() == "held"


def test_one_odd_batch_in_the_past_changes_little() -> None:
    found = check(metric="row_count")
    past = [1000.0, 1010, 990, 1005, 995, 0, 1_000_000]
    assert verdict(found, 1020, past)
    assert not verdict(found, 500, past)
    assert not verdict(found, 2000, past)


def test_only_the_newest_batches_count() -> None:
    found = check(metric="row_count", batches=5)
    assert verdict(found, 10_000, [100.0] * 50 + [10_000.0] * 5)


def test_batches_that_were_all_alike_may_still_differ_by_chance() -> None:
    count, share = check(metric="row_count"), check(metric="null_share", column="path")
    assert verdict(count, 10_400, [10_000.0] * 9)
    assert not verdict(count, 10_600, [10_000.0] * 9)
    assert verdict(share, 0.14, [0.1] * 9, rows=1_000)
    assert not verdict(share, 0.16, [0.1] * 9, rows=1_000)


def test_the_result_tells_band_and_basis() -> None:
    found = check(metric="rejected_share", band=3)
    (result,) = history_results([found], {found.name: 0.5}, {found.name: [0.01, 0.02, 0.03, 0.02, 0.01]}, 10_000)
    assert (result.observed, result.observed_value, result.success) == ("50.00%", 0.5, False)
    assert result.threshold == "between 0.00% and 6.45%, by the last 5 published batches"
    assert result.outcome() == "reported"


@given(rows=st.integers(1, 10**6), batches=st.integers(5, 20), band=st.floats(0.001, 10))
def test_one_row_more_or_less_than_ever_is_no_failure(rows: int, batches: int, band: float) -> None:
    count = check(metric="row_count", band=band)
    assert verdict(count, rows + 1, [float(rows)] * batches, rows)
    assert verdict(count, rows - 1, [float(rows)] * batches, rows)
    share = check(metric="null_share", column="path", band=band)
    assert verdict(share, 1 / rows, [0.0] * batches, rows)
    assert verdict(share, (rows - 1) / rows, [1.0] * batches, rows)


@given(past=st.lists(st.floats(0, 1), min_size=5, max_size=30), rows=st.integers(1, 10**6))
def test_a_batch_like_the_median_passes_and_every_verdict_is_about_the_band(past: list[float], rows: int) -> None:
    found = check(metric="null_share", column="path")
    middle = sorted(past[-20:])[len(past[-20:]) // 2]
    (result,) = history_results([found], {found.name: middle}, {found.name: past}, rows)
    assert result.success or len(past[-20:]) % 2 == 0


def test_a_profile_has_what_is_asked_for_and_nothing_of_a_batch_without_rows(contract: Contract) -> None:
    asked = history_checks(
        suite({"metric": "row_count"}, {"metric": "rejected_share"}, {"metric": "null_share"}), contract
    )
    found = profile(asked, records=200, rejected=50, rows=100, nulls={"path": 25})
    assert found == {"history.row_count": 100.0, "history.rejected_share": 0.25, "history.null_share.path": 0.25}
    assert profile(asked, records=200, rejected=200, rows=0, nulls={"path": 0}) == {}
