"""Copies that a task meets of what it has itself let through, told by their hashes in bounded memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sluice.lake.hashes import Longs, losing

# 64 MiB of hashes in all: so many slots, each with room for the newest few that its bits name.
_SLOTS = 1 << 20
_ROOM = 4


class Seen:
    """Remembers hashes in the slots that their bits name: the newest takes the place of the oldest in its slot.

    So an equal one is forgotten only when four others of its slot came between, which takes millions: one forgotten
    costs that a large file is written again, and with room for one alone each task forgot some. Never is one made up,
    and what is missed here is found among the staged files. There are at least two slots.
    """

    def __init__(self, slots: int = _SLOTS) -> None:
        self._known = np.zeros((slots, _ROOM, 2), np.uint64)
        self._next = np.zeros(slots, np.uint8)
        self._known[0] = 1  # else the first slot would know a hash of zeros; the slot of two ones is the second

    def again(self, hashes: Longs) -> npt.NDArray[np.bool_]:
        """Which of `hashes` were seen before, also earlier among them."""
        slots = (hashes[:, 1] % np.uint64(len(self._known))).astype(np.intp)
        found = self._known[slots] == hashes[:, None, :]
        again: npt.NDArray[np.bool_] = (found[:, :, 0] & found[:, :, 1]).any(axis=1)
        count = len(hashes)
        again[losing(hashes, np.ones(count, bool), np.zeros(count, np.int32), np.arange(count, dtype=np.uint32))] = True
        if again.any():
            hashes, slots = hashes[~again], slots[~again]
        self._remember(hashes, slots)
        return again

    def _remember(self, hashes: Longs, slots: npt.NDArray[np.intp]) -> None:
        while len(hashes):
            places = self._next[slots]
            self._known[slots, places] = hashes
            self._next[slots] = (places + 1) % _ROOM
            # Of several that name one slot only the last is there now: the others are put in after it.
            lost = self._known[slots, places, 1] != hashes[:, 1]
            lost |= self._known[slots, places, 0] != hashes[:, 0]
            hashes, slots = hashes[lost], slots[lost]
