"""A source object of text, read to its end or as far as it can be, with what is to be said of it afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sluice.errors import SourceChanged, SourceMissing
from sluice.raw.account import Account
from sluice.raw.damage import Refused
from sluice.raw.inflate import Content, Unreadable
from sluice.raw.source import SourceObject
from sluice.runtime.storage import Reader, Storage

GONE = "expected a source object, found none: it was deleted after it was listed"
Event = TypeVar("Event")


@dataclass(frozen=True)
class Opened:
    """A source object, where it lies, and what it is read through."""

    source: SourceObject
    uri: str
    storage: Storage

    def open(self) -> Reader:
        """The object as it was listed, from its first byte."""
        return self.storage.open(self.uri, etag=self.source.etag)


class TextSource:
    """The bytes of one source object without compression; `expected` names what they should be."""

    def __init__(self, opened: Opened, account: Account, expected: str) -> None:
        self._opened, self._account = opened, account
        self._content = Content(opened.open, expected)
        self._problems: list[str] = []

    def read(self, size: int) -> bytes:
        """About `size` bytes; b"" at the end, or where nothing more can be read."""
        try:
            return self._content.read(size)
        except Unreadable as problem:
            self._problems.append(str(problem))
        except SourceMissing:
            self._problems.append(GONE)
        return b""

    def cut_short(self) -> bool:
        """Whether reading ended before the end of the object."""
        return bool(self._problems)

    def whole(self, events: Iterable[Event]) -> Iterator[Event | Refused]:
        """`events`, which come of reading, then a row for what could not be read; fills in the account.

        Where `events` raises Unreadable, the object is not what it should be, and nothing of it counts as read.
        """
        account, content = self._account, self._content
        try:
            yield from events
            for problem in self._problems:
                yield Refused.unreadable(content.bytes, problem)
            account.changed = content.whole and content.stored_bytes != self._opened.source.size_bytes
        except Unreadable as problem:
            yield Refused.unreadable(0, str(problem))
        except SourceChanged:
            account.changed = True
        account.bytes, account.stored_bytes = content.bytes, content.stored_bytes
        account.compression = content.compression
