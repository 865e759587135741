"""Compare two versions of a contract: what changed, what it does to data and readers, which number must rise.

A number rises for readers of the table and for records that land, whichever of the two is hit harder:

=======================================================  ======  ======================================================
change                                                   rises   because
=======================================================  ======  ======================================================
descriptions, classification, any other text             patch   the data stays what it is
an expression written otherwise that parses the same     patch   the same
raw field added                                          minor   it is no longer rescued; what is of another type goes
                                                                 to quarantine
raw type widened (int -> bigint, more digits, a struct   minor   what was taken still is, with the same value
with more fields)
raw field gone, any other raw type, format or dialect    major   records that were taken are refused or lose values
column added that is neither required, key, partition    minor   rows that are there read NULL
column added that is                                     major   rows that are there do not have it
column's struct gains a field, at any depth              minor   rows that are there read NULL in it
column gone (a renamed one, too), its type changed       major   queries break, and the table cannot change in place
required added                                           major   records that were taken are refused
required taken away                                      major   readers may meet NULL where there was none
key or partition added, gone, at another position        major   rows lie, and replace each other, otherwise
expression of a key, partition or `newestBy` column      major   the same
expression or sources of another column                  minor   other values from now on, under the same name and type
a name in an expression means another column now         as its expression
columns in another order                                 minor   the table that is there keeps its own
keep, newestBy, recordFilters                            major   other rows stay
windows or source of an analysis                         major   its rows tell of something else
unknownFields to `reject`, a lower limit                 major   records that were taken are refused
unknownFields to another, a higher limit                 minor   records that were refused are taken
a name added to evolveColumns                            minor   it may become a nullable column
a name taken out of evolveColumns                        major   its column is gone
a field is enriched, or otherwise than before            minor   other values from now on, where there were none
a field is no longer enriched                            major   records that were taken are refused, or columns are
                                                                 NULL that were filled
=======================================================  ======  ======================================================

In major version 0, which promises nothing yet, a minor stands for a major. This is also what a table can take: patch
and minor change it in place, major does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.contract.model import Column, Contract
from sluice.contract.types import SparkType, TypeTextError, parse_type

Rise = Literal["patch", "minor", "major"]
ORDER: tuple[Rise, ...] = ("patch", "minor", "major")
_INTEGERS = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class Change:
    """`place` as in `column country`; `what` changed; the number it `rises` and the reason."""

    place: str
    what: str
    rises: Rise
    because: str


def compare(before: Contract, after: Contract) -> list[Change]:
    """All changes from `before` to `after`, as the module's table says; in the order of the contract."""
    return [*_raw(before, after), *_columns(before, after), *_settings(before, after)]


def needed(changes: Sequence[Change]) -> Rise | None:
    """The number that must rise; None where nothing changed."""
    return max((change.rises for change in changes), key=ORDER.index, default=None)


def rise(before: str, after: str) -> Rise | None:
    """Which number is higher in `after` (`1.2.0`, `1.3.0` -> minor); None where the version is the same or lower."""
    old, new = (tuple(map(int, version.split("."))) for version in (before, after))
    if new <= old:
        return None
    return "major" if new[0] > old[0] else "minor" if new[1] > old[1] else "patch"


def enough(before: str, after: str, wanted: Rise | None) -> bool:
    """Whether the version rose as much as `wanted`. In major version 0 a minor is enough for a major."""
    found = rise(before, after)
    if wanted is None:
        return found is not None or before == after
    if wanted == "major" and before.startswith("0."):
        wanted = "minor"
    return found is not None and ORDER.index(found) >= ORDER.index(wanted)


def _raw(before: Contract, after: Contract) -> Iterator[Change]:
    yield from _format(before, after)
    old, new = ({field.name: field for field in contract.raw} for contract in (before, after))
    for name, field in old.items():
        place = f"raw field {name}"
        if name not in new:
            yield Change(place, "gone", "major", "its values are unknown fields now")
            continue
        was, is_ = field.type, new[name].type
        if was != is_:
            wider = _widens(was, is_)
            why = "what was taken still is" if wider else "records that were taken may be refused, or read otherwise"
            yield Change(place, f"{was} -> {is_}", "minor" if wider else "major", why)
        if field.classification != new[name].classification:
            yield Change(place, "classification", "patch", "the data stays what it is")
    for name, field in new.items():
        if name not in old:
            yield Change(f"raw field {name}", f"added, {field.type}", "minor", "it is no longer an unknown field")


def _format(before: Contract, after: Contract) -> Iterator[Change]:
    why = "source objects are read otherwise"
    old, new = before.csv, after.csv
    if before.raw_format != after.raw_format:
        yield Change("raw", f"{before.raw_format} -> {after.raw_format}", "major", why)
    elif old != new:
        yield Change("setting csv", f"{old} -> {new}", "major", why)
    elif new is not None and not new.header:
        names, now = ([field.name for field in contract.raw] for contract in (before, after))
        if names != now[: len(names)]:
            yield Change("raw", "fields in another order", "major", "without a header, cells are told by their place")


def _widens(before: str, after: str) -> bool:
    try:
        return _takes(parse_type(before), parse_type(after))
    except TypeTextError:
        return False


def _takes(old: SparkType, new: SparkType, exactly: bool = False) -> bool:
    """Whether every value of `old` is one of `new`, the same in every expression that does not ask for its type.

    `exactly`: scalars stay what they are, as those of a table must; structs may gain fields all the same.
    """
    if old.kind == new.kind == "struct":
        there = dict(new.fields)
        return all(name in there and _takes(type_, there[name], exactly) for name, type_ in old.fields)
    if old.kind == new.kind and old.parts:
        return all(_takes(a, b, exactly) for a, b in zip(old.parts, new.parts, strict=True))
    if old.kind in _INTEGERS and new.kind in _INTEGERS and not exactly:
        return _INTEGERS.index(old.kind) <= _INTEGERS.index(new.kind)
    if old.kind == new.kind == "decimal" and not exactly:
        (p, s), (q, t) = (_digits(one) for one in (old, new))
        return t >= s and q - t >= p - s
    return old.text == new.text


def _digits(found: SparkType) -> tuple[int, int]:
    precision, scale = found.text.removeprefix("decimal(").removesuffix(")").split(",")
    return int(precision), int(scale)


def _columns(before: Contract, after: Contract) -> Iterator[Change]:
    old, new = ({column.name: column for column in contract.columns} for contract in (before, after))
    meant_before, meant_after = _meanings(before), _meanings(after)
    for name, column in old.items():
        if name not in new:
            yield Change(f"column {name}", "gone", "major", "queries that name it break")
            continue
        other = meant_before[name] != meant_after[name]
        weighty = name in (before.newest_by, after.newest_by)
        yield from _column(column, new[name], other, weighty)
    for name, column in new.items():
        if name not in old:
            yield _added(column)
    kept_before, kept_after = [name for name in old if name in new], [name for name in new if name in old]
    if kept_before != kept_after:
        yield Change("columns", "in another order", "minor", "the table that is there keeps its own order")


def _added(column: Column) -> Change:
    place = f"column {column.name}"
    if column.key_position is not None or column.partition_position is not None:
        return Change(place, "added, key or partition", "major", "rows that are there do not have it")
    if column.required:
        return Change(place, "added, required", "major", "rows that are there do not have it, and records may lack it")
    return Change(place, f"added, {column.type}", "minor", "rows that are there read NULL")


def _column(old: Column, new: Column, other_meaning: bool, weighty: bool) -> Iterator[Change]:
    place = f"column {old.name}"
    if old.type != new.type:
        gains = _takes(parse_type(old.type), parse_type(new.type), exactly=True)
        why = "rows that are there read NULL in it" if gains else "readers get another type, the table keeps its own"
        yield Change(place, f"{old.type} -> {new.type}", "minor" if gains else "major", why)
    if old.required != new.required:
        why = "records that were taken are refused" if new.required else "readers may meet NULL where there was none"
        yield Change(place, f"required: {str(new.required).lower()}", "major", why)
    for what, was, is_ in (
        ("partition", old.partition_position, new.partition_position),
        ("key", old.key_position, new.key_position),
    ):
        if was != is_:
            yield Change(place, f"{what} position {was} -> {is_}", "major", f"rows have another {what}")
    placing = weighty or any(one.partition_position is not None or one.key_position is not None for one in (old, new))
    by: Rise = "major" if placing else "minor"
    why = "it decides where rows lie and which stay" if placing else "other values from now on"
    if old.expression != new.expression and _same_meaning(old.expression, new.expression):
        yield Change(place, "expression written otherwise", "patch", "it parses the same")
    elif old.expression != new.expression:
        yield Change(place, "another expression", by, why)
    elif other_meaning:
        yield Change(place, "a name in its expression means another column or field", by, why)
    elif old.sources != new.sources:
        yield Change(place, "other sources", by, "another NULL is a fault")
    if (old.classification, old.description) != (new.classification, new.description):
        yield Change(place, "description or classification", "patch", "the data stays what it is")


def _same_meaning(before: str | None, after: str | None) -> bool:
    import sqlglot
    from sqlglot.errors import SqlglotError

    if before is None or after is None:
        return False
    try:
        return sqlglot.parse_one(before, read="spark") == sqlglot.parse_one(after, read="spark")
    except (SqlglotError, RecursionError):
        return False


def _meanings(contract: Contract) -> dict[str, set[tuple[str, bool]]]:
    """By column, what each name in its expression is: (name, whether it is an earlier column)."""
    from sluice.contract.expressions import check_expression
    from sluice.contract.scope import Named, Scope

    scope = Scope((Named(field.name, parse_type(field.type)) for field in contract.raw), "")
    found: dict[str, set[tuple[str, bool]]] = {}
    for column in contract.columns:
        checked = check_expression(column.expression or f"`{column.name}`", scope, "")
        found[column.name] = {(root.name.lower(), root.curated) for root in checked.roots.values()}
        scope.add(Named(column.name, parse_type(column.type), curated=True))
    return found


def _settings(before: Contract, after: Contract) -> Iterator[Change]:
    def changed(name: str, was: Any, is_: Any, rises: Rise, why: str) -> Iterator[Change]:
        if was != is_:
            yield Change(f"setting {name}", f"{was} -> {is_}", rises, why)

    yield from changed("keep", before.keep, after.keep, "major", "other rows of a key stay")
    yield from changed("newestBy", before.newest_by, after.newest_by, "major", "other rows of a key stay")
    yield from changed("analysis", before.windows, after.windows, "major", "its rows tell of other windows")
    if before.filters != after.filters:
        yield Change("setting recordFilters", "changed", "major", "other records are data")
    rejects = after.unknown_fields == "reject"
    why = "records that were taken are refused" if rejects else "records that were refused are taken"
    if before.unknown_fields != "reject" and not rejects:
        why = "unknown fields are kept elsewhere"
    by: Rise = "major" if rejects else "minor"
    yield from changed("unknownFields", before.unknown_fields, after.unknown_fields, by, why)
    gone = sorted(set(before.evolve_columns) - set(after.evolve_columns)) if "*" not in after.evolve_columns else []
    why = "columns made of fields go" if gone else "fields of these names become nullable columns"
    named = [", ".join(contract.evolve_columns) or "none" for contract in (before, after)]
    yield from changed("evolveColumns", named[0], named[1], "major" if gone else "minor", why)
    filled = [{field for one in contract.enrich for field, _ in one.fill} for contract in (before, after)]
    if before.enrich != after.enrich:
        lost = sorted(filled[0] - filled[1])
        what = f"no longer fills {', '.join(lost)}" if lost else "fills other fields, or otherwise"
        why = "records that lack them are refused, or their columns NULL" if lost else "other values from now on"
        yield Change("setting enrich", what, "major" if lost else "minor", why)
    for name, was, is_ in (
        ("maxRecordBytes", before.max_record_bytes, after.max_record_bytes),
        ("maxNesting", before.max_nesting, after.max_nesting),
    ):
        lower = is_ < was
        why = "records that were taken are refused" if lower else "records that were refused are taken"
        yield from changed(name, was, is_, "major" if lower else "minor", why)
