"""Rows of a query as text, whoever answered it: a table for people, CSV, JSON lines; written as they come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TextIO

from sluice.errors import ProblemsError

Form = Literal["table", "csv", "json"]
FORMS: tuple[Form, ...] = ("table", "csv", "json")
Row = Sequence[str | None]
# How a column's text stands in JSON: quoted, as a number, as true or false, or as the JSON that it is.
TextKind = Literal["text", "number", "boolean", "json"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_QUOTED = re.compile(r'[",\r\n]')


@dataclass(frozen=True)
class Heads:
    """The columns of a result: names, and what their texts are."""

    names: tuple[str, ...]
    kinds: tuple[TextKind, ...]


def write_rows(form: Form, heads: Heads, rows: Iterable[Row], to: TextIO, limit: int | None = None) -> tuple[int, bool]:
    """Write `rows` to `to`, `limit` of them at most; (rows written, whether there were more).

    csv is RFC 4180 with a line of names, CRLF, NULL as nothing and "" as `""`; json is an object a line; a table is
    kept in memory until it is drawn.
    """
    taken = Counted(rows, limit)
    {"table": _table, "csv": _csv, "json": _json}[form](heads, taken, to)
    to.flush()
    return taken.count, taken.cut


def check_names(heads: Heads) -> None:
    """Raise ProblemsError where two columns have one name, which an object cannot hold."""
    twice = sorted({name for name in heads.names if heads.names.count(name) > 1})
    if twice:
        raise ProblemsError("the query", [f"two columns are called `{name}`; give one an alias" for name in twice])


class Counted:
    """Iterates over at most `limit` of `rows`; afterwards tells how many there were, and whether some are left."""

    def __init__(self, rows: Iterable[Row], limit: int | None) -> None:
        self._rows, self._limit = iter(rows), limit
        self.count, self.cut = 0, False

    def __iter__(self) -> Iterator[Row]:
        for row in islice(self._rows, self._limit):
            self.count += 1
            yield row
        self.cut = self._limit is not None and next(self._rows, None) is not None


def _csv(heads: Heads, rows: Iterable[Row], to: TextIO) -> None:
    # The csv module tells NULL from "" only from Python 3.12 on.
    to.write(_line(heads.names))
    for row in rows:
        to.write(_line(row))


def _line(cells: Row) -> str:
    if len(cells) == 1 and not cells[0]:
        return '""\r\n'  # else a row would be an empty line, which readers leave out
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if not text or _QUOTED.search(text) else text


def _json(heads: Heads, rows: Iterable[Row], to: TextIO) -> None:
    keys = [json.dumps(name, ensure_ascii=False) + ": " for name in heads.names]
    spell = [_SPELT[kind] for kind in heads.kinds]
    for row in rows:
        cells = zip(keys, spell, row, strict=True)
        to.write("{" + ", ".join(key + ("null" if text is None else as_(text)) for key, as_, text in cells) + "}\n")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _text(text)  # NaN and Infinity are no JSON


_SPELT: dict[TextKind, Callable[[str], str]] = {
    "text": _text,
    "number": _number,
    "boolean": str,
    "json": str,
}


def _table(heads: Heads, rows: Iterable[Row], to: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=to, highlight=False)
    if not console.is_terminal:
        console = Console(file=to, highlight=False, width=160)
    shown = Table()
    for name, kind in zip(heads.names, heads.kinds, strict=True):
        shown.add_column(Text(_printable(name)), justify="right" if kind == "number" else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text("NULL", "dim") if text is None else Text(_printable(text)) for text in row))
    console.print(shown)


def _printable(text: str) -> str:
    """`text` without what would steer a terminal."""
    return "".join(each if each.isprintable() or each == "\n" else "·" for each in text)
