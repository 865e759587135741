"""The page in a real browser: from a file and over HTTP, on a phone and on a desk, in the light and in the dark."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import reports
from environment.browser import find
from sluice.quality.page.render import render, render_index
from sluice.quality.page.view import WORDS
from support.browser import Browser, browser

# A page is the same whatever Spark made its figures.
pytestmark = pytest.mark.lane("spark-4.1")
PAGES: dict[str, Callable[[], str]] = {
    "ordinary": lambda: render(reports.ordinary()),
    "hostile": lambda: render(reports.hostile()),
    "killed": lambda: render(reports.killed()),
    "nothing": lambda: render(reports.run_report()),
    "index": lambda: render_index("app_messages", reports.entries(60)),
    "hostile index": lambda: render_index(reports.HOSTILE + reports.LONG, reports.hostile_entries()),
}
_OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
_TOO_WIDE = """
[...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect()
  return box.right > innerWidth + 1 && box.width > 1 && getComputedStyle(one).position != 'absolute'
}).slice(0, 5).map(one => one.outerHTML.slice(0, 120))
"""
# WCAG 2.2, 1.4.3: the contrast of each text with the nearest opaque ground below it, 4.5 to 1 or more, 3 where large.
_TOO_FAINT = """
(() => {
  const parts = text => (text.match(/[\\d.]+/g) || []).map(Number)
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
  const light = colour => colour.slice(0, 3).map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor)
      if (colour.length == 3 || colour[3] == 1) return colour
    }
    return [255, 255, 255]
  }
  const faint = []
  let seen = 0
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement
    if (!walk.currentNode.data.trim() || !one.checkVisibility() || ['title', 'desc'].includes(one.tagName)) continue
    const style = getComputedStyle(one), size = parseFloat(style.fontSize)
    const ink = parts(one.ownerSVGElement ? style.fill : style.color)
    const [high, low] = [light(ink), light(ground(one))].sort((a, b) => b - a)
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    seen += 1
    if ((high + .05) / (low + .05) < least) faint.push([one.outerHTML.slice(0, 100), style.color, ground(one)])
  }
  return {seen, faint: faint.slice(0, 5)}
})()
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no browser of the Chromium family here; install one, or run scripts/test as root on Debian")
    with browser(program) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    for name, draw in PAGES.items():
        (made / f"{name}.html").write_text(draw(), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_asks_for_nothing_but_itself_and_fits_its_window(
    chromium: Browser, folder: Path, name: str, width: int
) -> None:
    url = (folder / f"{name}.html").as_uri()
    page = chromium.open(url, width=width)
    page.run(_OPEN_ALL)
    assert page.requests == [url]
    assert page.complaints == []
    assert page.run(_TOO_WIDE) == []
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run("document.querySelectorAll('h1').length") == 1


def test_a_page_is_the_same_over_http(chromium: Browser, server: str) -> None:
    page = chromium.open(f"{server}/ordinary.html", width=1280)
    assert page.requests == [f"{server}/ordinary.html"]
    assert page.complaints == []
    text = page.run("document.body.innerText")
    assert "app_messages: 2 batches published, 1 batch held" in text
    assert page.run("document.querySelectorAll('article table td').length") > 50
    page.run("document.querySelector('footer a').click()")
    chromium.wait_until(lambda: len(page.requests) == 2)  # a link is all that leads away, and where it says
    assert page.requests[1] == f"{server}/data_docs/index.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_text_stands_out_from_its_ground(chromium: Browser, folder: Path, width: int, dark: bool) -> None:
    page = chromium.open((folder / "ordinary.html").as_uri(), width=width, dark=dark)
    page.run(_OPEN_ALL)
    found = page.run(_TOO_FAINT)
    assert found["faint"] == []
    assert found["seen"] > 300
    ground = page.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(18, 23, 28)") == dark


@pytest.mark.parametrize("width", [360, 1280])
def test_a_screen_reader_meets_every_status_every_figure_and_every_table(
    chromium: Browser, folder: Path, width: int
) -> None:
    page = chromium.open((folder / "ordinary.html").as_uri(), width=width)
    heard = page.heard()
    roles = [one.role for one in heard]
    rows = [one.texts for one in heard if one.role == "row"]
    for batch in reports.ordinary().batches:
        for result in batch.results:
            status = WORDS[result.outcome(batch.waived)][0]
            told = [result.check.name, status, result.threshold, result.observed, f"{result.failed:,}"]
            assert any(all(text in row for text in told) for row in rows), told
    assert {"banner", "main", "contentinfo", "article", "columnheader", "rowheader", "cell"} <= set(roles)
    # All records, batches, three times checks and reasons, steps, those of the held batch, filters: cards on a phone,
    # and tables all the same.
    assert roles.count("table") == 11
    pictures = [one.name for one in heard if one.role in ("image", "img")]
    assert all(pictures)
    assert any(name.startswith("Where the records of this run went 1,242,987 records read") for name in pictures)
    assert any(name.startswith("Trend. 14 earlier batches: 1,150,000 to 1,213,352. Now 4,200.") for name in pictures)


def test_no_text_of_a_report_becomes_markup(chromium: Browser, folder: Path) -> None:
    page = chromium.open((folder / "hostile.html").as_uri(), width=1280)
    assert page.run("document.querySelectorAll('script, img, iframe, object, base, [onerror]').length") == 0
    links = page.run("[...document.querySelectorAll('a')].map(one => one.protocol)")
    assert set(links) == {"file:"}
    assert page.run("[...document.querySelectorAll('a')].some(one => one.host)") is False
    assert "<img src=x onerror=alert(1)>" in page.run("document.querySelector('h1').innerText")
    assert "{{ 7*7 }}" in page.run("document.querySelector('h1').innerText")
