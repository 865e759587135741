"""Where what a crawl found and what a contract says differ: fields that are new, gone, of another type, newly null."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sluice.catalog.draft_types import EXACT_IN_DOUBLE, JSON, kinds_of, raw_type
from sluice.catalog.evidence import percent
from sluice.catalog.findings import FINER, NOT_FINITE, Found, Place
from sluice.catalog.names import folded
from sluice.catalog.needed import filtered_at_most, needed_paths, place_at
from sluice.contract.fields import raw_name_problem
from sluice.contract.model import Contract
from sluice.contract.types import SparkType, parse_type

Kind = Literal["new", "gone", "type", "null", "unseen", "rescued", "filtered"]
# Kinds that are told and are no drift: nothing is lost that waits for it, or no contract could say otherwise.
TOLD_ONLY = ("unseen", "rescued", "filtered")
_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}


@dataclass(frozen=True)
class Difference:
    """`path` is a raw field, `user.id` within one, `tags.element` in a list.

    `new`: met, and not in the contract. `gone`: in the contract, in no record looked at, and missed: a required column
    is made of it, or it is a column that tables have and this one has not. `type`: some values are none of the
    contract's type; `share` of those met (0 to 1). `null`: NULL or absent where a required column is made of it, in
    that share of records. `contract` and `found` say what each has.

    Told, and no drift: `unseen`, an optional field that no record looked at has; `rescued`, a field that no contract
    can name; `filtered`, a `null` or a field's other `type` in no more records than record filters may take.
    """

    path: str
    kind: Kind
    contract: str
    found: str
    share: float

    @property
    def drifts(self) -> bool:
        """Whether data and contract differ in it."""
        return self.kind not in TOLD_ONLY

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "share": round(self.share, 6)}


def drift(found: Found, contract: Contract) -> list[Difference]:
    """All differences, in the order of the contract, new fields last; none where every value looked at would be taken.

    What curate rescues counts (`new`), what it refuses counts (`type`, `null`). Record filters are not asked, only how
    many records have what they ask for: a field of filtered records counts as any other.
    """
    if found.format != contract.raw_format and {found.format, contract.raw_format} != {"delta", "parquet"}:
        return [Difference("", "type", contract.raw_format, found.format, 1.0)]
    differences: list[Difference] = []
    needed = needed_paths(contract, found.root) if found.records else set()
    for field in contract.raw:
        place = found.root.members.get(field.name)
        if place is None:
            differences.append(_absent(field.name, field.type, found, needed))
        elif found.format == "csv" and field.type == "string":
            continue  # any cell is text
        else:
            differences += _within(field.name, parse_type(field.type), place, needed)
    most = filtered_at_most(contract, found) if contract.filters else 0
    differences = [_explained(one, found, most) for one in differences]
    differences += _missing(found, contract, most)
    known = {field.name for field in contract.raw}
    cases = {folded(name) for name in known}
    for name, place in found.root.members.items():
        if name not in known:
            share = place.seen / found.records if found.records else 0.0
            kind: Kind = "rescued" if raw_name_problem(name) or folded(name) in cases else "new"
            differences.append(Difference(name, kind, "", raw_type(place, found.format), share))
    return differences


def _absent(path: str, type_: str, found: Found, needed: Collection[str]) -> Difference:
    """A raw field that was not met. All of a table's columns are there in every file; a JSON field need not be."""
    missed = path in needed or (found.format != "json" and found.records > 0)
    return Difference(path, "gone" if missed else "unseen", type_, "", 1.0)


def _within(path: str, type_: SparkType, place: Place, needed: Collection[str]) -> Iterator[Difference]:
    """Differences at a place that is in both, and below."""
    total = sum(place.kinds.values())
    if type_.kind == JSON or not total:
        return
    if place.declared:
        yield from _as_declared(path, type_, place, total)
        return
    wrong = {kind: place.kinds[kind] for kind in kinds_of(place) if not _takes(type_, kind)}
    if wrong:
        kinds = ", ".join(f"{kind} {percent(count, total)}" for kind, count in sorted(wrong.items()))
        yield Difference(path, "type", type_.text, kinds, sum(wrong.values()) / total)
    elif (beyond := _beyond(type_, place)) is not None:
        yield Difference(path, "type", type_.text, beyond, 0.0)
    if type_.kind == "array" and place.element is not None:
        yield from _within(f"{path}.element", type_.parts[0], place.element, needed)
    elif type_.kind == "map":
        for inner in [place.each] if place.each is not None else place.members.values():
            yield from _within(f"{path}.value", type_.parts[1], inner, needed)
    elif type_.kind == "struct":
        yield from _members(path, type_, place, needed)


def _as_declared(path: str, type_: SparkType, place: Place, total: int) -> Iterator[Difference]:
    """Where a contract's type does not take what files declare, or the few values of that which it does not hold."""
    if type_.kind == "string" and place.declared.keys() <= {"string", "date", "timestamp", "binary"}:
        return  # days and instants have a text
    one = set(place.declared) if len(place.declared) == 1 else set()
    if type_.text not in {*one, raw_type(place, "parquet")}:
        yield Difference(path, "type", type_.text, ", ".join(sorted(place.declared)), 1.0)
        return
    for format_, told in ((NOT_FINITE, "NaN or infinite"), (FINER, "finer than microseconds")):
        if place.formats[format_]:
            share = place.formats[format_] / total
            yield Difference(path, "type", type_.text, f"{told} {percent(place.formats[format_], total)}", share)


def _members(path: str, type_: SparkType, place: Place, needed: Collection[str]) -> Iterator[Difference]:
    known, objects = dict(type_.fields), place.kinds["object"]
    if place.each is not None:
        yield Difference(path, "type", type_.text, f"{place.names.count} names, which are data", 0.0)
        return
    for name, inner in known.items():
        if name not in place.members:
            kind: Kind = "gone" if f"{path}.{name}" in needed else "unseen"
            yield Difference(f"{path}.{name}", kind, inner.text, "", 1.0)
        else:
            yield from _within(f"{path}.{name}", inner, place.members[name], needed)
    for name, member in place.members.items():
        if name not in known:
            yield Difference(f"{path}.{name}", "new", "", raw_type(member), member.seen / max(objects, 1))


def _takes(type_: SparkType, kind: str) -> bool:
    expected: Mapping[str, Sequence[str]] = {
        "string": ("string",),
        "boolean": ("boolean",),
        "array": ("array",),
        "struct": ("object",),
        "map": ("object",),
        "date": ("date",),
        "timestamp": ("timestamp",),
        "binary": ("binary",),
        **dict.fromkeys(_BITS, ("integer",)),
    }
    return kind in expected.get(type_.kind, ("integer", "number"))


def _beyond(type_: SparkType, place: Place) -> str | None:
    """What numbers there are that the type cannot hold to the last digit."""
    low, high = place.lowest_integer, place.highest_integer
    if type_.kind in _BITS and low is not None and high is not None:
        bound = 1 << (_BITS[type_.kind] - 1)
        return f"integers from {low} to {high}" if low < -bound or high >= bound else None
    if type_.kind in ("double", "float") and low is not None and high is not None:
        return f"integers from {low} to {high}" if max(-low, high) > EXACT_IN_DOUBLE else None
    if type_.kind == "decimal":
        precision, scale = (int(part) for part in type_.text.removeprefix("decimal(").removesuffix(")").split(","))
        whole = max(place.digits, *(len(str(abs(bound))) for bound in (low or 0, high or 0)))
        if place.scale > scale or (whole > precision - scale and whole > 1):
            return f"{whole} digits before the point, {place.scale} behind"
    return None


def _explained(one: Difference, found: Found, most: int) -> Difference:
    """The same as `filtered` where a field is of another type in no more records than filters may take."""
    place = found.root.members.get(one.path)
    if one.kind != "type" or place is None or not 0 < round(one.share * sum(place.kinds.values())) <= most:
        return one
    return replace(one, kind="filtered")


def _missing(found: Found, contract: Contract, most: int) -> Iterator[Difference]:
    """Raw fields, taken as they are by a required column, that some record lacks."""
    for column in contract.columns:
        if not column.required or len(column.sources) != 1 or not found.records:
            continue
        path = column.sources[0]
        place = place_at(found.root, path)
        absent = found.records - sum(place.kinds.values()) if place is not None else 0
        if absent > 0:
            told = f"null or absent in {percent(absent, found.records)} of records"
            told += f", of which filters may take {percent(min(most, absent), found.records)}" if most else ""
            kind: Kind = "filtered" if absent <= most else "null"
            yield Difference(path, kind, f"required by {column.name}", told, absent / found.records)
