"""What a task calls a copy is one; what it forgets is only what much came after."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sluice.lake.seen import Seen

# The first numbers are equal in many that are not; the second name the slot.
HASHES = st.tuples(st.integers(0, 2), st.integers(0, 40))


def again(seen: Seen, hashes: list[tuple[int, int]]) -> list[bool]:
    return list(map(bool, seen.again(np.array(hashes, np.uint64).reshape(-1, 2))))


@given(st.lists(st.lists(HASHES, max_size=20), max_size=5), st.integers(2, 64))
def test_whatever_is_called_a_copy_came_before(batches: list[list[tuple[int, int]]], slots: int) -> None:
    seen = Seen(slots)
    earlier: set[tuple[int, int]] = set()
    for hashes in batches:
        for one, copy in zip(hashes, again(seen, hashes), strict=True):
            assert one in earlier or not copy
            earlier.add(one)


@given(st.lists(HASHES.map(lambda one: (one[1], one[1])), max_size=60), st.integers(1, 20))
def test_nothing_is_forgotten_that_has_a_slot_to_itself(hashes: list[tuple[int, int]], at_once: int) -> None:
    seen = Seen(64)
    found = [copy for n in range(0, len(hashes), at_once) for copy in again(seen, hashes[n : n + at_once])]
    assert found == [one in hashes[:place] for place, one in enumerate(hashes)]


@given(st.lists(HASHES, max_size=60))
def test_a_copy_among_its_own_batch_is_found_however_few_slots_there_are(hashes: list[tuple[int, int]]) -> None:
    found = again(Seen(2), hashes)
    assert found == [one in hashes[:place] for place, one in enumerate(hashes)]


def test_of_a_million_rows_no_copy_that_comes_soon_after_is_forgotten() -> None:
    """One that is costs that a large file is written again."""
    seen, numbers = Seen(), np.random.default_rng(1)
    hashes = numbers.integers(0, 1 << 63, (1_000_000, 2), np.uint64)
    missed = 0
    for start in range(0, len(hashes), 5_000):
        batch = hashes[start : start + 5_000]
        assert not seen.again(batch).any()
        copies = hashes[max(start - 45_000, 0) : start + 5_000 : 500]
        missed += int((~seen.again(copies)).sum())
    assert missed == 0
