"""Which steps of a contract can be taken at once: Spark analyses the plan anew for each, and dozens take seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\w+")


def at_once(steps: Sequence[tuple[str | None, Iterable[str]]]) -> list[list[int]]:
    """Numbers of steps in runs, in order: none of a run could name a column that an earlier one of the run makes.

    A step is (the column it makes, None for none; texts of what it is made of). A name counts as named where it is a
    word of the text, in whatever case: a run too many costs a little, one too few would be wrong. Columns of a contract
    are plain words.
    """
    runs: list[list[int]] = []
    made: set[str] = set()
    for number, (column, texts) in enumerate(steps):
        named = {word.lower() for text in texts for word in _WORD.findall(text)}
        if not runs or named & made:
            runs.append([])
            made = set()
        runs[-1].append(number)
        if column is not None:
            made.add(column.lower())
    return runs
