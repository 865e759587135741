"""The rule that cuts a CSV object's bytes into rows, and the one place that follows it.

A byte-order mark at the beginning and line ends between rows (any run of CR and LF outside quotes) are nothing, so a
blank line is no row. A cell that begins with a quote ends with the next quote that is not doubled, whatever lies
between; behind it comes a delimiter or the row's end. Any other cell holds no quote (RFC 4180). Where the contract's
`quote` is empty, no cell is quoted. A row is as long as `max_record_bytes` at most.

**Damage** is what breaks this: a quote inside an unquoted cell, something behind a closing quote, a quote that nothing
closes within the longest row, a longer row. It is one `malformed_csv` row, from the row's first byte to the end of the
line in which reading stopped. Its first 1 MiB is kept; its length and hash are of the whole.

The result is the same for every size of windows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from sluice.contract.model import Csv
from sluice.raw.damage import DIGEST_BYTES, KEPT_BYTES, Refused, cut_note
from sluice.raw.scan import BYTE_ORDER_MARK

MALFORMED_CSV = "malformed_csv"
# Rows that are handed on together.
ROWS = 1024

_ENDS = b"\r\n"
_LINE_END = re.compile(rb"[\r\n]")
Block = list[tuple[int, bytes]]


class _Always(Protocol):
    """A pattern that matches everywhere, if only the empty string."""

    def __call__(self, data: bytes, at: int = ..., end: int = ..., /) -> re.Match[bytes]: ...


def refused_row(start: int, span: bytes, why: str, rule: str = MALFORMED_CSV) -> Refused:
    """A row whose every byte is at hand."""
    digest = hashlib.sha256(span).digest()[:DIGEST_BYTES]
    return Refused(start, span[:KEPT_BYTES], len(span), digest, rule, why + cut_note(len(span)))


class CsvRows:
    """Cuts one stream of bytes into rows by the rule above.

    `read(size)` gives the next bytes, about `size` of them, and b"" at the end; `cut_short` then tells whether that was
    the end of what could be read and not of the object.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        cut_short: Callable[[], bool],
        csv: Csv,
        max_record_bytes: int,
        window_bytes: int,
    ) -> None:
        self._read, self._cut_short, self._longest, self._window = read, cut_short, max_record_bytes, window_bytes
        self._quote, self._delimiter = csv.quote.encode(), csv.delimiter.encode()
        quote, delimiter = re.escape(self._quote), re.escape(self._delimiter)
        # Without a quote every cell is unquoted, and holds whatever lies between delimiters.
        cell = b"(?:Q(?:[^Q]++|QQ)*+Q|[^QD\\r\\n]*+)" if quote else b"[^D\\r\\n]*+"
        cell = b"".join({b"Q": quote, b"D": delimiter}.get(part, part) for part in re.split(rb"([QD])", cell))
        self._row = cast(_Always, re.compile(rb"(%b(?:%b%b)*+)[\r\n]*+" % (cell, delimiter, cell)).match)
        self._data, self._base, self._ended = b"", 0, False

    def head(self, size: int) -> bytes:
        """The first bytes, behind a byte-order mark; only before the first row is asked for."""
        while len(self._data) < size + len(BYTE_ORDER_MARK) and self._more(0):
            pass
        return self._data.removeprefix(BYTE_ORDER_MARK)[:size]

    def blocks(self) -> Iterator[Block | Refused]:
        """All rows, as places and bytes, and damage, in the order of the stream."""
        self.head(0)
        at = len(BYTE_ORDER_MARK) if self._data.startswith(BYTE_ORDER_MARK) else 0
        while True:
            rows: Block = []
            at = self._sound(at, rows)
            if rows:
                yield rows
            if len(rows) >= ROWS:
                continue
            # What is at `at` does not surely end in this window.
            limit = min(at - self._base + self._longest + 1, len(self._data))
            end = self._row(self._data, at - self._base, limit).end(1)
            stuck = end < limit and not self._opens(at, end)
            if not stuck and limit == len(self._data) and self._more(at):
                continue
            if at - self._base == len(self._data):
                return
            why = self._why(at, end, limit)
            if why:
                at, refused = self._damage(at, end, why)
                yield refused
            else:
                yield [(at, self._data[at - self._base : end])]
                at = self._base + end

    def _sound(self, at: int, rows: Block) -> int:
        """Adds the rows from `at` on that surely end in this window to `rows`; returns the place behind them."""
        data, base, row, longest = self._data, self._base, self._row, self._longest
        place, length = at - base, len(data)
        while len(rows) < ROWS:
            found = row(data, place, min(length, place + longest + 1))
            end = found.end(1)
            if end >= length or data[end] not in _ENDS or end - place > longest:
                break
            if end > place:
                rows.append((base + place, data[place:end]))
            place = found.end()
        return base + place

    def _opens(self, at: int, end: int) -> bool:
        """Whether reading stopped before a quote that begins a cell: then nothing closes it."""
        begins = end == at - self._base or self._data[end - 1 : end] == self._delimiter
        return bool(self._quote) and begins and self._data[end : end + 1] == self._quote

    def _why(self, at: int, end: int, limit: int) -> str:
        """What is wrong with the row at `at`, in which reading stopped at `end`; empty for a sound last row."""
        longest = f"expected a row of at most {self._longest} bytes, found "
        if self._opens(at, end):
            return f"{longest}a quote that nothing closes within so many"
        if end - (at - self._base) > self._longest:
            return f"{longest}a longer one"
        if end < limit:
            inside = self._data[end : end + 1] == self._quote
            found = "a quote inside an unquoted cell" if inside else "something else behind a closing quote"
            return f"expected a delimiter or the end of the row, found {found}"
        return "expected the end of the row, found that of what can be read" if self._cut_short() else ""

    def _damage(self, at: int, end: int, why: str) -> tuple[int, Refused]:
        """All from `at` to the end of the line in which `end` is, in bounded memory; and the place behind it."""
        hashed, kept, taken, look = hashlib.sha256(), bytearray(), at, self._base + end
        while True:
            found = _LINE_END.search(self._data, look - self._base)
            stop = found.start() if found else len(self._data)
            part = self._data[taken - self._base : stop]
            hashed.update(part)
            kept += part[: max(0, KEPT_BYTES - len(kept))]
            taken = look = self._base + stop
            if found or not self._more(taken):
                break
        length = taken - at
        digest = hashed.digest()[:DIGEST_BYTES]
        return taken, Refused(at, bytes(kept), length, digest, MALFORMED_CSV, why + cut_note(length))

    def _more(self, keep: int) -> bool:
        """Read on, keeping the bytes from the place `keep`; False at the end."""
        if self._ended:
            return False
        kept = self._data[keep - self._base :]
        read = self._read(max(self._window, min(len(kept), self._longest)))
        if not read:
            # What callers know by its place in the data stays true.
            self._ended = True
            return False
        self._data, self._base = kept + read, keep
        return True
