"""A location's listing, taken as a stream -> lots of objects that lie alike, in memory that does not grow with it."""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from sluice.catalog.findings import PartitionKey
from sluice.raw.listing import is_data
from sluice.runtime.storage import StoredObject

# So many objects of a lot are remembered to take samples from, and so many folders side by side told apart by name.
REMEMBERED = 500
MOST_FOLDERS = 200
DELTA_LOG = "_delta_log"

_HIVE = re.compile(r"([^=/]+)=(.*)")
_LEVEL = re.compile(r"\d+|\d{4}-\d{2}(?:-\d{2}(?:[T-]\d{2})?)?")
_HOUR_PARTS = tuple(map(re.compile, (r"(?:19|20)\d{2}", r"0[1-9]|1[0-2]", r"0[1-9]|[12]\d|3[01]", r"[01]\d|2[0-3]")))
_PACKED = re.compile(r"\.(?:gz|bz2|zst|snappy|xz|lz4)$")
# Names for a level of folders that are no data of their own; no real folder is called so.
ANY = "*"


@dataclass
class Lot:
    """Objects in one folder (`folder`: names below the location), below the same kinds of partition folders.

    `keys` are kind and name of each such level, `spans` the lowest and highest value of each as text. `chosen` are
    objects with the lowest hashes of their names: a fair sample of REMEMBERED; `all` is every object, where asked for.
    """

    folder: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    objects: int = 0
    bytes: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    spans: dict[int, tuple[str, str]] = field(default_factory=dict)
    chosen: list[tuple[int, str, StoredObject]] = field(default_factory=list)
    all: list[StoredObject] | None = None

    def add(self, stored: StoredObject, values: Sequence[str], rank: int) -> None:
        """One more object, in partition folders of these values."""
        self.objects += 1
        self.bytes += stored.size_bytes
        at = stored.modified_at
        self.first_at = at if self.first_at is None else min(at, self.first_at)
        self.last_at = at if self.last_at is None else max(at, self.last_at)
        for level, value in enumerate(values):
            low, high = self.spans.get(level, (value, value))
            self.spans[level] = (min(low, value), max(high, value))
        entry = (-rank, stored.uri, stored)
        if len(self.chosen) < REMEMBERED:
            heapq.heappush(self.chosen, entry)
        else:
            heapq.heappushpop(self.chosen, entry)
        if self.all is not None:
            self.all.append(stored)

    def sample(self) -> list[StoredObject]:
        """The chosen objects, in an order that their names do not tell."""
        return [stored for _, _, stored in sorted(self.chosen, reverse=True)]

    def partition_keys(self) -> list[PartitionKey]:
        """Its levels, unnamed ones called by their place as crawlers call them."""
        return [
            PartitionKey(name or f"partition_{at}", kind, *self.spans.get(at, ("", "")))
            for at, (kind, name) in enumerate(self.keys)
        ]

    def arrivals(self) -> tuple[datetime | None, datetime | None]:
        """First and last arrival: Firehose's hours where the folders tell them, else when objects were written."""
        for at, (kind, _) in enumerate(self.keys):
            if kind == "hour" and at in self.spans:
                low, high = (datetime.strptime(one, "%Y/%m/%d/%H").replace(tzinfo=UTC) for one in self.spans[at])
                return low, high
        return self.first_at, self.last_at


@dataclass
class Landscape:
    """What a listing shows: lots, folders of Delta tables, and by folder how many objects are no data."""

    lots: list[Lot] = field(default_factory=list)
    deltas: dict[tuple[str, ...], int] = field(default_factory=dict)
    hidden: Counter[tuple[str, ...]] = field(default_factory=Counter)
    left_out: Counter[tuple[str, ...]] = field(default_factory=Counter)
    objects: int = 0


def survey(
    listing: Iterable[StoredObject],
    base: str,
    left_out: Callable[[str], bool],
    seed: int = 0,
    *,
    keep_all: bool = False,
) -> Landscape:
    """The landscape below `base`; `seed` decides which objects are remembered as a sample."""
    surveyor = _Surveyor(seed, keep_all)
    for stored in listing:
        below = stored.uri[len(base.rstrip("/")) + 1 :]
        surveyor.add(stored, below, excluded=left_out(below))
    return surveyor.finish()


class _Surveyor:
    def __init__(self, seed: int, keep_all: bool) -> None:
        self._salt, self._keep_all = str(seed).encode(), keep_all
        self._found = Landscape()
        self._lots: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...], str], Lot] = {}
        self._names: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)

    def add(self, stored: StoredObject, below: str, *, excluded: bool) -> None:
        self._found.objects += 1
        *folders, name = below.split("/")
        if not is_data(below):
            if DELTA_LOG in folders and name.endswith(".json"):
                table = tuple(folders[: folders.index(DELTA_LOG)])
                self._found.deltas[table] = self._found.deltas.get(table, 0) + 1
            elif DELTA_LOG not in folders:
                visible = next((at for at, one in enumerate(folders) if not is_data(one)), len(folders))
                self._found.hidden[self._placed(folders[:visible])[0]] += 1
            return
        folder, keys, values = self._placed(folders)
        if excluded:
            self._found.left_out[folder] += 1
            return
        ending = _PACKED.sub("", name.lower()).rpartition(".")[2] if "." in name else ""
        # Endings that are part of what tells objects apart are no endings.
        ending = ending if re.fullmatch(r"[a-z][a-z0-9]{0,9}", ending) else ""
        lot = self._lots.get((folder, keys, ending))
        if lot is None:
            lot = self._lots[folder, keys, ending] = Lot(folder, keys, all=[] if self._keep_all else None)
        rank = blake2b(below.encode("utf-8", "surrogateescape"), digest_size=8, key=self._salt).digest()
        lot.add(stored, values, int.from_bytes(rank, "big"))

    def _placed(self, folders: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], list[str]]:
        """The folder that is a dataset's, the partition levels below it, and their values."""
        folder: list[str] = []
        keys: list[tuple[str, str]] = []
        values: list[str] = []
        at = 0
        while at < len(folders):
            name = folders[at]
            if _is_hour(folders[at : at + 4]):
                keys.append(("hour", "arrival_hour"))
                values.append("/".join(folders[at : at + 4]))
                at += 3
            elif (found := _HIVE.fullmatch(name)) is not None:
                keys.append(("hive", found[1]))
                values.append(found[2])
            elif keys or _LEVEL.fullmatch(name) or not self._is_told_apart(tuple(folder), name):
                keys.append(("level", ""))
                values.append(name)
            else:
                folder.append(name)
            at += 1
        return tuple(folder), tuple(keys), values

    def _is_told_apart(self, parent: tuple[str, ...], name: str) -> bool:
        """Whether a folder's name is one of few beside each other; where they are many they are data, not datasets."""
        names = self._names[parent]
        if ANY in names:
            return False
        names.add(name)
        if len(names) <= MOST_FOLDERS:
            return True
        self._names[parent] = {ANY}
        for key in [key for key in self._names if key != parent and key[: len(parent)] == parent]:
            del self._names[key]
        self._gather(parent)
        return False

    def _gather(self, parent: tuple[str, ...]) -> None:
        """Make levels of the folders below `parent`, now that they turned out to be many."""
        for key in [key for key in self._lots if key[0][: len(parent)] == parent and len(key[0]) > len(parent)]:
            lot = self._lots.pop(key)
            names = lot.folder[len(parent) :]
            keys = (*(("level", "") for _ in names), *lot.keys)
            target = self._lots.get((parent, keys, key[2]))
            spans = {at: (name, name) for at, name in enumerate(names)}
            lot.spans = spans | {at + len(names): span for at, span in lot.spans.items()}
            lot.folder, lot.keys = parent, keys
            if target is None:
                self._lots[parent, keys, key[2]] = lot
            else:
                merge_lots(target, lot)

    def finish(self) -> Landscape:
        tables = set(self._found.deltas)
        for lot in self._lots.values():
            if not any(lot.folder[: len(table)] == table for table in tables):
                self._found.lots.append(lot)
        return self._found


def _is_hour(folders: Sequence[str]) -> bool:
    return len(folders) == 4 and all(part.fullmatch(name) for part, name in zip(_HOUR_PARTS, folders, strict=True))


def merge_lots(one: Lot, other: Lot) -> Lot:
    """Both as one, with the folder and levels of `one`, which is used up."""
    one.objects += other.objects
    one.bytes += other.bytes
    one.first_at = min(filter(None, (one.first_at, other.first_at)), default=None)
    one.last_at = max(filter(None, (one.last_at, other.last_at)), default=None)
    for at, (low, high) in other.spans.items():
        mine = one.spans.get(at, (low, high))
        one.spans[at] = (min(low, mine[0]), max(high, mine[1]))
    one.chosen = heapq.nlargest(REMEMBERED, [*one.chosen, *other.chosen])
    heapq.heapify(one.chosen)
    if one.all is not None:
        one.all += other.all or []
    return one


def split(lot: Lot, most: int) -> list[Lot]:
    """A lot per object where they are at most `most` and lie loose in one folder; else the lot."""
    if lot.keys or lot.objects > most:
        return [lot]
    parts = []
    for rank, uri, stored in sorted(lot.chosen, key=lambda one: one[1]):
        part = Lot(lot.folder, (), all=None if lot.all is None else [stored])
        part.objects, part.bytes = 1, stored.size_bytes
        part.first_at = part.last_at = stored.modified_at
        part.chosen = [(rank, uri, stored)]
        parts.append(part)
    return parts
