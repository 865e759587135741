"""What each message says: pieces of ready JSON text, put together by its number and a random word."""

from __future__ import annotations

import re
from array import array

from landing.arguments import Shares
from landing.arrival import Arrivals
from landing.damage import damaged, with_unknown, wrong
from landing.records import DAY_MS, Counts, Fate, Records
from landing.tables import ENDINGS, NAMES, PLACES, SENTENCES, Tables

_AWKWARD = re.compile(r'[{}\[\]"\\]')


class Messages(Records):
    """All messages of one seed."""

    def __init__(
        self, seed: int, tables: Tables, arrivals: Arrivals, shares: Shares, late_ms: int, newline: bytes
    ) -> None:
        super().__init__(seed, arrivals, shares, late_ms, newline)
        self._tables = tables
        self._endings = [text + newline.decode() for text in tables.endings]

    def _plain(self, first: int, own: array[int], arrived: list[int]) -> list[str]:
        """`_text` of many, with its constants written out."""
        t = self._tables
        names, rows, heads, middles = t.names, t.rows, t.heads, t.middles
        sentences, places, endings = t.sentences, t.places, self._endings
        return [
            f"{heads[a]}{names[i & 16383]}{middles[a]}{at - 20 - (w >> 24 & 1023)}"
            f"{places[w & 4095]}{sentences[a]}{endings[w >> 12 & 4095]}"
            for i, w, at in zip(range(first, first + len(own)), own, arrived, strict=True)
            for a in ((rows[i & 16383] + (i >> 14)) & 16383,)
        ]

    def _special(self, number: int, word: int, at: int, fate: Fate, counts: Counts) -> bytes:
        counts.fates[fate] += 1
        if fate is Fate.COPY:
            return self._sound(*self._original(number, word)) + self._newline
        if fate is Fate.DAMAGED:
            return damaged(self._text(number, word, at, fate).encode(), word >> 34, self._newline)
        if fate is Fate.WRONG:
            reason, text = wrong(self._text(number, word, at, fate), word >> 34)
            counts.reasons[reason] += 1
            return text.encode() + self._newline
        counts.days[self._event_ms(word, at, fate) // DAY_MS] += 1
        return self._sound(number, word, at, fate) + self._newline

    def _sound(self, number: int, word: int, at: int, fate: Fate) -> bytes:
        text = self._text(number, word, at, fate)
        return (with_unknown(text, word >> 34) if fate is Fate.UNKNOWN else text).encode()

    def _text(self, number: int, word: int, at: int, fate: Fate) -> str:
        """One record alone, with the same pieces as `_plain`."""
        t = self._tables
        a = (t.rows[number & NAMES - 1] + (number >> 14)) & SENTENCES - 1
        if fate is Fate.DAMAGED and _AWKWARD.search(t.sentences[a]):
            a = t.plain_row
        return (
            f"{t.heads[a]}{t.names[number & NAMES - 1]}{t.middles[a]}{self._event_ms(word, at, fate)}"
            f"{t.places[word & PLACES - 1]}{t.sentences[a]}{t.endings[word >> 12 & ENDINGS - 1]}"
        )
