"""CSV -> profile: what types cells have is told by their text."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Literal

from sluice.catalog.findings import CsvDialect
from sluice.catalog.infer import Number, Profile
from sluice.catalog.partial import Limits, Partial
from sluice.contract.model import MAX_RECORD_BYTES

_ROWS = 2_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")


def read_csv(
    read: Callable[[int], bytes], dialect: CsvDialect, limits: Limits, into: Partial, profile: Profile
) -> None:
    """All rows that `read` gives, or the first that the limits allow.

    Columns are called by the header, or column_1, column_2, ... . A row with another number of cells than the header
    (without one: than the first row), with a broken quote or with bytes that are not UTF-8 is damaged.
    """
    csv.field_size_limit(min(MAX_RECORD_BYTES, sys.maxsize))
    lines = _Lines(read, limits.bytes)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    rows = csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, strict=bool(dialect.quote))
    names: list[str] = []
    found = _sound(rows, lines, into)
    first = next(found, None)
    if first is None:
        return
    names = _unique(first) if dialect.header else [f"column_{at}" for at in range(1, len(first) + 1)]
    rest = found if dialect.header else _again(first, found)
    left = limits.records
    while batch := list(islice(rest, _ROWS if left is None else min(_ROWS, left))):
        left = None if left is None else left - len(batch)
        sound = [row for row in batch if len(row) == len(names)]
        into.damaged += len(batch) - len(sound)
        into.records += len(sound)
        profile.add([dict(zip(names, map(_value, row), strict=True)) for row in sound])
        profile.add_hashes([repr(row).encode("utf-8", "surrogatepass") for row in sound])
    into.cut += left == 0 or lines.cut
    into.layouts["csv"] += 1


class _Lines:
    """Lines of text, their ends kept; undecodable bytes become lone surrogates."""

    def __init__(self, read: Callable[[int], bytes], bound: int | None) -> None:
        self._raw = _Raw(read, bound)
        self._text = io.TextIOWrapper(
            io.BufferedReader(self._raw), encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        self.taken = 0

    @property
    def cut(self) -> bool:
        """Whether there was more than the bound."""
        return self._raw.cut

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.taken += 1
        return next(self._text)


class _Raw(io.RawIOBase):
    def __init__(self, read: Callable[[int], bytes], bound: int | None) -> None:
        self._read, self._bound, self._left = read, bound, b""
        self._done = 0
        self.cut = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._left:
            if self._bound is not None and self._done >= self._bound:
                self.cut = True
                return 0
            self._left = self._read(1 << 18)
            self._done += len(self._left)
            if self._bound is not None and self._done >= self._bound:
                self._left = self._left[: self._left.rfind(b"\n") + 1] or self._left
        size = min(len(into), len(self._left))
        into[:size], self._left = self._left[:size], self._left[size:]
        return size


def _sound(rows: Any, lines: _Lines, into: Partial) -> Iterator[list[str]]:
    while True:
        before = lines.taken
        try:
            row = next(rows, None)
        except csv.Error:
            into.damaged += 1
            continue
        if row is None:
            return
        if not row:
            continue
        into.quoted_lines += lines.taken - before > 1
        if any(not cell.isascii() and any("\ud800" <= one <= "\udfff" for one in cell) for cell in row):
            into.damaged += 1
            continue
        yield row


def _again(first: list[str], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rest


def _unique(names: list[str]) -> list[str]:
    """Cells of a header as names; one that is empty or there again is called by its place."""
    found: list[str] = []
    for at, name in enumerate(names, 1):
        found.append(name if name and name not in found else f"column_{at}")
    return found


def _value(cell: str) -> Any:
    """`` -> None, `12` -> 12, `1.5` -> Number, `true` -> True (blanks around them are nothing); else the text."""
    if not cell:
        return None
    text = cell.strip(" \t")
    found = _NUMBER.fullmatch(text)
    if found is not None and len(text) <= 4300:
        return Number(text) if found[1] else int(text)
    return text == "true" if text in ("true", "false") else cell
