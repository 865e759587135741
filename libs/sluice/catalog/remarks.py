"""What a person should know of a dataset before using it: what Athena cannot read, and what is odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sluice.catalog.findings import Found, Place
from sluice.catalog.names import folded
from sluice.catalog.partial import READ, Partial

_LAYOUTS = {
    "back-to-back": "records are back to back: no line ends",
    "pretty": "records go over several lines",
    "array": "records are elements of an array, not a line each",
    "mixed": "records are not a line each",
}
_NAMED = 5


def athena(found: Found, partial: Partial) -> str:
    """Why Athena does not read it as it is; "" where it does."""
    reasons = []
    if found.format not in READ:
        return "" if found.format in ("avro", "orc") else f"{found.format} is not read"
    if found.format == "json":
        reasons += [reason for layout, reason in _LAYOUTS.items() if partial.layouts[layout]]
        if any(_twins(place) for _, place in _objects(found.root, "")):
            reasons.append("keys differ by case alone: its SerDe needs case.insensitive=FALSE and mappings")
        if partial.damaged:
            reasons.append("damaged records: its SerDe needs ignore.malformed.json=TRUE")
    if found.format == "csv" and partial.quoted_lines:
        reasons.append("cells hold line ends")
    if partial.plain_gzip:
        reasons.append("gzip under names that do not end in .gz")
    return "; ".join(reasons)


def problems(found: Found, partial: Partial) -> list[str]:
    """Oddities, one sentence each; names of fields, no values."""
    return [*_of_objects(found, partial), *_of_records(found)]


def _of_objects(found: Found, partial: Partial) -> Iterator[str]:
    for name, count in partial.formats.most_common():
        if name not in (found.format, "empty") and count:
            yield f"{count} of {sum(partial.formats.values())} objects looked at are no {found.format} but {name}"
    if partial.formats["empty"]:
        yield f"{partial.formats['empty']} of {sum(partial.formats.values())} objects looked at are empty"
    for why, count in partial.unreadable.most_common(_NAMED):
        yield f"{count} {'object' if count == 1 else 'objects'}: {why}"
    if len(partial.dialects) > 1:
        yield f"CSV is written in {len(partial.dialects)} ways"
    if found.format in ("json", "csv", "parquet") and not found.records:
        yield "no sound record was found"
    if found.damaged:
        rows = "row" if found.damaged == 1 else "rows"
        yield f"{found.damaged} damaged {rows} beside {found.records} sound records"


def _of_records(found: Found) -> Iterator[str]:
    if found.root.values.repeated > 0:
        yield f"about {100 * found.root.values.repeated:.1f} % of the records are there more than once"
    lists: dict[str, Counter[str]] = {"twice": Counter(), "case": Counter(), "map": Counter(), "cut": Counter()}
    cuts = set()
    for path, place in _objects(found.root, ""):
        where = path or "the record"
        lists["twice"][where] += place.repeated_names > 0
        lists["map"][where] += place.each is not None and found.format != "delta"
        lists["case"][where] += bool(_twins(place))
        if place.cut:
            lists["cut"][where] += 1
            cuts.add(place.cut)
    told = {
        "twice": "names are there twice in one object, of which the last counts, in",
        "case": "names differ by case alone in",
        "map": "names are data (free-form maps) in",
        "cut": f"not looked at further ({'; '.join(sorted(cuts))}):",
    }
    for kind, words in told.items():
        paths = [path for path, count in lists[kind].items() if count]
        if paths:
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            yield f"{words} {', '.join(paths[:_NAMED])}{more}"


def _twins(place: Place) -> bool:
    return len({folded(name) for name in place.members}) < len(place.members)


def _objects(place: Place, path: str) -> Iterator[tuple[str, Place]]:
    """Every place with its path: `user.tags[].id`, `counts.*`."""
    yield path, place
    for name, member in place.members.items():
        yield from _objects(member, f"{path}.{name}" if path else name)
    if place.element is not None:
        yield from _objects(place.element, f"{path}[]")
    if place.each is not None:
        yield from _objects(place.each, f"{path}.*" if path else "*")
