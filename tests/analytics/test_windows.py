"""Which windows instants touch: by arithmetic, against the definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.analytics.windows import reach, starts, touched
from sluice.contract.model import Windows

pytestmark = pytest.mark.lane("spark-4.1")
MICROS = 1_000_000
sizes = st.tuples(st.integers(1, 40), st.integers(1, 12)).filter(lambda one: one[1] <= one[0])
instants = st.lists(st.integers(-200 * MICROS, 200 * MICROS), max_size=12)


def windows_of(size: int, slide: int) -> Windows:
    return Windows("m", "t", size, slide, "s")


def holding(at: int, size: int, slide: int) -> set[int]:
    """The windows that hold an instant, by the definition: start <= instant < start + size."""
    wide = range(-400, 400)
    return {number for number in wide if number * slide * MICROS <= at < (number * slide + size) * MICROS}


@given(instants, sizes, st.integers(1, 5))
def test_every_window_that_holds_an_instant_is_touched_and_runs_are_apart_and_ascending(
    found: list[int], size: tuple[int, int], most: int
) -> None:
    runs = touched(np.array(found, np.int64), windows_of(*size), most)
    numbers = {number for first, end in runs for number in range(first, end)}
    assert {number for at in found for number in holding(at, *size)} <= numbers
    assert len(runs) <= most
    assert all(first < end for first, end in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))


@given(instants, st.integers(1, 8), st.integers(1, 6))
def test_no_other_window_is_touched_where_a_window_is_a_whole_number_of_slides(
    found: list[int], slide: int, times: int
) -> None:
    runs = touched(np.array(found, np.int64), windows_of(slide * times, slide))
    numbers = {number for first, end in runs for number in range(first, end)}
    assert numbers == {number for at in found for number in holding(at, slide * times, slide)}


@given(instants.filter(bool), sizes)
def test_what_windows_reach_over_holds_each_instant_that_lies_in_one_of_them(
    found: list[int], size: tuple[int, int]
) -> None:
    windows = windows_of(*size)
    runs = touched(np.array(found, np.int64), windows)
    for (first, end), (begin, stop), (low, high) in zip(runs, starts(runs, windows), reach(runs, windows), strict=True):
        assert begin == low == first * windows.slide_seconds * MICROS
        assert stop == end * windows.slide_seconds * MICROS
        assert high == stop - windows.slide_seconds * MICROS + windows.window_seconds * MICROS
    assert all(any(low <= at < high for low, high in reach(runs, windows)) for at in found)
