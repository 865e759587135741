"""A crawl's findings -> raw fields and curated columns, before they are written down as a contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sluice.catalog.draft_times import Time, time_of
from sluice.catalog.draft_types import EXACT_IN_DOUBLE, JSON, fits_bigint, kinds_of, raw_type
from sluice.catalog.findings import NOT_FINITE, Found, Place
from sluice.catalog.names import column_names, folded, snake, unique
from sluice.contract.fields import raw_name_problem
from sluice.contract.types import SparkType, parse_type, quoted

MOST_FIELDS = 500
_LONGEST_EXPRESSION = 20_000


@dataclass
class Drafted:
    """A proposed curated column and what it is made of: the path of raw names, and the place a crawl found there.

    `conversion` says for people what is done to the value, `expression` is None where the raw field is taken as it is.
    """

    name: str
    path: tuple[str, ...]
    place: Place
    type: SparkType
    expression: str | None = None
    conversion: str = ""
    partitioned: bool = False
    always: bool = False


@dataclass
class Sketch:
    """Raw fields by name with their types, curated columns in order, and what to tell about both."""

    raw: dict[str, SparkType] = field(default_factory=dict)
    columns: list[Drafted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    flattened: set[str] = field(default_factory=set)


def sketch(found: Found, flatten: Collection[str] = ()) -> Sketch:
    """What a contract for `found` would say; structs at the paths in `flatten` become columns of their own."""
    made = Sketch()
    _take_fields(found, made)
    if not made.raw:
        # A contract needs a field: one that no record has does no harm.
        made.raw["value"] = parse_type(JSON)
        made.notes.append("no field was found that a contract can name: `value` stands in, all else is in _rescued")
    places = {name: found.root.members.get(name, Place()) for name in made.raw}
    leaves = [leaf for name in made.raw for leaf in _leaves((name,), made.raw[name], places[name], flatten, made)]
    names = column_names([path for path, _, _ in leaves], made.raw)
    likely = {one.path for one in found.times}
    for name, (path, type_, place) in zip(names, leaves, strict=True):
        column = Drafted(name, path, place, type_, always=_always(found, path))
        made.columns += _converted(column, path in likely, names, made)
    _partition(found, made)
    return made


def _take_fields(found: Found, made: Sketch) -> None:
    """Raw fields, the more frequent first where two differ only in case; what has no place in a contract is told."""
    root = found.root
    if root.free_form:
        made.notes.append("names of fields are data here (each record has its own): they are kept in _rescued")
    taken: dict[str, str] = {}
    for name in sorted(root.members, key=lambda one: -root.members[one].seen):
        problem = raw_name_problem(name)
        if (other := taken.get(folded(name))) is not None:
            problem = f"differs from `{other}` only in case, which Spark does not tell apart"
        if problem is None and len(made.raw) >= MOST_FIELDS:
            problem = f"is beyond the {MOST_FIELDS} fields that a draft names"
        if problem is not None:
            made.notes.append(f"the field {name[:60]!r} is kept in _rescued: {problem}")
            continue
        taken[folded(name)] = name
        made.raw[name] = parse_type(raw_type(root.members[name], found.format))
    order = {name: place for place, name in enumerate(root.members)}
    made.raw = {name: made.raw[name] for name in sorted(made.raw, key=order.__getitem__)}


def _leaves(
    path: tuple[str, ...], type_: SparkType, place: Place, flatten: Collection[str], made: Sketch
) -> Iterator[tuple[tuple[str, ...], SparkType, Place]]:
    """What becomes a column each: the field, or the fields of a struct that is to be flattened."""
    dotted = ".".join(path)
    if dotted not in flatten or type_.kind != "struct":
        yield path, type_, place
        return
    made.flattened.add(dotted)
    for name, inner in type_.fields:
        yield from _leaves((*path, name), inner, place.members[name], flatten, made)


def _converted(column: Drafted, likely: bool, names: Sequence[str], made: Sketch) -> Iterator[Drafted]:
    """The column with its expression; before it, of what an instant cannot hold to the last digit, the instant."""
    raw = column.type
    source = sql_name(column.path)
    time = None if raw.kind not in ("string", "bigint") else time_of(column.place, column.name, source, likely)
    if time is not None and time.exact:
        yield _timed(column, time)
        return
    if time is not None:
        free = {*names, *(one.name for one in made.columns), *(folded(name) for name in made.raw)}
        yield _timed(replace(column, name=unique(f"{column.name}_time", lambda name: name not in free)), time)
    column = replace(column, type=parse_type(raw.ddl))
    if raw.kind == JSON and (cast := _of_mixture(column.place, source)) is not None:
        type_, expression, conversion = cast
        yield replace(column, type=parse_type(type_), expression=expression, conversion=conversion)
        return
    if column.path != (column.name,):
        column = replace(column, expression=source)
    yield replace(column, conversion="the JSON text" if raw.kind == JSON else column.conversion)


def _timed(column: Drafted, time: Time) -> Drafted:
    if len(time.expression) > _LONGEST_EXPRESSION:
        return column
    return replace(column, type=parse_type(time.type), expression=time.expression, conversion=f"from {time.told}")


def _of_mixture(place: Place, source: str) -> tuple[str, str, str] | None:
    """Type, expression and words for numbers that are sometimes text, and for integers beyond 64 bits."""
    kinds, texts = kinds_of(place), place.kinds["string"]
    text = f"""trim(BOTH '"' FROM {source})"""
    bounds = [abs(bound) for bound in (place.lowest_integer, place.highest_integer) if bound is not None]
    if place.cut or not kinds:
        return None
    if place.formats[NOT_FINITE] and kinds == {"number"}:
        return "double", f"TRY_CAST({text} AS DOUBLE)", "NaN or infinite now and then"
    if kinds == {"integer", "string"} and place.formats["integer_text"] == texts and fits_bigint(place):
        return "bigint", f"TRY_CAST({text} AS BIGINT)", "sometimes text"
    if kinds == {"integer"} and max(len(str(bound)) for bound in bounds) <= 38:
        return "decimal(38,0)", f"TRY_CAST({source} AS DECIMAL(38,0))", "beyond 64 bits"
    short = (place.longest or 0) <= 15 and all(bound <= EXACT_IN_DOUBLE for bound in bounds) and not place.inexact
    numbers = place.formats["integer_text"] + place.formats["number_text"]
    if {"string"} < kinds <= {"integer", "number", "string"} and numbers == texts and short:
        highest = max(abs(one) for one in (place.lowest_number, place.highest_number, Decimal(0)) if one is not None)
        return ("double", f"TRY_CAST({text} AS DOUBLE)", "sometimes text") if highest < 1e300 else None
    return None


def _always(found: Found, path: tuple[str, ...]) -> bool:
    """Whether every record that was looked at has a value there."""
    place = found.root
    for name in path:
        if place.seen != found.records or place.nulls or (place is not found.root and kinds_of(place) != {"object"}):
            return False
        place = place.members.get(name, Place())
    return bool(found.records) and place.seen == found.records and not place.nulls


def _partition(found: Found, made: Sketch) -> None:
    """The day of the likeliest time that every record has, as the last column; none where there is no such time."""
    ranked = {one.path: -one.score for one in found.times}
    times = [one for one in made.columns if one.type.kind in ("timestamp", "date") and one.always]
    times.sort(key=lambda one: (ranked.get(one.path, 0.0), one.type.kind == "date", len(one.path)))
    if not times:
        return
    best = times[0]
    if best.type.kind == "date":
        best.partitioned = len(made.columns) > 1
        return
    taken = {*(one.name for one in made.columns), *(folded(name) for name in made.raw)}
    base = snake(best.name)
    for ending in ("_at", "_time", "_timestamp", "_ts"):
        base = base.removesuffix(ending)
    name = "event_date" if base in ("time", "timestamp", "ts", "date", "at") else f"{base}_date"
    day = Drafted(
        name=unique(name, lambda one: one not in taken),
        path=best.path,
        place=best.place,
        type=parse_type("date"),
        expression=f"to_date({sql_name((best.name,))})",
        conversion=f"the day of {best.name} (UTC)",
        partitioned=True,
        always=True,
    )
    made.columns.insert(made.columns.index(best) + 1, day)


def sql_name(path: Sequence[str]) -> str:
    """A path as an expression names it: in backquotes where a word is not plainly a name."""
    return ".".join(_plain(part) for part in path)


def _plain(name: str) -> str:
    try:
        plain = quoted(name) == name and isinstance(sqlglot.parse_one(name, read="spark"), exp.Column)
    except SqlglotError:
        plain = False
    return name if plain and name.lower() not in _SPARK_WORDS else f"`{name}`"


# Words that only Spark takes for something else where a value may stand.
_SPARK_WORDS = frozenset("anti at cross date exists interval left right semi timestamp time user".split())
