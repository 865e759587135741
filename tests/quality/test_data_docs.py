"""Great Expectations' page of a validation: what was found, nothing from elsewhere, nothing that runs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sluice.contract.build import build
from sluice.quality.cleaning import self_contained
from sluice.quality.data_docs import data_docs_page
from sluice.quality.load import recorded_suite
from sluice.quality.masking import MASK, masked_results
from sluice.quality.model import Result, Suite
from sluice.quality.suite import classify
from support.contracts import text_of, visits

AT = datetime(2017, 11, 26, 16, 30, tzinfo=UTC)
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
CONTRACT = build(text_of(visits(column_0={"classification": "personal"})), "visits.yaml")
ENTRIES: list[dict[str, Any]] = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "size", "min_value": 0, "max_value": 9}},
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "path", "value_set": ["/", "<b>bold</b>"], "mostly": 0.9},
        "severity": "warning",
    },
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
    {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "visited_at", "max_value": {"$PARAMETER": "batch_arrival_max + timedelta(hours=1)"}},
    },
    {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "id", "value_set": ["a"]}},
    {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "path", "value_set": ["a"]}},
    {
        "type": "expect_column_mean_to_be_between",
        "kwargs": {"column": "size", "min_value": 1, "row_condition": "path = '/'", "condition_parser": "spark"},
    },
    {
        "type": "expect_column_quantile_values_to_be_between",
        "kwargs": {"column": "size", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}},
    },
    {
        "type": "expect_column_kl_divergence_to_be_less_than",
        "kwargs": {
            "column": "path",
            "partition_object": {"values": ["/", "x"], "weights": [0.5, 0.5]},
            "threshold": 0.1,
        },
    },
    {"type": "expect_column_distinct_values_to_equal_set", "kwargs": {"column": "path", "value_set": ["/"]}},
    {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["path", "size"]}},
]


def suite(entries: list[dict[str, Any]]) -> Suite:
    return recorded_suite("visits", json.dumps({"name": "visits", "expectations": entries}))


def page_of(asked: Suite, results: list[Result]) -> str:
    return data_docs_page(asked, results, run_id="run-7", batch_id="batch-9", at=AT)


@pytest.fixture(scope="module")
def page() -> str:
    asked = suite(ENTRIES)
    results = [
        Result(check, 2_000, 30, "30 of 2,000 rows fail", 0.985, "whatever", success=False)
        if check.kind == "row"
        else Result(check, 2_000, 0, f"seen in {check.column} {MARKUP}", None, "whatever", success=number % 2 == 0)
        for number, check in enumerate(classify(asked, CONTRACT))
    ]
    return page_of(asked, masked_results(results, CONTRACT))


class Reader(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_tells_what_was_found(page: str) -> None:
    text = " ".join(Reader(page).text.split())
    for words in (
        "Expectation Suite: visits",
        "Status: Failed",
        "run-7",
        "batch-9",
        "2017-11-26T16:30:00Z",
        "30 unexpected values found.",
        "values must be greater than or equal to 0 and less than or equal to 9.",
        "at least 90 % of the time",
        "batch_arrival_max + timedelta(hours=1)",
    ):
        assert words in text, words


def test_the_page_loads_nothing_runs_nothing_and_leads_nowhere(page: str) -> None:
    found = Reader(page).tags
    assert {tag for tag, _ in found} <= set(
        "html head meta title style body div table thead tbody tr th td h4 h5 h6 p span strong b i a ul li br".split()
    )
    for tag, attributes in found:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")}, tag
        assert (attributes.get("href") or "#").startswith("#")
        assert "url(" not in (attributes.get("style") or "")
    assert not re.search(r"https?:|//[a-z]|url\(|@import", page)
    policy = next(a["content"] for tag, a in found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in (policy or "")


def test_markup_in_what_was_observed_is_text(page: str) -> None:
    assert MARKUP in Reader(page).text
    assert "<b>bold</b>" in Reader(page).text


def test_values_of_classified_columns_and_the_machine_are_not_on_the_page(page: str) -> None:
    text = Reader(page).text
    assert "seen in path" in text
    assert "seen in id" not in text
    assert MASK in page
    assert str(Path.home()) not in page
    assert str(Path(__file__).parents[2]) not in page
    assert "site-packages" not in page


def test_expectations_without_a_result_are_left_out() -> None:
    asked = suite(ENTRIES[:3])
    only = [Result(check, 5, 0, "0 of 5 rows fail", 1.0, "", True) for check in classify(asked, CONTRACT)[:1]]
    text = " ".join(Reader(page_of(asked, only)).text.split())
    assert "Status: Succeeded" in text
    assert "Evaluated Expectations 1" in text.replace("Expectations1", "Expectations 1")
    assert "rows." not in text
    assert "Succeeded" in Reader(page_of(asked, [])).text


def test_what_great_expectations_may_add_one_day_is_dropped_as_well() -> None:
    hostile = (
        "<html><head><link rel=stylesheet href=//x><style>@import 'x';a{background:url(//x)}</style></head><body>"
        "<p onclick='x()' style='background:url(//x)'>kept &lt;b&gt;</p><script>let a = '<p>'</script><img src=//x>"
        "<form><form><p>gone</p></form></form><svg><image href='//x'/></svg><a href='javascript:x()'>text</a>"
        "</body></html>"
    )
    clean = self_contained(hostile, "<title>")
    assert Reader(clean).text.split("}")[-1].split() == ["kept", "<b>text"]
    assert "//x" not in clean
    assert "javascript" not in clean
    assert "gone" not in clean
    assert "&lt;title&gt;</title>" in clean
