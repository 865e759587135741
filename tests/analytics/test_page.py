"""The pictures of an analysis on its run's page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from sluice.quality.page.chart import draw_chart
from sluice.quality.page.model import Bar, Chart, RunReport
from sluice.quality.page.render import render

pytestmark = pytest.mark.lane("spark-4.1")
PARTS, TONES = ("good", "bad"), ("curated", "quarantined")


def chart(*bars: Bar, across: bool = False) -> Chart:
    return Chart("things <b>by</b> place", "a & b", PARTS, TONES, bars, across)


def page(*charts: Chart) -> str:
    return render(RunReport("r1", "analyze", "things", "/lake", "published", charts=charts))


@pytest.mark.parametrize("across", [True, False])
def test_bars_are_as_long_as_their_numbers_and_stay_in_the_picture(across: bool) -> None:
    drawn = draw_chart(chart(Bar("x", (3, 1)), Bar("y", (2, 0)), across=across))
    lengths = [box.height if across else box.width for box in drawn.boxes]
    assert [round(length / lengths[1], 1) for length in lengths] == [3, 1, 2, 0]
    assert all(box.x >= 0 and box.x + box.width <= drawn.width for box in drawn.boxes)
    assert all(box.y >= 0 and box.y + box.height <= drawn.height for box in drawn.boxes)


def test_a_picture_says_in_words_and_numbers_what_it_shows_and_foreign_text_is_text() -> None:
    text = page(chart(Bar("<i>Fiji</i>", (1234, 1))))
    assert "&lt;i&gt;Fiji&lt;/i&gt;" in text
    assert "<i>Fiji" not in text
    assert '<desc id="chart-1-told">a &amp; b. The numbers are in the table below it.</desc>' in text
    assert '<td class="figure">1,234</td>' in text
    svg = text[text.index('<svg class="chart"') :]
    ElementTree.fromstring(svg[: svg.index("</svg>") + 6])


def test_a_page_with_pictures_loads_nothing_and_one_without_has_none() -> None:
    text = page(chart(Bar("a", (1, 2)), Bar("b", (0, 0)), across=True), chart())
    assert not any(word in text for word in ("<script", "http://", "https://", "src="))
    assert 'class="chart"' not in page()


def test_nothing_at_all_is_drawn_without_dividing_by_it() -> None:
    assert [box.width for box in draw_chart(chart(Bar("a", (0, 0)))).boxes] == [0, 0]
    assert draw_chart(chart(across=True)).boxes == ()


def test_pictures_are_of_windows_that_do_not_overlap(tmp_path: Path) -> None:
    import pyarrow as pa

    from sightings import analysis, expected
    from sluice.analytics.page import _by_group, _over_time

    messages = [(float(at), at % 5) for at in range(0, 200, 7)]
    of = analysis()
    apart = [row for row in expected(messages) if row["window_start"].timestamp() % 30 == 0]
    rows = pa.Table.from_pylist([{**row, "_seconds": int(row["window_start"].timestamp())} for row in apart])
    parts = of.windows.chart[1:]
    for made in (_over_time("a", rows.sort_by("_seconds"), parts, of.windows), _by_group("a", rows, "country", parts)):
        assert sum(sum(bar.parts) for bar in made.bars) == len(messages)
