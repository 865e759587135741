"""Windows as numbers: window k begins at k slides since 1970. Which ones instants touch, and what they reach over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sluice.contract.model import Windows
from sluice.lake.changes import Span

if TYPE_CHECKING:
    from pyspark.sql import Column

MICROS = 1_000_000
# Runs of windows in one batch: more are joined over the shortest gaps, at the price of windows reckoned for nothing.
MOST_RUNS = 64


def touched(instants: npt.NDArray[np.int64], windows: Windows, most: int = MOST_RUNS) -> list[Span]:
    """Runs of window numbers (first, last + 1) that hold any of `instants` (microseconds), ascending."""
    if not len(instants):
        return []
    slide, size = windows.slide_seconds * MICROS, windows.window_seconds * MICROS
    last = np.unique(instants // slide)
    # The first window of the earliest instant of a slide: where a window is no multiple of the slide, one too many.
    first = (last * slide - size) // slide + 1
    cuts = np.flatnonzero(first[1:] > last[:-1] + 1)
    gaps = first[cuts + 1] - last[cuts]
    if len(cuts) >= most:
        cuts = np.sort(cuts[np.argsort(gaps, kind="stable")[::-1][: most - 1]])
    begins, ends = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(last) - 1]])
    return [(int(first[begin]), int(last[end]) + 1) for begin, end in zip(begins, ends, strict=True)]


def starts(runs: Sequence[Span], windows: Windows) -> list[Span]:
    """The instants at which windows of `runs` begin, as spans of microseconds."""
    slide = windows.slide_seconds * MICROS
    return [(first * slide, end * slide) for first, end in runs]


def reach(runs: Sequence[Span], windows: Windows) -> list[Span]:
    """All instants that windows of `runs` hold, as spans of microseconds."""
    slide, size = windows.slide_seconds * MICROS, windows.window_seconds * MICROS
    return [(first * slide, (end - 1) * slide + size) for first, end in runs]


def within(column: str, spans: Sequence[Span]) -> Column:
    """Whether the timestamp `column` lies in one of `spans`."""
    from functools import reduce
    from operator import or_

    from pyspark.sql import functions as F

    def instant(micros: int) -> Column:
        return F.timestamp_micros(F.lit(micros))

    at = F.col(f"`{column}`")
    each = [(at >= instant(first)) & (at < instant(end)) for first, end in spans]
    return reduce(or_, each) if each else F.lit(False)
