"""Pictures of an analysis for its run's page: over time, and by its most frequent key; read from the table itself.

Windows may overlap; those that are shown do not, so that no message is counted twice. What is read is at most the last
day of what the run has reckoned, so that a picture costs what its run costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sluice.analytics.definition import Analysis
from sluice.analytics.plan import Work
from sluice.analytics.windows import starts
from sluice.contract.model import Windows
from sluice.lake.changes import Span, files_within, latest, microseconds
from sluice.lake.ranged import read_within
from sluice.quality.page.model import Bar, Chart

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = 86_400
_MICROS = 1_000_000
_TIMES, _GROUPS = 48, 12
# Colours of the page, from good to bad.
_TONES = ("curated", "duplicates", "quarantined", "superseded", "filtered")


def charts(uri: str, analysis: Analysis, todo: Work | None) -> list[Chart]:
    """None where the contract asks for none, or nothing was reckoned, or no row is there."""
    by, *parts = analysis.windows.chart or ("",)
    if not by or todo is None or todo.nothing:
        return []
    rows = _rows(uri, analysis, todo, [by, *parts])
    if rows is None or not rows.num_rows:
        return []
    name = analysis.contract.dataset
    return [_over_time(name, rows, parts, analysis.windows), _by_group(name, rows, by, parts)]


def _rows(uri: str, analysis: Analysis, todo: Work, columns: Sequence[str]) -> pa.Table | None:
    """Rows of windows that do not overlap, `start` in whole seconds."""
    import pyarrow as pa

    windows = analysis.windows
    spans = None if todo.runs is None else _last_day(starts(todo.runs, windows))
    if spans is None:
        end = latest(uri, windows.start)
        spans = None if end is None else [(end - _DAY * _MICROS + 1, end + 1)]
    if spans is None:
        return None
    found = read_within(uri, windows.start, spans, files_within(uri, windows.start, spans), columns)
    step = windows.slide_seconds * -(-windows.window_seconds // windows.slide_seconds)
    seconds = microseconds(found.column(windows.start)) // _MICROS
    apart = found.append_column("_seconds", pa.array(seconds)).filter(pa.array(seconds % step == 0))
    return apart.sort_by("_seconds")


def _last_day(spans: Sequence[Span]) -> list[Span]:
    after = spans[-1][1] - _DAY * _MICROS
    return [(max(first, after), end) for first, end in spans if end > after]


def _over_time(name: str, rows: pa.Table, parts: Sequence[str], windows: Windows) -> Chart:
    seconds = np.asarray(rows.column("_seconds"), dtype=np.int64)
    first, last = int(seconds[0]), int(seconds[-1])
    size = windows.window_seconds
    width = size * max(1, -(-(last - first + size) // (_TIMES * size)))
    places = (seconds - first) // width
    sums = [np.bincount(places, np.asarray(rows.column(part), dtype=np.float64)) for part in parts]
    bars = [
        Bar(_told(first + place * width), tuple(float(one[place]) for one in sums)) for place in range(len(sums[0]))
    ]
    words = f"{_told(first)} to {_told(last + size)} (UTC), {len(bars)} bars of {width:,} seconds"
    return Chart(f"{name} over time", words, tuple(parts), _TONES[: len(parts)], tuple(bars), across=True)


def _by_group(name: str, rows: pa.Table, by: str, parts: Sequence[str]) -> Chart:
    summed = rows.group_by(by).aggregate([(part, "sum") for part in parts]).to_pylist()
    each = [(str(row[by]), tuple(float(row[f"{part}_sum"] or 0) for part in parts)) for row in summed]
    each.sort(key=lambda one: (-sum(one[1]), one[0]))
    rest = f"; {len(each) - _GROUPS:,} more are not shown" if len(each) > _GROUPS else ""
    bars = tuple(Bar(label, values) for label, values in each[:_GROUPS])
    words = f"the {len(bars)} most frequent of the same time{rest}"
    return Chart(f"{name} by {by}", words, tuple(parts), _TONES[: len(parts)], bars)


def _told(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
