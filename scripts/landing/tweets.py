"""What each tweet says, and the notices, updates and damage among them.

An update is an earlier tweet collected again with higher counts. Updates are of tweets with an even number, copies of
ones with an odd number: so the older edition is superseded once, whatever else is delivered.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from random import Random

from landing.arguments import Shares
from landing.arrival import Arrivals
from landing.notices import notice
from landing.records import CHUNK, DAY_MS, Counts, Fate, Records
from landing.snowflake import snowflake, through_a_double, twitter_time
from landing.tweet_damage import damaged_tweet, with_unknown, wrong
from landing.twitter import TEMPLATES, USERS, TweetTables


class Tweets(Records):
    """All tweets of one seed."""

    first_plain = 2

    def __init__(
        self, seed: int, tables: TweetTables, arrivals: Arrivals, shares: Shares, late_ms: int, newline: bytes
    ) -> None:
        super().__init__(seed, arrivals, shares, late_ms, newline)
        self._tables, self._end = tables, newline.decode()
        self._updated = lru_cache(maxsize=16)(self._find_updated)

    def _plain(self, first: int, own: array[int], arrived: list[int]) -> list[str]:
        text, end, plain = self._text, self._end, Fate.PLAIN
        return [
            text(i, w, at, plain) + end for i, w, at in zip(range(first, first + len(own)), own, arrived, strict=True)
        ]

    def _special(self, number: int, word: int, at: int, fate: Fate, counts: Counts) -> bytes:
        if fate is Fate.UPDATE:
            updated = self._updated(number // CHUNK).get(number)
            fate = fate if updated is not None else Fate.PLAIN  # nothing is left to update
        counts.fates[fate] += 1
        pick = word >> 34
        if fate is Fate.UPDATE and updated is not None:
            words, _ = self._chunk(updated // CHUNK)
            old = updated, words[updated % CHUNK], self._arrivals.at(updated)
            text = self._text(*old, Fate.PLAIN, more=1 + pick % 1000)
        elif fate is Fate.COPY:
            text = self._sound(*self._original(number, word))
        elif fate is Fate.DAMAGED:
            return damaged_tweet(self._text(number, word, at, fate).encode(), pick, self._newline)
        elif fate is Fate.WRONG:
            reason, text = wrong(self._text(number, word, at, fate), pick)
            counts.reasons[reason] += 1
        elif fate is Fate.NOTICE:
            kind, text = notice(self._event_ms(word, at, fate), number, pick)
            counts.kinds[kind] += 1
        else:
            counts.days[self._event_ms(word, at, fate) // DAY_MS] += 1
            text = self._sound(number, word, at, fate)
        return text.encode() + self._newline

    def _sound(self, number: int, word: int, at: int, fate: Fate) -> str:
        text = self._text(number, word, at, fate)
        return with_unknown(text, word >> 34) if fate is Fate.UNKNOWN else text

    def _text(self, number: int, word: int, at: int, fate: Fate, more: int = 0) -> str:
        """One tweet alone; its counts are `more` than they were when it was collected first."""
        t, pick = self._tables, word >> 34
        event_ms = self._event_ms(word, at, fate)
        tweet_id, author = snowflake(event_ms, number), word >> 12 & USERS - 1
        template = t.plain if fate is Fate.DAMAGED else t.templates[word & TEMPLATES - 1]
        return template % {
            "c": twitter_time(event_ms // 1000),
            # One in 64 went through JavaScript once, which the text of the id did not mind.
            "i": tweet_id if pick & 63 else through_a_double(tweet_id),
            "s": tweet_id,
            "t": event_ms,
            # Most are collected when they are new.
            "r": (pick >> 6 & 255 if pick & 48 == 0 else 0) + more,
            "f": (pick >> 14 & 255 if pick & 40 == 0 else 0) + more,
            "a": t.users[author],
            "b": t.escaped_users[author],
        }

    def _may_be_copied(self, number: int) -> bool:
        return number % 2 == 1

    def _find_updated(self, chunk: int) -> dict[int, int]:
        """The update's number -> the tweet's; each tweet is updated once, by a later record of its chunk."""
        _, fates = self._chunk(chunk)
        rnd = Random(f"updates:{self._seed}:{chunk}")
        base, free, last = chunk * CHUNK, list[int](), 0
        found: dict[int, int] = {}
        for place in sorted(place for place, fate in fates.items() if fate is Fate.UPDATE):
            free += [earlier for earlier in range(last, place, 2) if earlier not in fates]
            last = place + place % 2
            if free:
                which = rnd.randrange(len(free))
                free[which], free[-1] = free[-1], free[which]
                found[base + place] = base + free.pop()
        return found
