"""Records -> a place for each of their fields, exactly; by batches, since columns are profiled faster than values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sluice.catalog.findings import NOT_FINITE, Place
from sluice.catalog.formats import epoch_of, format_of
from sluice.catalog.merging import DEEPEST, MOST_PLACES, TOO_DEEP, Room, collapse_if_wide, greatest, least, places
from sluice.quality.masking import masked_text

# Digits that a 64-bit double surely holds, and exponents at which it does.
_SAFE_DIGITS, _SAFE_EXPONENT = 15, 290
_MOST_DIGITS = 400


class Number(str):
    """A JSON number with a fraction or an exponent, as it is written."""

    __slots__ = ()


class Profile:
    """Takes records, which are dicts of what JSON, CSV or Parquet hold, into `root`; `members` counts their names."""

    def __init__(self, root: Place | None = None) -> None:
        self.root = Place() if root is None else root
        self._room = Room(MOST_PLACES - places(self.root))
        self.members = 0

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """The next records: dicts, and lists, strings, bools, ints, Numbers, floats, dates, ... in them."""
        self._add(self.root, records, 0)

    def add_hashes(self, records: Iterable[bytes]) -> None:
        """The same records as bytes: how many are there twice tells what to expect of a key."""
        self.root.values.known = None
        self.root.values.add_bytes(Counter(records))

    def _add(self, place: Place, values: Sequence[Any], depth: int) -> None:
        types = Counter(map(type, values))
        place.seen += len(values)
        for kind, count in types.items():
            some: Any = values if count == len(values) else [value for value in values if type(value) is kind]
            if kind is str:
                _add_strings(place, some)
            elif kind is int:
                _add_integers(place, some)
            elif kind is Number or kind is float or kind is Decimal:
                _add_numbers(place, Counter(some))
            elif kind is type(None):
                place.nulls += count
            elif kind is bool:
                _count(place, "boolean", count, {"true": sum(some), "false": count - sum(some)})
            elif issubclass(kind, Mapping):
                self._add_objects(place, some, depth)
            elif issubclass(kind, list):
                self._add_arrays(place, some, depth)
            else:
                _add_others(place, some)

    def _add_objects(self, place: Place, objects: Sequence[Mapping[str, Any]], depth: int) -> None:
        _count(place, "object", len(objects))
        self.members += sum(map(len, objects))
        if depth >= DEEPEST:
            place.cut = max(place.cut, TOO_DEEP) if any(objects) else place.cut
            return
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for one in objects:
            for name, value in one.items():
                columns[name].append(value)
        for name, values in columns.items():
            if place.each is not None:
                place.names.add({name: len(values)})
                self._add(place.each, values, depth + 1)
                continue
            member = place.members.get(name) or self._room.place(place)
            if member is not None:
                place.members[name] = member
                self._add(member, values, depth + 1)
                collapse_if_wide(place, self._room, depth)

    def _add_arrays(self, place: Place, arrays: Sequence[list[Any]], depth: int) -> None:
        _count(place, "array", len(arrays))
        lengths = list(map(len, arrays))
        place.fewest, place.most = least(place.fewest, min(lengths)), greatest(place.most, max(lengths))
        elements = [element for one in arrays for element in one]
        if not elements:
            return
        if depth >= DEEPEST:
            place.cut = max(place.cut, TOO_DEEP)
            return
        if place.element is None:
            place.element = self._room.place(place)
        if place.element is not None:
            self._add(place.element, elements, depth + 1)


def _count(place: Place, kind: str, count: int, texts: Mapping[str, int] | None = None) -> None:
    place.kinds[kind] += count
    if texts is not None:
        place.values.know(None)
        place.values.add({text: many for text, many in texts.items() if many})


def _add_strings(place: Place, strings: Iterable[str]) -> None:
    texts = Counter(strings)
    place.kinds["string"] += texts.total()
    lengths = list(map(len, texts))
    place.shortest, place.longest = least(place.shortest, min(lengths)), greatest(place.longest, max(lengths))
    formats = place.formats
    for text, count in texts.items():
        if found := format_of(text):
            formats[found] += count
    place.values.know(texts)
    place.values.add(texts, masked_text)


def _add_integers(place: Place, values: Iterable[int]) -> None:
    counts = Counter(values)
    place.kinds["integer"] += counts.total()
    low, high = min(counts), max(counts)
    place.lowest_integer = least(place.lowest_integer, low)
    place.highest_integer = greatest(place.highest_integer, high)
    epoch = epoch_of(low)
    if epoch and epoch == epoch_of(high):
        place.formats[epoch] += counts.total()
    elif high >= 0:
        for value, count in counts.items():
            if found := epoch_of(value):
                place.formats[found] += count
    place.values.know(counts)
    place.values.add({str(value): count for value, count in counts.items()}, masked_text)


def _add_numbers(place: Place, counts: Counter[Any]) -> None:
    """Numbers as written, or the floats and decimals of typed files."""
    place.kinds["number"] += counts.total()
    texts: Counter[str] = Counter()
    for value, count in counts.items():  # NaN is unlike itself, so there may be many
        texts[str(value)] += count
    finite: list[Decimal] = []
    for text, count in texts.items():
        try:
            number = Decimal(text)
        except InvalidOperation:  # an exponent of more digits than even a Decimal has
            place.inexact += count
            place.digits = max(place.digits, _MOST_DIGITS)
            continue
        if not number.is_finite():
            place.formats[NOT_FINITE] += count
            continue
        finite.append(number)
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        place.digits = max(place.digits, min(max(len(digits) + exponent, 0), _MOST_DIGITS))
        place.scale = max(place.scale, min(max(-exponent, 0), _MOST_DIGITS))
        safe = len(digits) <= _SAFE_DIGITS and abs(exponent) <= _SAFE_EXPONENT
        if not safe and Decimal(repr(float(number))) != number:
            place.inexact += count
    if finite:
        place.lowest_number = least(place.lowest_number, min(finite))
        place.highest_number = greatest(place.highest_number, max(finite))
    place.values.know(None)
    place.values.add(texts, masked_text)


def _add_others(place: Place, values: Sequence[Any]) -> None:
    """Days, instants and bytes, which only typed files have; a time of day is its text."""
    if isinstance(values[0], datetime | date):
        kind = "timestamp" if isinstance(values[0], datetime) else "date"
        instants = [_instant(value) for value in values]
        place.earliest = least(place.earliest, min(instants))
        place.latest = greatest(place.latest, max(instants))
        _count(place, kind, len(values))
        place.values.know(None)
        place.values.add(Counter(map(str, values)), masked_text)
    elif isinstance(values[0], bytes):
        _count(place, "binary", len(values), Counter(one.hex() for one in values))
    else:
        _add_strings(place, map(str, values))


def _instant(value: date) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC)
