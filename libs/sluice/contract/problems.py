"""What is wrong with a contract, gathered with its place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class Problems:
    """A list that grows while a contract is checked; one line each, the place first."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, place: str, message: str) -> None:
        self.lines.append(f"{place}: {message}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean `country`?)` for the nearest of `known`, else nothing."""
    by_lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f" (did you mean `{by_lower[near[0]]}`?)" if near else ""


def shown(value: object) -> str:
    """A setting's value, short enough for a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
