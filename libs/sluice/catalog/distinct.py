"""How many different values there are, in bounded memory: exactly while they are few, else by their lowest hashes.

Of all values the `LOWEST` with the lowest hashes are kept, each with how often it was seen (k minimum values, by
Bar-Yossef et al. 2002). One among them was never out of them, so its count is exact; the share of them that were seen
again is that of a fair sample; and merging is exact. The standard error of the number is 1/sqrt(LOWEST - 2), 6.3 %.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from zlib import crc32

LOWEST = 256
KNOWN = 64
SHORT = 60
EXAMPLES = 3

_KEY_BITS = 96
_MIX, _CRC = 0x9E3779B1, 0xFFFFFFFF


@dataclass
class Distinct:
    """The different values of a place.

    `known` holds every value (strings and integers of at most 60 characters) and how often it was seen, while there are
    at most 64; None when there are more, longer or other ones. `lowest` is by hash. `shown` holds a masked example for
    each of the lowest three.
    """

    known: dict[str | int, int] | None = field(default_factory=dict)
    lowest: dict[int, int] = field(default_factory=dict)
    shown: dict[int, str] = field(default_factory=dict)
    full: bool = False

    def add(self, texts: Mapping[str, int], mask: Callable[[str], str] | None = None) -> None:
        """Values as text, and how often each was seen; `known` is the caller's to tell (see `know`)."""
        named = self.add_bytes({text.encode("utf-8", "surrogatepass"): count for text, count in texts.items()})
        if mask is not None and named:
            for key in heapq.nsmallest(EXAMPLES, named):
                if key not in self.shown:
                    self.shown[key] = mask(named[key].decode("utf-8", "surrogatepass"))
            self._settle_shown()

    def add_bytes(self, values: Mapping[bytes, int]) -> dict[int, bytes]:
        """The same of bytes; returns those that may be among the lowest, by their keys."""
        bound = (max(self.lowest) >> 64) if len(self.lowest) >= LOWEST else _CRC
        fresh: dict[int, int] = {}
        named: dict[int, bytes] = {}
        for data, count in values.items():
            # Cheap bits first: a value above the highest that is kept need not be hashed well.
            if (mixed := (crc32(data) * _MIX) & _CRC) <= bound:
                key = mixed << 64 | int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
                fresh[key] = count
                named[key] = data
            else:
                self.full = True
        self._take(fresh)
        return named

    def know(self, values: Mapping[str, int] | Mapping[int, int] | None) -> None:
        """The same values as they are; None where there are others than strings and integers."""
        if self.known is None:
            return
        if values is None or len(values) > KNOWN:
            self.known = None
            return
        for value, count in values.items():
            self.known[value] = self.known.get(value, 0) + count
        if len(self.known) > KNOWN or any(len(one if isinstance(one, str) else f"{one:d}") > SHORT for one in values):
            self.known = None

    def absorb(self, other: Distinct) -> None:
        """Make this what both have seen."""
        self.know(other.known)  # type: ignore[arg-type] # a mixture of both, which is as good
        self.full |= other.full
        self._take(other.lowest)
        self.shown |= other.shown
        self._settle_shown()

    def _take(self, fresh: Mapping[int, int]) -> None:
        for key, count in fresh.items():
            self.lowest[key] = self.lowest.get(key, 0) + count
        if len(self.lowest) > LOWEST:
            self.full = True
            self.lowest = {key: self.lowest[key] for key in heapq.nsmallest(LOWEST, self.lowest)}
            self._settle_shown()

    def _settle_shown(self) -> None:
        """Examples of values that are kept only: of another, that it was ever met depends on the order."""
        kept = [key for key in self.shown if key in self.lowest]
        self.shown = {key: self.shown[key] for key in heapq.nsmallest(EXAMPLES, kept)}

    @property
    def count(self) -> int:
        """How many different values there are; an estimate where `full`."""
        if not self.full:
            return len(self.lowest)
        return round((LOWEST - 1) * (1 << _KEY_BITS) / max(self.lowest))

    @property
    def repeated(self) -> float:
        """The share (0 to 1) of different values that were seen more than once, by the lowest."""
        return sum(count > 1 for count in self.lowest.values()) / len(self.lowest) if self.lowest else 0.0

    @property
    def examples(self) -> list[str]:
        """Masked examples, no shape twice."""
        return sorted(set(self.shown.values()))
