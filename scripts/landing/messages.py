"""What each message says: a function of the arguments and its number, whoever makes it and when.

Every number has one fate: plain, late, unknown (a field more), copy (exact bytes of an earlier one), wrong, damaged.
So as many records are delivered as messages were asked for, a damaged piece being one.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from random import Random

from landing.arguments import Shares
from landing.arrival import Arrivals
from landing.damage import damaged, with_unknown, wrong
from landing.tables import ENDINGS, NAMES, PLACES, SENTENCES, Tables

CHUNK = 8192
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_LEAST_DELAY_MS, _MOST_DELAY_MS = 20, 1024 + 20
_AWKWARD = re.compile(r'[{}\[\]"\\]')


class Fate(IntEnum):
    """What becomes of a message; numbers without an entry in a chunk's fates are plain."""

    PLAIN = 0
    DAMAGED = 1
    COPY = 2
    LATE = 3
    UNKNOWN = 4
    WRONG = 5


@dataclass
class Counts:
    """What was made: fates, reasons of wrong ones, and the curated rows per day since the epoch."""

    fates: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        self.fates += other.fates
        self.reasons += other.reasons
        self.days += other.days


class Messages:
    """All messages of one seed; `made` gives the bytes of any range of them."""

    def __init__(
        self, seed: int, tables: Tables, arrivals: Arrivals, shares: Shares, late_ms: int, newline: bytes
    ) -> None:
        self._seed, self._tables, self._arrivals = seed, tables, arrivals
        self._shares, self._late_ms, self._newline = shares, late_ms, newline
        self._endings = [text + newline.decode() for text in tables.endings]
        self._chunk = lru_cache(maxsize=16)(self._make_chunk)

    def made(self, first: int, end: int, counts: Counts) -> list[bytes]:
        """The pieces numbered `first` up to, not including, `end`, within one chunk; `counts` gets what they are."""
        words, fates = self._chunk(first // CHUNK)
        base = first // CHUNK * CHUNK
        arrived = self._arrivals.between(first, end)
        own = words[first - base : end - base]
        pieces = [text.encode() for text in self._plain(first, own, arrived)]
        special = [place for place in range(first - base, end - base) if place in fates] if fates else []
        for place in special:
            number = base + place
            at = number - first
            pieces[at] = self._special(number, own[at], arrived[at], fates[place], counts)
        counts.fates[Fate.PLAIN] += len(pieces) - len(special)
        self._count_days(arrived, own, {base + place - first for place in special}, counts)
        return pieces

    def _plain(self, first: int, own: array[int], arrived: list[int]) -> list[str]:
        """`_text` of many, all as plain ones, with its constants written out: here the time is spent."""
        t = self._tables
        names, rows, heads, middles = t.names, t.rows, t.heads, t.middles
        sentences, places, endings = t.sentences, t.places, self._endings
        return [
            f"{heads[a]}{names[i & 16383]}{middles[a]}{at - 20 - (w >> 24 & 1023)}"
            f"{places[w & 4095]}{sentences[a]}{endings[w >> 12 & 4095]}"
            for i, w, at in zip(range(first, first + len(own)), own, arrived, strict=True)
            for a in ((rows[i & 16383] + (i >> 14)) & 16383,)
        ]

    def _count_days(self, arrived: list[int], own: array[int], without: set[int], counts: Counts) -> None:
        """Days of plain ones; nearly always a whole range lies within one day."""
        day = (arrived[0] - _MOST_DELAY_MS) // DAY_MS
        if day == arrived[-1] // DAY_MS:
            counts.days[day] += len(arrived) - len(without)
            return
        for k, (at, word) in enumerate(zip(arrived, own, strict=True)):
            if k not in without:
                counts.days[self._event_ms(word, at, Fate.PLAIN) // DAY_MS] += 1

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

    def _original(self, number: int, word: int) -> tuple[int, int, int, Fate]:
        """What a copy is a copy of: mostly one of the last fifty, now and then one so far back that it is in an
        earlier source object. Number 0 is plain wherever copies are asked for, so there always is one."""
        pick = word >> 34
        back = pick // 5 % 50 if pick % 5 else 1000 + pick // 5 % 60_000
        number = number - 1 - back if back < number else pick % number
        while True:
            words, fates = self._chunk(number // CHUNK)
            fate = fates.get(number % CHUNK, Fate.PLAIN)
            if fate in (Fate.PLAIN, Fate.LATE, Fate.UNKNOWN):
                return number, words[number % CHUNK], self._arrivals.at(number), fate
            number -= 1

    def _event_ms(self, word: int, at: int, fate: Fate) -> int:
        event_ms = at - _LEAST_DELAY_MS - (word >> 24 & 1023)
        if fate is Fate.LATE:
            event_ms -= HOUR_MS + ((word >> 34) * (self._late_ms - HOUR_MS) >> 30)
        return event_ms

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

    def _make_chunk(self, chunk: int) -> tuple[array[int], dict[int, Fate]]:
        """Random words of the messages of a chunk, and the fates of those that are not plain, by place."""
        rnd = Random(f"messages:{self._seed}:{chunk}")
        words = array("Q")
        words.frombytes(rnd.randbytes(8 * CHUNK))
        base = chunk * CHUNK
        size = min(CHUNK, self._arrivals.messages - base)
        lowest = 1 if chunk == 0 and self._shares.duplicates else 0
        fates: dict[int, Fate] = {}
        # No two damaged pieces side by side, since they would be one malformed row; so none in the last place either.
        open_places = max(0, size - 1 - lowest)
        count = min(self._due(self._shares.damaged, base, size), (open_places + 1) // 2)
        for k, place in enumerate(sorted(rnd.sample(range(open_places - count + 1), count))):
            fates[lowest + place + k] = Fate.DAMAGED
        rest = [place for place in range(lowest, size) if place not in fates]
        s = self._shares
        asked = ((s.duplicates, Fate.COPY), (s.late, Fate.LATE), (s.unknown, Fate.UNKNOWN), (s.wrong, Fate.WRONG))
        due = [fate for share, fate in asked for _ in range(self._due(share, base, size))][: len(rest)]
        fates.update(zip(rnd.sample(rest, len(due)), due, strict=True))
        return words, fates

    @staticmethod
    def _due(share: Fraction, base: int, size: int) -> int:
        """How many of the messages base..base+size have a fate, so that all chunks together have exactly the share."""
        return int(share * (base + size)) - int(share * base)
