"""A report as one HTML page: no script, nothing from elsewhere, foreign text only as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from sluice.quality.page import view, words
from sluice.quality.page.chart import draw_chart
from sluice.quality.page.flow import draw
from sluice.quality.page.model import IndexEntry, RunReport

if TYPE_CHECKING:
    from jinja2 import Environment

INDEX_LIMIT = 50


def render(report: RunReport) -> str:
    """The page of a run, of bounded size: see the limits in `view`.

    Texts are shown escaped and cut after `words.TEXT_LIMIT` characters; `docs_href` is a relative link.
    """
    return (
        _environment()
        .get_template("run.html.j2")
        .render(
            report=report,
            title=view.headline(report),
            tone=view.tone(report.exit_code, len(report.held)),
            picture=draw(report.flow, report.held_records),
            drawn=[draw_chart(chart) for chart in report.charts],
            lines=view.lines(report),
            batches=view.details(report),
            steps=view.steps(report),
            took=(report.ended_at - report.started_at).total_seconds()
            if report.started_at and report.ended_at
            else None,
        )
    )


def render_index(dataset: str, entries: Iterable[IndexEntry]) -> str:
    """The list of a dataset's newest runs, newest first, at most `INDEX_LIMIT`; links are relative."""
    newest = sorted(entries, key=lambda one: (one.at or datetime.min.replace(tzinfo=UTC), one.run_id), reverse=True)
    shown = [(one, view.tone(int(one.outcome == "failed"), one.held)) for one in newest[:INDEX_LIMIT]]
    return _environment().get_template("index.html.j2").render(dataset=dataset, entries=shown, limit=INDEX_LIMIT)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    templates = files("sluice.quality.page") / "templates"  # may lie in a zip
    environment = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for filter_ in (words.count, words.counted, words.number, words.share, words.size, words.duration, words.instant):
        environment.filters[filter_.__name__] = filter_
    environment.filters["link"] = _link
    return environment


def _link(href: str) -> str:
    """A relative link: no scheme survives, so nothing in a name can make it lead elsewhere or run."""
    return quote(href.encode("utf-8", "replace").lstrip(b"/\\"), safe="/#%")
