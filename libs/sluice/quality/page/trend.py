"""A check's past as a small line, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from sluice.quality.model import Outcome
from sluice.quality.page.model import Past
from sluice.quality.page.words import counted, number

_POINTS = 30
_WIDTH, _HEIGHT, _MARGIN = 120.0, 30.0, 4.0
_BAD: tuple[Outcome, ...] = ("held", "waived")


@dataclass(frozen=True)
class Trend:
    """A line of `path` with crosses at `failed` (batches that it held) and a dot at `now`; `text` says what it shows.

    `caption` is the short text beside it.
    """

    path: str
    failed: tuple[tuple[float, float], ...]
    now: tuple[float, float] | None
    text: str
    caption: str
    width: float = _WIDTH
    height: float = _HEIGHT


def trend(past: Sequence[Past], value: float | None, outcome: Outcome) -> Trend | None:
    """None where there are not two numbers to compare; values that are no number (NaN, infinite) leave a gap."""
    series = [*((one.value, one.outcome) for one in past[-_POINTS:]), (value, outcome)]
    known = [found for found, _ in series if _is_number(found)]
    if len(known) < 2:
        return None
    before = [found for found, _ in series[:-1] if _is_number(found)]
    low, high = min(known), max(known)
    places = [
        (_across(index, len(series)), _down(found, low, high)) if _is_number(found) else None
        for index, (found, _) in enumerate(series)
    ]
    path = ""
    for index, place in enumerate(places):
        if place is not None:
            path += f"{'L' if index and places[index - 1] is not None else 'M'}{place[0]:g} {place[1]:g}"
    failed = tuple(
        place for place, (_, found) in zip(places[:-1], series[:-1], strict=True) if place is not None and found in _BAD
    )
    bounds = number(min(before)) if min(before) == max(before) else f"{number(min(before))} to {number(max(before))}"
    text = f"{counted(len(before), 'earlier batch', 'earlier batches')}: {bounds}"
    told = f"{text}. Now {number(value)}." if _is_number(value) else f"{text}. No number now."
    if failed:
        told += f" It failed in {len(failed)} of them."
    return Trend(path, failed, places[-1], told, f"before: {bounds}")


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _across(index: int, length: int) -> float:
    return round(_MARGIN + index * (_WIDTH - 2 * _MARGIN) / (length - 1), 2)


def _down(value: float, low: float, high: float) -> float:
    # Halved first: the span of two huge numbers is infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
    return round(_HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN), 2)
