"""What all made records have in common: each is a function of the arguments and its number, whoever makes it and when.

Every number has one fate, so as many records are delivered as were asked for, a damaged piece being one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from random import Random

from landing.arguments import Shares
from landing.arrival import Arrivals

CHUNK = 8192
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LEAST_DELAY_MS, MOST_DELAY_MS = 20, 1024 + 20


class Fate(IntEnum):
    """What becomes of a record; those without an entry in a chunk's fates are plain. The last two: tweets alone."""

    PLAIN = 0
    DAMAGED = 1
    COPY = 2
    LATE = 3
    UNKNOWN = 4
    WRONG = 5
    NOTICE = 6
    UPDATE = 7


@dataclass
class Counts:
    """What was made: fates, reasons of wrong ones, kinds of notices, and the curated rows per day since the epoch."""

    fates: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        self.fates += other.fates
        self.reasons += other.reasons
        self.kinds += other.kinds
        self.days += other.days


class Records(ABC):
    """All records of one seed; `made` gives the bytes of any range of them."""

    # The first ones are plain wherever others refer to earlier ones.
    first_plain = 1

    def __init__(self, seed: int, arrivals: Arrivals, shares: Shares, late_ms: int, newline: bytes) -> None:
        self._seed, self._arrivals = seed, arrivals
        self._shares, self._late_ms, self._newline = shares, late_ms, newline
        self._chunk = lru_cache(maxsize=16)(self._make_chunk)

    @abstractmethod
    def _plain(self, first: int, own: array[int], arrived: list[int]) -> list[str]:
        """The records from number `first` on as plain ones, each with its end of line; here the time is spent."""

    @abstractmethod
    def _special(self, number: int, word: int, at: int, fate: Fate, counts: Counts) -> bytes:
        """One that is not plain, counted, with its end of line."""

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

    def _count_days(self, arrived: list[int], own: array[int], without: set[int], counts: Counts) -> None:
        """Days of plain ones; nearly always a whole range lies within one day."""
        day = (arrived[0] - MOST_DELAY_MS) // DAY_MS
        if day == arrived[-1] // DAY_MS:
            counts.days[day] += len(arrived) - len(without)
            return
        for k, (at, word) in enumerate(zip(arrived, own, strict=True)):
            if k not in without:
                counts.days[self._event_ms(word, at, Fate.PLAIN) // DAY_MS] += 1

    def _original(self, number: int, word: int) -> tuple[int, int, int, Fate]:
        """What a copy is a copy of: mostly one of the last fifty, now and then one so far back that it is in an
        earlier source object. The first is plain wherever copies are asked for, so there always is one."""
        pick = word >> 34
        back = pick // 5 % 50 if pick % 5 else 1000 + pick // 5 % 60_000
        number = number - 1 - back if back < number else pick % number
        while True:
            words, fates = self._chunk(number // CHUNK)
            fate = fates.get(number % CHUNK, Fate.PLAIN)
            if fate in (Fate.PLAIN, Fate.LATE, Fate.UNKNOWN) and self._may_be_copied(number):
                return number, words[number % CHUNK], self._arrivals.at(number), fate
            number -= 1

    def _may_be_copied(self, number: int) -> bool:
        return True

    def _event_ms(self, word: int, at: int, fate: Fate) -> int:
        event_ms = at - LEAST_DELAY_MS - (word >> 24 & 1023)
        if fate is Fate.LATE:
            event_ms -= HOUR_MS + ((word >> 34) * (self._late_ms - HOUR_MS) >> 30)
        return event_ms

    def _make_chunk(self, chunk: int) -> tuple[array[int], dict[int, Fate]]:
        """Random words of the records of a chunk, and the fates of those that are not plain, by place."""
        rnd = Random(f"messages:{self._seed}:{chunk}")
        words = array("Q")
        words.frombytes(rnd.randbytes(8 * CHUNK))
        base = chunk * CHUNK
        size = min(CHUNK, self._arrivals.messages - base)
        s = self._shares
        lowest = self.first_plain if chunk == 0 and (s.duplicates or s.updates) else 0
        fates: dict[int, Fate] = {}
        # No two damaged pieces side by side, since they would be one malformed row; so none in the last place either.
        open_places = max(0, size - 1 - lowest)
        count = min(self._due(s.damaged, base, size), (open_places + 1) // 2)
        for k, place in enumerate(sorted(rnd.sample(range(open_places - count + 1), count))):
            fates[lowest + place + k] = Fate.DAMAGED
        rest = [place for place in range(lowest, size) if place not in fates]
        asked = (
            *((s.duplicates, Fate.COPY), (s.late, Fate.LATE), (s.unknown, Fate.UNKNOWN), (s.wrong, Fate.WRONG)),
            *((s.notices, Fate.NOTICE), (s.updates, Fate.UPDATE)),
        )
        due = [fate for share, fate in asked for _ in range(self._due(share, base, size))][: len(rest)]
        fates.update(zip(rnd.sample(rest, len(due)), due, strict=True))
        return words, fates

    @staticmethod
    def _due(share: Fraction, base: int, size: int) -> int:
        """How many of the records base..base+size have a fate, so that all chunks together have exactly the share."""
        return int(share * (base + size)) - int(share * base)
