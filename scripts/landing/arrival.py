"""When messages arrive: a daily curve with bursts, as exact counts per slot of about ten seconds.

All of it is integer arithmetic over the message's number, so any process can tell the arrival of any message.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from random import Random

SLOT_MS = 10_000
# Share of the busiest hour, by hour of the day in UTC.
_DAY = (30, 24, 20, 18, 18, 22, 32, 45, 58, 66, 70, 74, 80, 84, 86, 90, 94, 98, 100, 96, 86, 70, 54, 40)
_BURSTS_PER_HOUR = 1.5


@dataclass(frozen=True)
class Arrivals:
    """`edges[s]` is where slot s begins, in ms after `start_ms`; `before[s]` messages have arrived by then."""

    start_ms: int
    edges: list[int]
    before: list[int]

    @property
    def messages(self) -> int:
        return self.before[-1]

    def at(self, number: int) -> int:
        """The instant, in epoch ms, at which message `number` arrives; never earlier than the one before it."""
        return self.between(number, number + 1)[0]

    def between(self, first: int, end: int) -> list[int]:
        """The instants of the messages numbered `first` up to, not including, `end`."""
        found: list[int] = []
        slot = bisect_right(self.before, first) - 1
        while len(found) < end - first:
            low, high = self.before[slot], self.before[slot + 1]
            began, length, count = self.start_ms + self.edges[slot], self.edges[slot + 1] - self.edges[slot], high - low
            found += [began + k * length // count for k in range(max(first, low) - low, min(end, high) - low)]
            slot += 1
        return found

    def arrived_by(self, after_ms: int) -> int:
        """How many messages arrive earlier than `after_ms` after the start."""
        if after_ms >= self.edges[-1]:
            return self.messages
        slot = bisect_right(self.edges, after_ms) - 1
        count = self.before[slot + 1] - self.before[slot]
        into, length = after_ms - self.edges[slot], self.edges[slot + 1] - self.edges[slot]
        return self.before[slot] + -(-into * count // length)


def plan_arrivals(seed: int, messages: int, start_ms: int, span_ms: int) -> Arrivals:
    """Spread `messages` over `span_ms` from `start_ms`: the daily curve, with bursts of up to five minutes."""
    rnd = Random(f"arrivals:{seed}")
    slots = max(1, span_ms // SLOT_MS)
    edges = [span_ms * s // slots for s in range(slots + 1)]
    weights = [_daily(start_ms + edge) * rnd.randrange(90, 111) for edge in edges[:-1]]
    for _ in range(1 + int(_BURSTS_PER_HOUR * span_ms / 3_600_000)):
        began, length, height = rnd.randrange(slots), rnd.randrange(3, 31), rnd.randrange(2, 9)
        for s in range(began, min(slots, began + length)):
            weights[s] += weights[s] * height * (began + length - s) // length
    total = sum(weights)
    return Arrivals(start_ms, edges, [0, *(messages * sofar // total for sofar in accumulate(weights))])


def _daily(at_ms: int) -> int:
    """The daily curve, straight lines between the hours."""
    hour, into = divmod(at_ms // 1000 % 86_400, 3600)
    return _DAY[hour] * (3600 - into) + _DAY[(hour + 1) % 24] * into


def blocks(arrivals: Arrivals, window_ms: int, most_messages: int) -> list[tuple[int, int]]:
    """Cut all message numbers into ranges (first, end) that begin a source object of their own.

    None spans more than `window_ms` of arrival, as a delivery stream's buffer does not.
    """
    found = []
    first = 0
    for after_ms in range(window_ms, arrivals.edges[-1] + window_ms, window_ms):
        end = arrivals.arrived_by(after_ms)
        found += [(part, min(end, part + most_messages)) for part in range(first, end, most_messages)]
        first = end
    return found
