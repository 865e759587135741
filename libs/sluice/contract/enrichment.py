"""The setting `enrich`: which raw fields are filled, with what, and where that is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from sluice.contract.expressions import check_expression
from sluice.contract.model import Enrich, Filter, Reference
from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.contract.scope import Scope

_NUMBER, _TEXT = ("double", "float"), ("string",)
# What each reference knows, and the kinds of field that can hold it.
KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "countries": {"code": _TEXT, "name": _TEXT, "latitude": _NUMBER, "longitude": _NUMBER},
    "vader": {"compound": _NUMBER, "word": _TEXT},
}
_PARTS = ("fill", "from", "by", "source")


def read_enrich(value: object, place: str, raw: Scope, problems: Problems) -> Iterator[Enrich]:
    """A list of {fill, from, by, source}; a field is filled, or says what filled, in one of them at most."""
    if not isinstance(value, list):
        problems.add(place, f"expected a list of {{{', '.join(_PARTS)}}}, found {shown(value)}")
        return
    taken: dict[str, str] = {}
    for index, item in enumerate(value):
        here = f"{place}[{index}]"
        before = len(problems.lines)
        if not isinstance(item, dict) or set(item) != set(_PARTS):
            problems.add(here, f"expected {{{', '.join(_PARTS)}}}, found {shown(item)}")
            continue
        _check_one(item, here, raw, problems)
        if len(problems.lines) > before:
            continue
        for name in (*item["fill"], item["source"]):
            if name in taken:
                problems.add(here, f"`{name}` is filled by {taken[name]} already")
            taken[name] = here
        if item["by"] in taken:
            problems.add(
                here, f"by: `{item['by']}` is filled itself; what is made of made values tells nobody anything"
            )
        yield Enrich(cast(Reference, item["from"]), item["by"], tuple(item["fill"].items()), item["source"])


def _check_one(item: dict[str, Any], here: str, raw: Scope, problems: Problems) -> None:
    reference, fill = item["from"], item["fill"]
    known = KNOWN.get(reference) if isinstance(reference, str) else None
    if known is None:
        problems.add(here, f"from: expected {' or '.join(KNOWN)}, found {shown(reference)}")
        return
    if not isinstance(fill, dict) or not fill:
        problems.add(here, f"fill: expected {{field: {' or '.join(known)}}}, found {shown(fill)}")
        return
    for name, what in fill.items():
        if not isinstance(what, str) or what not in known:
            problems.add(here, f"fill: {reference} has no {shown(what)}; it has {', '.join(known)}")
        else:
            _check_field(name, "fill", known[what], here, raw, problems)
    for part in ("by", "source"):
        _check_field(item[part], part, _TEXT, here, raw, problems)


def _check_field(name: object, part: str, kinds: Sequence[str], here: str, raw: Scope, problems: Problems) -> None:
    found = raw.get(name) if isinstance(name, str) else None
    if found is None or found.name != name:
        hint = did_you_mean(name, raw.names) if isinstance(name, str) else ""
        problems.add(here, f"{part}: raw has no field {shown(name)}{hint}")
    elif found.type.kind not in (*kinds, "unknown"):
        problems.add(here, f"{part}: `{name}` is {found.type.text}, expected {' or '.join(kinds)}")


def check_filters(rules: Sequence[Enrich], filters: Sequence[Filter], raw: Scope, problems: Problems) -> None:
    """Whether a record is data is asked of what was received, and a field that is filled no longer tells."""
    filled = {name for rule in rules for name in (*dict(rule.fill), rule.source)}
    for one in filters:
        for root in check_expression(one.expression, raw, "expression").roots.values():
            if root.name in filled:
                problems.add(f"recordFilters {one.kind}", f"asks for `{root.name}`, which enrich fills")
