"""The page as text: what it says, what it escapes, and how large it may get."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports
from sluice.quality.page import view, words
from sluice.quality.page.flow import draw
from sluice.quality.page.model import Example, Flow, Past, Reason
from sluice.quality.page.render import INDEX_LIMIT, render, render_index
from sluice.quality.page.trend import trend
from support.machine import ROOT

_VOID = {"meta", "link", "br", "path", "rect", "circle", "use", "img"}
COUNTS = st.integers(0, 10**12)
FLOWS = st.builds(Flow, curated=COUNTS, quarantined=COUNTS, duplicates=COUNTS, superseded=COUNTS, filtered=COUNTS)


class Parsed(HTMLParser):
    """Tags with their attributes in order, and the text of the page without its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def shapes(self) -> Counter[tuple[str, tuple[str, ...]]]:
        return Counter((tag, tuple(sorted(attributes))) for tag, attributes in self.tags)


PAGES = {
    "ordinary": render(reports.ordinary()),
    "hostile": render(reports.hostile()),
    "killed": render(reports.killed()),
    "nothing": render(reports.run_report()),
    "index": render_index("app_messages", reports.entries(60)),
    "empty index": render_index("app_messages", []),
    "hostile index": render_index(reports.HOSTILE, reports.hostile_entries()),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_marked_up_for_everybody(name: str) -> None:
    page = Parsed(PAGES[name])
    tags = Counter(tag for tag, _ in page.tags)
    assert PAGES[name].startswith("<!DOCTYPE html>")
    assert dict(page.tags)["html"] == {"lang": "en"}
    assert tags["h1"] == tags["main"] == PAGES[name].count("<title>") == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert tags["table"] == tags["caption"]
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = " ".join(attributes.get("aria-labelledby", "") for _, attributes in page.tags).split()
    assert set(named) <= set(ids)
    for tag, attributes in page.tags:
        if tag == "svg":
            assert "aria-hidden" in attributes or attributes["role"] == "img"
        if attributes.get("role") == "img":
            assert "aria-label" in attributes or "aria-labelledby" in attributes


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_nothing_that_would_be_loaded(name: str) -> None:
    html, page = PAGES[name], Parsed(PAGES[name])
    assert "url(" not in html
    assert "@import" not in html
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert "src" not in attributes
        if "href" in attributes and tag != "a":
            assert attributes["href"].startswith(("#i-", "data:,"))
        elif "href" in attributes:
            assert not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|\\", attributes["href"])


@given(st.text())
def test_no_text_changes_the_markup(text: str) -> None:
    def page(given: str) -> str:
        batch = replace(reports.held(given), reasons=(Reason(given, given, given, 1),), filtered_by={given: 1},
                        examples=(Example(given, given, 0, (given,)),))  # fmt: skip
        return render(replace(reports.run_report(batch), dataset=given, run_id=given, lake=given, suite_path=given))

    strange, plain = page(f"a{text}"), page("a")
    strange.encode("utf-8")
    assert Parsed(strange).shapes() == Parsed(plain).shapes()
    shown = words.visible(f"a{text}")
    told = Parsed(strange.replace("\r\n", "\n")).text
    assert told.count(shown) >= 8


@given(FLOWS)
def test_every_place_tells_its_records_and_bands_are_to_scale(flow: Flow) -> None:
    flow = replace(flow, read=flow.placed)
    picture = draw(flow)
    assert sum(band.outlet.records for band in picture.bands) == picture.read
    largest = max(picture.bands, key=lambda band: band.outlet.records)
    for band in picture.bands:
        assert bool(band.path) == bool(band.outlet.records)
        if band.outlet.records:
            true = largest.height * band.outlet.records / largest.outlet.records
            assert band.height == pytest.approx(max(true, 3.0), abs=0.02)
    for above, below in pairwise(picture.bands):
        assert above.y + above.height <= below.y
        assert below.middle - above.middle >= 44  # two lines of text
    assert picture.source_height == pytest.approx(max(sum(band.height for band in picture.bands), 3.0), abs=0.05)
    assert picture.bands[-1].y + picture.bands[-1].height <= picture.height


@given(FLOWS, FLOWS)
def test_the_figures_on_the_page_add_up_to_what_was_read(published: Flow, held: Flow) -> None:
    published, held = replace(published, read=published.placed), replace(held, read=held.placed)
    report = reports.run_report(replace(reports.published(), flow=published), replace(reports.held(), flow=held))
    table = re.search(r"<tbody>(.+?)</tbody>", render(report), re.DOTALL)
    assert table is not None
    figures = [int(one.replace(",", "")) for one in re.findall(r'figure">([\d,]+)</td>', table[1])]
    *places, read = figures
    assert sum(places) == read == published.read + held.read
    assert places[0] == published.curated


def test_records_without_a_place_are_told_as_an_error() -> None:
    batch = replace(reports.published(), flow=Flow(read=10, curated=9))
    assert "Unaccounted for" in render(reports.run_report(batch))
    batch = replace(reports.published(), flow=Flow(read=10, curated=11))
    assert "More records have a place than were read, by 1." in Parsed(render(reports.run_report(batch))).text


def test_a_held_batch_says_what_is_held_why_and_what_to_do() -> None:
    told = " ".join(Parsed(render(reports.run_report(reports.held("b 1")))).text.split())
    assert "1 batch needs somebody’s decision" in told
    assert (
        "This batch is held. 1 check failed that must not fail: row_count: expected at least 1,000,000, found 4,200"
        in told
    )
    assert "the suite ( expectations/app_messages.json) where it asks" in told.replace(
        "(expectations", "( expectations"
    )
    assert "--release-held 'b 1' --reason TEXT" in told


def test_a_released_batch_names_who_released_it_and_the_checks_waived() -> None:
    told = " ".join(Parsed(render(reports.run_report(reports.waived()))).text.split())
    assert "Released by dana, for this reason: A public holiday: the stream was quiet. Waived: row_count" in told
    assert "needs somebody’s decision" not in told


def test_a_page_made_for_a_killed_run_says_what_is_not_known() -> None:
    told = Parsed(PAGES["killed"]).text
    assert "This run was ended from outside" in told
    assert "Not known: the run did not get to write it down." in told


def test_a_run_of_many_batches_has_a_line_for_each_and_details_of_held_and_newest() -> None:
    batches = [reports.published(f"p{number:04}") for number in range(300)]
    batches[3] = reports.held("h0003")
    html = render(reports.run_report(*batches))
    lines, _, details = html.partition('<h2 id="details">')
    assert all(f'<span class="name">{batch.batch_id}</span>' in lines for batch in batches)
    shown = re.findall(r'<h3 id="b\d+">Batch <span class="name">(\w+)</span>', details)
    assert shown == ["h0003", *[f"p{number:04}" for number in range(299, 300 - view.DETAILS, -1)]]
    assert f"Details of {view.DETAILS} of 300 batches: held ones first, then the newest." in details
    assert len(html) < 400_000


def test_a_page_stays_small_whatever_the_run_was() -> None:
    many = range(3_000)
    past = tuple(Past(f"b{number}", number / 7, "held") for number in many)
    batch = replace(
        reports.published(),
        results=tuple(reports.result(f"check {number}", message=reports.LONG * 9, success=False) for number in many),
        trends={f"check {number}": past for number in many},
        reasons=tuple(Reason(f"rule {number}", "", reports.LONG * 9, number) for number in many),
        examples=tuple(Example(reports.LONG * 9, reports.LONG, number, (reports.LONG,) * 99) for number in many),
        waived=tuple(f"check {number}" for number in many),
        filtered_by={f"filter {number}": number for number in many},
    )
    html = render(reports.run_report(*[replace(batch, batch_id=f"b{number}") for number in many]))
    assert len(html) < 4_000_000
    assert f"{view.LINES} of 3,000 batches" in html
    assert f"{3_000 - view.CHECKS:,} checks more are not shown here" in html
    assert "more characters)" in html


def test_the_index_has_the_newest_runs_first_and_no_more_than_its_limit() -> None:
    found = re.findall(r'href="(run-\d+)\.html"', render_index("d", reports.entries(1_000)))
    assert found == [f"run-{number:05}" for number in range(999, 999 - INDEX_LIMIT, -1)]


@pytest.mark.parametrize(
    ("past", "now", "told"),
    [
        ([], 5.0, None),
        ([None, float("nan")], 5.0, None),
        ([4.0], 5.0, "1 earlier batch: 4. Now 5."),
        ([4.0, None, 1e308, -1e308], 0.25, "3 earlier batches: -1e+308 to 1e+308. Now 0.25."),
        ([4.0, 6.0], None, "2 earlier batches: 4 to 6. No number now."),
    ],
)
def test_a_trend_says_in_words_what_it_draws(past: list[float | None], now: float | None, told: str | None) -> None:
    drawn = trend([Past(f"b{index}", value, "passed") for index, value in enumerate(past)], now, "passed")
    assert (drawn and drawn.text) == told
    if drawn:
        assert not re.search("nan|inf", drawn.path)


@given(st.lists(st.tuples(st.none() | st.floats(), st.sampled_from(["passed", "held"])), max_size=60), st.floats())
def test_a_trend_stays_in_its_box(past: list[tuple[float | None, str]], now: float) -> None:
    drawn = trend([Past("b", value, outcome) for value, outcome in past], now, "passed")  # type: ignore[arg-type]
    if drawn:
        numbers = [float(one) for one in re.findall(r"[\d.e+-]+", drawn.path)]
        assert all(0 <= x <= drawn.width for x in numbers[::2])
        assert all(0 <= y <= drawn.height for y in numbers[1::2])
        assert len(numbers) <= 2 * 31


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (words.share(1, 10**9), "under 0.01 %"), (words.share(10**9 - 1, 10**9), "over 99.99 %"),
        (words.share(0, 0), "0 %"), (words.share(5, 5), "100 %"), (words.share(989, 1000), "98.9 %"),
        (words.share(9996, 10000), "99.96 %"), (words.size(999), "999 bytes"), (words.size(1_000_000), "1.0 MB"),
        (words.duration(0.034), "34 ms"), (words.duration(0.9999), "1.0 s"), (words.duration(119.7), "2 min 0 s"),
        (words.duration(7_260), "2 h 1 min"), (words.number(12_000.0), "12,000"), (words.number(0.0314159), "0.03142"),
        (words.number(1234.5), "1,234"), (words.number(12_345.6), "12,346"),
        (words.counted(1, "batch", "batches"), "1 batch"), (words.counted(1_200, "check"), "1,200 checks"),
        (words.visible("a\x00\u202e\ud800b"), "a\\u0000\\u202e\\ud800b"),
        (words.visible("\u05d0 \U0001f600\n"), "\u05d0 \U0001f600\n"),
    ],
)  # fmt: skip
def test_numbers_and_texts_read_well(told: str, expected: str) -> None:
    assert told == expected


def test_a_page_needs_neither_spark_nor_great_expectations() -> None:
    script = (
        "import sys, reports\n"
        "from sluice.quality.page.render import render\n"
        "assert 'jinja2' not in sys.modules\n"
        "render(reports.ordinary())\n"
        "assert not {'pyspark', 'great_expectations', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    path = [str(ROOT / "libs"), str(ROOT / "tests" / "quality")]
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{script}"], check=True, timeout=60)
