"""Two places as one, exactly, and places bounded in number however wild the records are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.catalog.findings import Place

# A record may have more fields than an object within it has members before names count as data.
MOST_FIELDS = 2_000
MOST_MEMBERS = 200
DEEPEST = 12
MOST_PLACES = 5_000
TOO_DEEP = f"more than {DEEPEST} arrays and objects within each other"
TOO_MANY = f"more than {MOST_PLACES} fields in all"


@dataclass
class Room:
    """How many more places there may be; shared by all places of one record type."""

    left: int = MOST_PLACES

    def place(self, around: Place) -> Place | None:
        """A new place below `around`; None, and said there, where there is no room."""
        if self.left <= 0:
            around.cut = max(around.cut, TOO_MANY)
            return None
        self.left -= 1
        return Place()


def merge(one: Place, other: Place) -> Place:
    """What both have seen; `one` is used up. Exact, and in any order the same, while there is room for all places."""
    absorb(one, other, Room(MOST_PLACES - places(one)))
    return one


def places(place: Place) -> int:
    """How many places there are in all, this one included."""
    inner = [*place.members.values(), *filter(None, (place.element, place.each))]
    return 1 + sum(map(places, inner))


def absorb(place: Place, other: Place, room: Room, depth: int = 0) -> None:
    """Make `place`, which is `depth` arrays and objects deep, what both have seen."""
    place.seen += other.seen
    place.nulls += other.nulls
    for mine, theirs in ((place.kinds, other.kinds), (place.formats, other.formats), (place.declared, other.declared)):
        mine.update(theirs)
    _absorb_ranges(place, other)
    place.inexact += other.inexact
    place.repeated_names += other.repeated_names
    place.cut = max(place.cut, other.cut)
    place.values.absorb(other.values)
    if other.element is not None:
        if place.element is None:
            place.element = room.place(place)
        if place.element is not None:
            absorb(place.element, other.element, room, depth + 1)
    if other.each is not None:
        collapse(place, room, depth)
        place.names.absorb(other.names)
        if place.each is not None:
            absorb(place.each, other.each, room, depth + 1)
    if place.each is not None:
        _absorb_as_data(place, other, room, depth)
        return
    for name, member in other.members.items():
        mine_ = place.members.get(name) or room.place(place)
        if mine_ is not None:
            place.members[name] = mine_
            absorb(mine_, member, room, depth + 1)
    collapse_if_wide(place, room, depth)


def _absorb_ranges(place: Place, other: Place) -> None:
    place.digits, place.scale = max(place.digits, other.digits), max(place.scale, other.scale)
    for low in ("lowest_integer", "lowest_number", "shortest", "fewest", "earliest"):
        setattr(place, low, least(getattr(place, low), getattr(other, low)))
    for high in ("highest_integer", "highest_number", "longest", "most", "latest"):
        setattr(place, high, greatest(getattr(place, high), getattr(other, high)))


def least(one: Any, other: Any) -> Any:
    """The lesser of two, of which either may be None."""
    return one if other is None else other if one is None else min(one, other)


def greatest(one: Any, other: Any) -> Any:
    """The greater of two, of which either may be None."""
    return one if other is None else other if one is None else max(one, other)


def collapse_if_wide(place: Place, room: Room, depth: int) -> None:
    """Take names for data where an object has met more of them than a type would have."""
    if len(place.members) > (MOST_MEMBERS if depth else MOST_FIELDS):
        collapse(place, room, depth)


def collapse(place: Place, room: Room, depth: int) -> None:
    """Put all members' values in one place, `each`."""
    if place.each is not None:
        return
    members, place.members = place.members, {}
    place.each = Place()
    # The members' places are given back, and what is kept of them taken again.
    room.left += sum(map(places, members.values())) - 1
    _absorb_as_data(place, Place(members=members), room, depth)


def _absorb_as_data(place: Place, other: Place, room: Room, depth: int) -> None:
    assert place.each is not None
    place.names.add({name: member.seen for name, member in other.members.items()})
    place.names.known = None
    for member in other.members.values():
        absorb(place.each, member, room, depth + 1)
