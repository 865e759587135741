"""A crawl's findings as JSON, and as a table for people; no value of a record is in either."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluice.catalog.evidence import is_personal, percent
from sluice.catalog.findings import Found, Likely, Place
from sluice.catalog.names import legible, snake
from sluice.quality.masking import masked_text

if TYPE_CHECKING:
    from rich.console import Console

_ROWS = 60
_PLAIN_VALUE = re.compile(r"[0-9:/TZ.-]*")
_RANGES = ("lowest_integer", "highest_integer", "lowest_number", "highest_number", "earliest", "latest")
_LENGTHS = ("shortest", "longest", "fewest", "most")
_LONGEST_LINE, _LONGEST_NAME = 2_000, 60
_COUNTS = ("digits", "scale", "inexact", "repeated_names")


def as_json(found: Found) -> dict[str, Any]:
    """All that was found, in values that JSON has; ranges of fields that seem to tell of a person are left out."""
    return {
        "name": found.name,
        "location": found.location,
        "format": found.format,
        "layouts": dict(found.layouts),
        "compressions": dict(found.compressions),
        "csv": None if found.csv is None else vars(found.csv),
        "partition_keys": [
            {"name": key.name, "kind": key.kind, "first": _shown(key.first), "last": _shown(key.last)}
            for key in found.partition_keys
        ],
        "objects": found.objects,
        "bytes": found.bytes,
        "first_arrival_at": _plain(found.first_arrival_at),
        "last_arrival_at": _plain(found.last_arrival_at),
        "hidden": found.hidden,
        "left_out": found.left_out,
        "full": found.full,
        "sampled_objects": found.sampled_objects,
        "sampled_bytes": found.sampled_bytes,
        "records": found.records,
        "damaged": found.damaged,
        "likely_keys": [_likely(one) for one in found.keys],
        "likely_times": [_likely(one) for one in found.times],
        "athena": found.athena,
        "problems": found.problems,
        "fields": {name: _place(member, found.records, name) for name, member in found.root.members.items()},
        "free_form": None if found.root.each is None else _place(found.root.each, found.records, ""),
    }


def _likely(one: Likely) -> dict[str, Any]:
    return {"path": list(one.path), "score": one.score, "reason": one.reason}


def _place(place: Place, of: int, name: str) -> dict[str, Any]:
    """`of` is how many values there could be: records, or objects around it."""
    objects = place.kinds["object"]
    personal = is_personal(Place(formats=place.formats), snake(name))
    found: dict[str, Any] = {
        "seen": place.seen,
        "present": round(place.seen / of, 4) if of else 0.0,
        "null": round(place.nulls / place.seen, 4) if place.seen else 0.0,
        "kinds": _counts(place.kinds),
        "formats": _counts(place.formats),
        "declared": _counts(place.declared),
        **{name: _plain(getattr(place, name)) for name in _RANGES if not personal},
        **{name: getattr(place, name) for name in _LENGTHS},
        **{name: count for name in _COUNTS if (count := getattr(place, name))},
        "distinct": place.values.count,
        "distinct_is_estimate": place.values.full,
        "examples": place.examples,
        "cut": place.cut,
    }
    found = {key: value for key, value in found.items() if value not in (None, {}, [], "") or key == "kinds"}
    if place.members:
        found["members"] = {inner: _place(member, objects, inner) for inner, member in place.members.items()}
    if place.element is not None:
        found["element"] = _place(place.element, place.element.seen, name)
    if place.each is not None:
        found["names"] = place.names.count
        found["each"] = _place(place.each, place.each.seen, name)
    return found


def _counts(counted: Any) -> dict[str, int]:
    return {name: count for name, count in counted.most_common() if count}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return float(value) if abs(value) < Decimal("1e300") else str(value)
    return value


def _shown(value: str) -> str:
    """A folder's value: numbers and times as they are, of anything else the kinds of its characters."""
    return value if _PLAIN_VALUE.fullmatch(value) else masked_text(value)


def show(found: Sequence[Found], console: Console) -> None:
    """A paragraph and a table for each dataset."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    for one in found:
        console.print(f"\n[bold]{escape(one.name)}[/bold]  {escape(_what(one))}", highlight=False)
        for line in _lines(one):
            console.print(Text(f"  {legible(line, _LONGEST_LINE)}"), highlight=False)
        rows = list(_rows(one))
        if not rows:
            continue
        table = Table(box=None, padding=(0, 1), show_edge=False)
        for heading in ("field", "there", "null"):
            table.add_column(heading, justify="left" if heading == "field" else "right", overflow="fold")
        for heading in ("values", "example"):
            table.add_column(heading, overflow="fold")
        for row in rows[:_ROWS]:
            table.add_row(*(Text(legible(cell)) for cell in row))
        console.print(table)
        if len(rows) > _ROWS:
            console.print(f"  ... and {len(rows) - _ROWS} more fields: see --report", highlight=False)


def _what(one: Found) -> str:
    how = [*one.layouts] if one.format == "json" else []
    how += [name for name in one.compressions if name not in ("none", "parquet")]
    what = f"{one.format} ({', '.join(how)})" if how else one.format
    return f"{what}, {_number(one.objects, 'object')}, {_number(one.bytes, 'byte')}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _lines(one: Found) -> Iterator[str]:
    yield one.location
    if one.format in ("json", "csv", "parquet", "delta"):
        of = "all" if one.full else f"a sample of {_number(one.sampled_objects, 'object')}"
        yield f"{_number(one.records, 'record')}, {one.damaged:,} damaged, by {of}"
    if one.csv is not None:
        header = "with" if one.csv.header else "without"
        yield f"cells are divided by {one.csv.delimiter!r}, {header} a header"
    for key in one.partition_keys:
        yield f"partition {key.name} ({key.kind}): {_shown(key.first)} to {_shown(key.last)}"
    if one.first_arrival_at is not None and one.last_arrival_at is not None:
        yield f"arrived {one.first_arrival_at:%Y-%m-%d %H:%M} to {one.last_arrival_at:%Y-%m-%d %H:%M} (UTC)"
    for what, likely in (("key", one.keys), ("time", one.times)):
        if likely:
            yield f"likely {what}: {'.'.join(likely[0].path)} ({likely[0].reason})"
    if one.hidden or one.left_out:
        yield f"not looked at: {one.hidden:,} hidden, {one.left_out:,} left out"
    if one.athena:
        yield f"not for Athena as it is: {one.athena}"
    for problem in one.problems:
        yield f"note: {problem}"


def _rows(one: Found) -> Iterator[tuple[str, str, str, str, str]]:
    for name, member in one.root.members.items():
        yield from _of_place(name, name, member, one.records, 0)
    if one.root.each is not None:
        yield from _of_place("*", "", one.root.each, one.root.each.seen, 0)


def _of_place(path: str, name: str, place: Place, of: int, depth: int) -> Iterator[tuple[str, str, str, str, str]]:
    nulls = percent(place.nulls, place.seen) if place.nulls else ""
    examples = next(iter(sorted(place.examples, key=len)), "")
    label = "  " * depth + legible(path, _LONGEST_NAME)
    yield (label, percent(place.seen, of), nulls, _values(place, name), examples[:24])
    for inner, member in place.members.items():
        yield from _of_place(inner, inner, member, place.kinds["object"], depth + 1)
    for inner, below in (("[]", place.element), ("*", place.each)):
        if below is not None:
            yield from _of_place(inner, name, below, below.seen, depth + 1)


def _values(place: Place, name: str) -> str:
    """`integer 2 %, string 98 %: 1 to 20 chars, uuid`."""
    total = sum(place.kinds.values())
    kinds = [
        kind if count == total else f"{kind} {percent(count, total)}" for kind, count in _counts(place.kinds).items()
    ]
    told = [", ".join(kinds) or "/".join(place.declared) or "never a value"]
    formats = [
        one if count == total else f"{one} {percent(count, total)}" for one, count in _counts(place.formats).items()
    ]
    told += formats
    low, high = place.lowest_integer, place.highest_integer
    if low is not None and not is_personal(Place(formats=place.formats), snake(name)):
        told.append(f"{low} to {high}")
    if place.longest is not None and not formats:
        told.append(f"{place.shortest} to {place.longest} chars")
    if place.most is not None:
        told.append(f"{place.fewest} to {place.most} elements")
    if place.each is not None:
        told.append(f"{place.names.count} names")
    return ", ".join(told)
