"""What a contract cannot do without: the fields its required columns are made of, and how many records filters take."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sluice.catalog.findings import Found, Place
from sluice.contract.model import Column, Contract


def place_at(root: Place, source: str) -> Place | None:
    """The place that a column's source (`user.id`, "`a b`") names; None where there is none, or it is within a list."""
    place: Place | None = root
    for name in names_of(source):
        place = place.members.get(name) if place is not None else None
    return place


def names_of(source: str) -> list[str]:
    """`user.id` -> user, id."""
    return [part.strip("`") for part in re.findall(r"`[^`]*`|[^.`]+", source)]


def needed_paths(contract: Contract, root: Place) -> set[str]:
    """Fields and fields within them (`user`, `user.id`) without which a required column has no source that was met."""
    found: set[str] = set()
    for column in contract.columns:
        if column.required and column.sources and not any(_met(root, source) for source in column.sources):
            for source in column.sources:
                names = names_of(source)
                found |= {".".join(names[: at + 1]) for at in range(len(names))}
    return found


def _met(root: Place, source: str) -> bool:
    place = place_at(root, source)
    return place is not None and place.seen > 0


def filtered_at_most(contract: Contract, found: Found) -> int:
    """The most records that filters may take, told by the fields that filters ask for and no required column does."""
    from sluice.contract.expressions import check_expression
    from sluice.contract.scope import Named, Scope
    from sluice.contract.types import parse_type

    scope = Scope((Named(field.name, parse_type(field.type)) for field in contract.raw), "")
    asked = {
        root.name.lower()
        for one in contract.filters
        for root in check_expression(one.expression, scope, "").roots.values()
    }
    own = asked - {names_of(source)[0].lower() for source in _sources(contract.columns)}
    places = [place for name, place in found.root.members.items() if name.lower() in own]
    return min(found.records, sum(place.seen - place.nulls for place in places))


def _sources(columns: Sequence[Column]) -> list[str]:
    return [source for column in columns if column.required for source in column.sources]
