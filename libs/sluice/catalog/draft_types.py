"""The raw type in which all values of a place fit exactly, and `json`, their text, where no one type does."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from sluice.catalog.findings import FINER, NOT_FINITE, Place
from sluice.catalog.names import folded
from sluice.contract.types import SparkType, TypeTextError, parse_type, quoted

JSON = "json"
LARGEST_INTEGER = (1 << 63) - 1
EXACT_IN_DOUBLE = 1 << 53
_LARGEST_DOUBLE = Decimal("1.7976931348623157e308")
_DEEPEST = 12
_LEAVES = 1_000
_DIGITS = 38
_INTEGERS = ("tinyint", "smallint", "int", "bigint")
# What neither Delta's writers nor our own reader take in a name.
_NOT_IN_NAMES = frozenset(' ,;{}()\n\t=`"\\')


def raw_type(place: Place, format_: str = "json") -> str:
    """The raw type of a field; its JSON text where a contract has none for the type."""
    if format_ == "csv":
        return _of_cells(place)
    if format_ in ("parquet", "delta"):  # Delta is told of in drift alone
        return _of_declared(place)
    found = _type(place, _DEEPEST)
    return found if _leaves(found) <= _LEAVES else JSON


def kinds_of(place: Place) -> set[str]:
    """The kinds of values that were met here, null apart."""
    return {kind for kind, count in place.kinds.items() if count}


def fits_bigint(place: Place) -> bool:
    """Whether all integers met here fit 64 bits."""
    low, high = place.lowest_integer or 0, place.highest_integer or 0
    return low >= -LARGEST_INTEGER - 1 and high <= LARGEST_INTEGER


def _type(place: Place, deeper: int) -> str:
    kinds = kinds_of(place)
    if place.cut or not kinds or not deeper:
        return JSON
    if kinds == {"string"}:
        return "string"
    if kinds == {"boolean"}:
        return "boolean"
    if kinds <= {"integer", "number"}:
        return _number(place, kinds)
    if kinds == {"array"} and place.element is not None and (place.most or 0):
        return f"array<{_type(place.element, deeper - 1)}>"
    if kinds == {"object"}:
        return _object(place, deeper)
    return JSON


def _number(place: Place, kinds: set[str]) -> str:
    if kinds == {"integer"}:
        return "bigint" if fits_bigint(place) else JSON
    bounds = (place.lowest_integer, place.highest_integer)
    if any(bound is not None and abs(bound) > EXACT_IN_DOUBLE for bound in bounds):
        return JSON
    numbers = (place.lowest_number, place.highest_number)
    if any(bound is not None and not abs(bound) <= _LARGEST_DOUBLE for bound in numbers):
        return JSON
    if not place.inexact:
        return "double"
    digits = max(place.digits, *(len(str(abs(bound or 0))) for bound in bounds))
    return f"decimal({_DIGITS},{place.scale})" if digits + place.scale <= _DIGITS else JSON


def _object(place: Place, deeper: int) -> str:
    if place.each is not None:
        inner = _type(place.each, deeper - 1)
        return JSON if inner == JSON or inner.startswith("struct") else f"map<string,{inner}>"
    names = Counter(map(folded, place.members))
    if not names or max(names.values()) > 1 or not all(map(_fit_for_struct, place.members)):
        return JSON
    inner = ",".join(f"{quoted(name)}:{_type(member, deeper - 1)}" for name, member in place.members.items())
    return f"struct<{inner}>"


def _fit_for_struct(name: str) -> bool:
    return 0 < len(name) <= 255 and name.isprintable() and not _NOT_IN_NAMES & set(name)


def _leaves(text: str) -> int:
    return sum(1 for one in parse_type(text).walk() if not (one.fields or one.parts))


def _of_cells(place: Place) -> str:
    """A cell that is not always of one kind is kept as its text."""
    kinds = kinds_of(place)
    if kinds == {"boolean"}:
        return "boolean"
    if kinds and kinds <= {"integer", "number"}:
        found = _number(place, kinds)
        return "string" if found == JSON else found
    return "string"


def _of_declared(place: Place) -> str:
    """One type for all that the files declare, or the values' JSON text where there is none that takes all of them."""
    types: list[SparkType] = []
    for text in place.declared:
        try:
            types.append(parse_type(text))
        except TypeTextError:
            return JSON
    kinds = {one.kind for one in types}
    if kinds == {"timestamp"} and place.formats[FINER]:
        return "string"
    if kinds & {"float", "double"} and place.formats[NOT_FINITE]:
        return JSON
    if len({one.text for one in types}) == 1:
        return types[0].text
    if kinds and kinds <= set(_INTEGERS):
        return max(kinds, key=_INTEGERS.index)
    return "double" if kinds == {"float", "double"} else JSON
