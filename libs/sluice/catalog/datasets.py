"""Lots of objects -> datasets: by folders first; among siblings by how alike their records are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sluice.catalog.discover import Lot, merge_lots
from sluice.catalog.findings import CsvDialect, Place
from sluice.catalog.partial import READ, Partial, join

# Schemas over 70 % alike are one table's, as AWS crawlers have it.
ALIKE = 0.7
_ID = re.compile(r"[a-z][a-z0-9_]{0,99}")
_ENDING = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]{0,9})+$")


@dataclass
class Dataset:
    """One dataset to be: where it lies, in what lots, and what was read of them."""

    folder: tuple[str, ...]
    lots: list[Lot]
    partial: Partial
    format: str
    name: str = ""
    beside: list[str] = field(default_factory=list)

    @property
    def objects(self) -> int:
        return sum(lot.objects for lot in self.lots)


def by_folder(sampled: Sequence[tuple[Lot, Partial]], *, top_only: bool) -> list[Dataset]:
    """A dataset for each folder's format; of one format several, where their records are not alike.

    `top_only`: each folder right below the location is one dataset per format, however its records look.
    """
    folders: defaultdict[tuple[str, ...], list[Dataset]] = defaultdict(list)
    for lot, partial in sampled:
        folder = lot.folder[:1] if top_only else lot.folder
        folders[folder].append(Dataset(folder, [lot], partial, partial.format))
    found = []
    for parts in folders.values():
        found += _joined(parts, lambda one, other: top_only or alike(one.partial, other.partial))
    if not top_only:
        found = _siblings(found)
    return sorted(found, key=lambda one: (one.folder, one.format))


def _joined(parts: list[Dataset], are_one: Callable[[Dataset, Dataset], bool]) -> list[Dataset]:
    """Datasets of one format joined where they are one; what is not read here always, by its format."""
    found: list[Dataset] = []
    # The largest first: the small are compared with them.
    for part in sorted(parts, key=lambda one: (-one.partial.records, one.lots[0].sample()[0].uri)):
        for other in found:
            if other.format == part.format and (not part.partial.records or are_one(other, part)):
                other.lots += part.lots
                other.partial = join(other.partial, part.partial)
                break
        else:
            found.append(part)
    return found


def _siblings(found: list[Dataset]) -> list[Dataset]:
    """Folders side by side, all of which are alike, are the unnamed partitions of the folder around them."""
    deepest = max((len(one.folder) for one in found), default=0)
    for depth in range(deepest, 0, -1):
        level = sorted((one for one in found if len(one.folder) == depth), key=lambda one: one.folder)
        for parent, group in groupby(level, key=lambda one: one.folder[:-1]):
            children = list(group)
            around = [one for one in found if one.folder[: depth - 1] == parent]
            if len(children) < 2 or len(around) != len(children) or len({one.folder for one in children}) == 1:
                continue
            first, *rest = sorted(children, key=lambda one: -one.partial.records)
            if all(one.format == first.format and alike(first.partial, one.partial) for one in rest):
                found = [one for one in found if not any(one is child for child in children)]
                found.append(_as_partitions(parent, children))
    return found


def _as_partitions(parent: tuple[str, ...], children: list[Dataset]) -> Dataset:
    lots: dict[tuple[tuple[str, str], ...], Lot] = {}
    for child in children:
        for lot in child.lots:
            name = lot.folder[len(parent)]
            lot.spans = {0: (name, name)} | {at + 1: span for at, span in lot.spans.items()}
            lot.keys, lot.folder = (("level", ""), *lot.keys), parent
            mine = lots.get(lot.keys)
            lots[lot.keys] = lot if mine is None else merge_lots(mine, lot)
    partial = children[0].partial
    for child in children[1:]:
        partial = join(partial, child.partial)
    return Dataset(parent, list(lots.values()), partial, children[0].format)


def alike(one: Partial, other: Partial) -> bool:
    """Whether the records of both have over 70 % of their fields (two levels deep) in common.

    Fields weigh as often as they are there: a rare one says little. A field counts as common where some values are of
    one kind; integers and numbers are. Objects without a sound record are like any.
    """
    if not one.records or not other.records:
        return True
    if not _read_alike(one.dialect, other.dialect):
        return False
    mine, theirs = _weights(one), _weights(other)
    common = whole = 0.0
    for path in mine.keys() | theirs.keys():
        (weight, kinds), (weight_, kinds_) = mine.get(path, (0.0, set())), theirs.get(path, (0.0, set()))
        whole += weight + weight_
        both = path in mine and path in theirs
        common += (weight + weight_) * (both and (not kinds or not kinds_ or bool(kinds & kinds_)))
    return whole == 0 or common / whole > ALIKE


def _read_alike(one: CsvDialect | None, other: CsvDialect | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.delimiter, one.header) == (other.delimiter, other.header)


def _weights(partial: Partial) -> dict[tuple[str, ...], tuple[float, set[str]]]:
    return {path: (place.seen / partial.records, _kinds(place)) for path, place in _fields(partial.root, 2)}


def _fields(place: Place, levels: int, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place]]:
    for name, member in place.members.items():
        yield (*path, name), member
        if levels > 1:
            yield from _fields(member, levels - 1, (*path, name))


def _kinds(place: Place) -> set[str]:
    return {"number" if kind == "integer" else kind for kind, count in place.kinds.items() if count}


def name_all(found: Sequence[Dataset], base: str, *, by_folders: bool) -> None:
    """A name for each, fit to be a dataset's id: its folder's; its object's where several share a folder.

    What is read here chooses first, the more objects the sooner. `by_folders`: no object gives its name while its
    folder's is free, since in a lake the folder is the dataset.
    """
    crowded = Counter(one.folder for one in found)
    taken: set[str] = set()
    order = sorted(found, key=lambda one: (one.format not in READ, -one.objects, -one.partial.records))
    for one in order:
        folders = [*_visible(base), *one.folder]
        folder = folders[-1] if folders else "data"
        wished = [folder, *(f"{parent}_{folder}" for parent in folders[-2:-1])]
        if crowded[one.folder] > 1:
            own = [stem(one.lots[0].sample()[0].uri)] if one.objects == 1 else []
            own += [f"{name}_{one.format}" for name in (*own, folder)]
            wished = [folder, *own] if by_folders or one.objects != 1 else [*own, *wished]
        free = [name for name in map(fit, wished) if name not in taken]
        one.name = free[0] if free else _numbered(fit(wished[0]), taken)
        taken.add(one.name)


def _numbered(name: str, taken: set[str]) -> str:
    number = 2
    while (found := f"{name[:90]}_{number}") in taken:
        number += 1
    return found


def _visible(base: str) -> list[str]:
    """The last part of a location's URI that is the name of something."""
    parts = [part for part in re.sub(r"^[a-z0-9]+://", "", base).split("/") if part]
    named = [part for part in parts if "=" not in part and not part.isdigit()]
    return named[-1:]


def stem(uri: str) -> str:
    """An object's name without its endings: `a/b/events.json.gz` -> events."""
    name = uri.rsplit("/", 1)[-1]
    return _ENDING.sub("", name) or name


def fit(name: str) -> str:
    """`Größe-2` -> gro_e_2, `2017` -> d2017: a-z, 0-9 and _ only, a letter first."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:100].strip("_") or "data"
    plain = plain if plain[0].isalpha() else f"d{plain}"[:100]
    assert _ID.fullmatch(plain)
    return plain
