"""Copies that a task meets of what it has itself let through, told by their hashes in bounded memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sluice.lake.hashes import Longs, losing

# 64 MiB of hashes, the newest in each slot.
_SLOTS = 1 << 22


class Seen:
    """Remembers hashes, each in the one slot that its bits name: a newer one takes the slot of an older.

    So an equal one is forgotten now and then, the sooner the more came between, and never one made up: what is missed
    here is found among the staged files. There are at least two slots.
    """

    def __init__(self, slots: int = _SLOTS) -> None:
        self._known = np.zeros((slots, 2), np.uint64)
        self._known[0] = 1  # else the first slot would know a hash of zeros; the slot of two ones is the second

    def again(self, hashes: Longs) -> npt.NDArray[np.bool_]:
        """Which of `hashes` were seen before, also earlier among them."""
        slots = (hashes[:, 1] % np.uint64(len(self._known))).astype(np.intp)
        found = self._known.take(slots, axis=0) == hashes
        again: npt.NDArray[np.bool_] = found[:, 0] & found[:, 1]
        self._known[slots] = hashes
        count = len(hashes)
        again[losing(hashes, np.ones(count, bool), np.zeros(count, np.int32), np.arange(count, dtype=np.uint32))] = True
        return again
