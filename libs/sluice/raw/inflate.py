"""A source object's bytes as text: gzip told by its first bytes and inflated, everything else as it is; streamed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, cast

from isal import isal_zlib

from sluice.raw.layout import GZIP, HEAD_BYTES, SPELT, foreign
from sluice.runtime.storage import Reader

# Small, since what follows a gzip member is copied once per member in it.
_STORED_BYTES = 64 << 10
# At most this much comes of one step, however well the bytes were compressed.
_STEP_BYTES = 1 << 20
_GZIP_WINDOW = 31
_ISAL_ERROR = cast(type[OSError], isal_zlib.error)

JSON, CSV = "JSON text", "CSV text"

_TRUNCATED = "expected the end of the gzip data, found the end of the source object; deliver it again"
_TRAILING = "expected another gzip member or zeros behind the gzip data, found other bytes"
_DAMAGED = "expected gzip data, found damage in it; deliver it again"


class Unreadable(Exception):
    """Raised inside this package where a source object can be read no further; the message goes to quarantine."""


class Content:
    """The bytes of one source object, without its compression.

    `expected` names in problems what the bytes should be, JSON or CSV.
    `open_` opens it from its first byte; it is called again only where damaged gzip is read a second time, so that all
    that comes before the damage is kept. `read` raises Unreadable after the last byte that can be read, and whatever
    `open_` and its reader raise. `whole` tells whether `stored_bytes` are all there are.
    """

    def __init__(self, open_: Callable[[], Reader], expected: str = JSON) -> None:
        self._open, self._expected = open_, expected
        self.compression = "none"
        self.stored_bytes = 0
        self.whole = False
        self.bytes = 0
        self._parts = self._content()
        self._problem: Unreadable | None = None

    def read(self, size: int) -> bytes:
        """About `size` bytes; b"" at the end."""
        parts: list[bytes] = []
        found = 0
        while found < size and self._problem is None:
            try:
                part = next(self._parts, None)
            except Unreadable as problem:
                self._problem = problem
                break
            if part is None:
                break
            parts.append(part)
            found += len(part)
        if not found and self._problem is not None:
            raise self._problem
        self.bytes += found
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _content(self) -> Iterator[bytes]:
        stored = self._stored(counted=True)
        first = next(stored, b"")
        name = self._foreign(first[:HEAD_BYTES])
        if name is None and first.startswith(GZIP):
            self.compression = "gzip"
            yield from self._checked(self._inflated(first, stored))
        elif name is None:
            yield first
            yield from stored
        else:
            raise Unreadable(f"expected {self._expected}, plain or gzip, found {name}")

    def _foreign(self, head: bytes) -> str | None:
        name = foreign(head)
        # CSV may well begin with the letters and line ends that these begin with.
        plain = self._expected == CSV and name in SPELT and not any(byte < 9 or 13 < byte < 32 for byte in head)
        return None if plain else name

    def _checked(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """The same; Unreadable where what was compressed is no text either."""
        head, problem = b"", None
        try:
            while len(head) < HEAD_BYTES and (part := next(parts, None)) is not None:
                head += part
        except Unreadable as error:
            problem = error
        name = "gzip within gzip" if head.startswith(GZIP) else self._foreign(head[:HEAD_BYTES])
        if name is not None:
            raise Unreadable(f"expected {self._expected} in the gzip data, found {name}")
        yield head
        if problem is not None:
            raise problem
        yield from parts

    def _stored(self, *, counted: bool) -> Iterator[bytes]:
        reader = self._open()
        try:
            while chunk := _full(reader):
                if counted:
                    self.stored_bytes += len(chunk)
                yield chunk
            self.whole = True
        finally:
            reader.close()

    def _inflated(self, first: bytes, stored: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        try:
            for part in _members(first, stored, isal_zlib.decompressobj, careful=False):
                done += len(part)
                yield part
            return
        except _ISAL_ERROR:
            pass
        # The step that failed had bytes in it that are sound, and zlib can go up to the damage.
        for _ in stored:
            pass
        again = self._stored(counted=False)
        for part in _members(next(again, b""), again, zlib.decompressobj, careful=True):
            if done < len(part):
                yield part[done:]
            done = max(0, done - len(part))


def _full(reader: Reader) -> bytes:
    """As many bytes as asked for, so that steps do not depend on the network's mood."""
    parts: list[bytes] = []
    missing = _STORED_BYTES
    while missing and (part := reader.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _members(data: bytes, stored: Iterator[bytes], make: Callable[..., Any], *, careful: bool) -> Iterator[bytes]:
    """Member after member, as gzip(1) reads them; `careful` keeps what comes before damage, and costs more."""
    while data:
        if not GZIP.startswith(data[: len(GZIP)]):
            _only_zeros(data, stored)
            return
        inflater = make(wbits=_GZIP_WINDOW)
        while not inflater.eof:
            data = data or next(stored, b"")
            if not data:
                raise Unreadable(_TRUNCATED)
            before = inflater.copy() if careful else None
            try:
                yield inflater.decompress(data, _STEP_BYTES)
            except zlib.error:
                yield from _up_to_damage(before, data)
                raise Unreadable(_DAMAGED) from None
            data = inflater.unconsumed_tail
        data = inflater.unused_data
        if len(data) < len(GZIP):
            data += next(stored, b"")


def _up_to_damage(inflater: Any, data: bytes) -> Iterator[bytes]:
    """Byte by byte, since a step that fails gives nothing of what it had."""
    for at in range(len(data)):
        try:
            yield inflater.decompress(data[at : at + 1])
        except zlib.error:
            return


def _only_zeros(data: bytes, stored: Iterator[bytes]) -> None:
    """Zeros behind the last member are padding; raises Unreadable for anything else."""
    while data:
        if data.strip(b"\0"):
            raise Unreadable(_TRAILING)
        data = next(stored, b"")
