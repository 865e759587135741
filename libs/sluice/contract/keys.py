"""Positions of partition and key columns, and what they demand of a column."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.contract.columns import Draft
from sluice.contract.problems import Problems, did_you_mean
from sluice.contract.settings import Settings

_COMPLEX = ("array", "map", "struct")
_NO_PARTITION = ("float", "double", "binary", *_COMPLEX)
_NO_KEY = ("float", "double", *_COMPLEX)
_NO_ORDER = ("boolean", "binary", *_COMPLEX)


def partition_positions(drafts: Sequence[Draft], problems: Problems) -> dict[str, int]:
    """Position by name of the partition columns."""
    given = [(d, bool(d.found.partitioned), d.found.partitionKeyPosition) for d in drafts]
    positions = _positions(given, "partitioned", "partitionKeyPosition", problems)
    for draft in drafts:
        if draft.name in positions and draft.type.kind in _NO_PARTITION:
            problems.add(draft.place, f"a partition column cannot be {draft.type.text}")
    if positions and len(positions) == len(drafts):
        problems.add(drafts[0].place, "not all columns can be partition columns: a file needs one of its own")
    return positions


def key_positions(drafts: Sequence[Draft], problems: Problems) -> dict[str, int]:
    """Position by name of the primary key's columns."""
    given = [(d, bool(d.found.primaryKey), d.found.primaryKeyPosition) for d in drafts]
    positions = _positions(given, "primaryKey", "primaryKeyPosition", problems)
    for draft in drafts:
        if draft.name not in positions:
            continue
        if draft.type.kind in _NO_KEY:
            problems.add(draft.place, f"a key column cannot be {draft.type.text}")
        if not draft.found.required:
            problems.add(draft.place, "a key column needs required: true")
    return positions


def _positions(
    given: Sequence[tuple[Draft, bool, int | None]], flag: str, position_name: str, problems: Problems
) -> dict[str, int]:
    """Positions count 1..n; a single column needs none. -1 is the standard's word for none."""
    chosen: dict[str, int] = {}
    taken: dict[int, str] = {}
    count = sum(1 for _, is_set, _ in given if is_set)
    for draft, is_set, written in given:
        position = None if written == -1 else written
        if not is_set:
            if position is not None:
                problems.add(draft.place, f"{position_name} {position}, but not {flag}: true")
            continue
        if position is None:
            position = 1 if count == 1 else None
        if position is None:
            problems.add(draft.place, f"{flag} together with others needs a {position_name}")
        elif position < 1:
            problems.add(draft.place, f"{position_name} {position}, but positions begin with 1")
        elif position in taken:
            problems.add(draft.place, f"{position_name} {position} is taken by {taken[position]}")
        else:
            taken[position] = draft.name
        chosen[draft.name] = position or 0
    for draft, _, _ in given:
        position = chosen.get(draft.name, 0)
        if position > 1 and position - 1 not in taken:
            problems.add(draft.place, f"{position_name} {position}, but no column has {position - 1}")
    return chosen


def check_keep(drafts: Sequence[Draft], keys: dict[str, int], parts: dict[str, int], s: Settings, p: Problems) -> None:
    """Which row of a key stays: asked for exactly where there is a key."""
    if not keys:
        for name in ("keep", "newestBy"):
            if name in s.places:
                p.add(s.places[name], "needs a primaryKey: without one, byte-equal records are the duplicates")
        return
    if "keep" not in s.places:
        first = next(draft for draft in drafts if draft.name in keys)
        p.add(first.place, "primaryKey needs the setting keep (first or newest) in customProperties")
    if s.keep == "newest" and "newestBy" not in s.places:
        p.add(s.places["keep"], "newest needs the setting newestBy: the column that tells which row is newer")
    if "newestBy" in s.places and s.keep == "first":
        p.add(s.places["newestBy"], "is for keep: newest; with keep: first what is published stays")
    if s.newest_by is not None:
        _check_newest_by(s.newest_by, s.places["newestBy"], drafts, keys, parts, p)
    _check_partitions_follow_key(drafts, keys, parts, p)


def _check_newest_by(
    name: str, place: str, drafts: Sequence[Draft], keys: dict[str, int], parts: dict[str, int], problems: Problems
) -> None:
    by_name = {draft.name: draft for draft in drafts}
    draft = by_name.get(name)
    if draft is None:
        problems.add(place, f"`{name}` is no column of this contract{did_you_mean(name, by_name)}")
        return
    if draft.type.kind in _NO_ORDER:
        problems.add(place, f"`{name}` is {draft.type.text}, which has no useful order")
    if not draft.found.required:
        problems.add(place, f"`{name}` needs required: true, since a NULL is neither newer nor older")
    if name in keys or name in parts:
        which = "key" if name in keys else "partition"
        problems.add(place, f"`{name}` is a {which} column, so all rows of a key have the same")


def _check_partitions_follow_key(
    drafts: Sequence[Draft], keys: dict[str, int], parts: dict[str, int], problems: Problems
) -> None:
    """A key's rows lie in one partition, or looking for them in the partitions of a batch would miss some."""
    fixed_raw = {d.name for d in drafts if d.name in keys and d.expression is None}
    fixed: set[str] = set()
    for draft in drafts:
        known = all(root.name in (fixed if root.curated else fixed_raw) for root in draft.roots)
        if draft.name in keys or known:
            fixed.add(draft.name)
        elif draft.name in parts:
            problems.add(draft.place, f"a partition column must be a function of the primary key ({', '.join(keys)})")
