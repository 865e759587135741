"""Generated records: columns of values that are alike, or are not, under names that nobody would choose."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

ABSENT = object()
MAX_INT = (1 << 63) - 1
ROWS = 8

HOSTILE = (
    "",
    *(" ", "a b", " lead", "a.b", "a,b", "a;b", "a`b", 'a"b', "a'b", "a\\b", "a\nb", "a\tb", "a=b", "a{b}", "a(b)"),
    *("ü", "日本", "😀", "é", "e\u0301", "ı", "I", "i", "ſ", "s", "K", "k", "ß", "SS", "\u2028", "\x00", "\ufeff"),
    *("order", "Order", "ORDER", "select", "from", "user", "timestamp", "date", "end", "case", "null", "true", "fate"),
    *("_id", "_hash", "_record_hash", "_rescued", "_bad", "__", "_has_1", "id", "Id", "ID", "TweetID2", "tweet_id2"),
    *("1", "2nd", "-", "$ref", "@type", "#", "a-b", "a_b", "raw", "struct<a:int>", "x" * 300, "interval", "exists"),
)  # fmt: skip
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6))

integers = st.one_of(
    st.integers(-3, 3),
    st.integers(-MAX_INT - 1, MAX_INT),
    st.sampled_from([MAX_INT, -MAX_INT - 1, 2**53, 2**53 + 1, -(2**53) - 1, 1511711811, 1511711811679]),
)
beyond = st.one_of(st.integers(MAX_INT + 1, 2**70), st.integers(-(2**70), -MAX_INT - 2), st.integers(10**37, 10**40))
# A day from the ends, or a zone would lead beyond them.
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
floats = st.floats(allow_nan=False, allow_infinity=False)
texts = st.one_of(st.text(max_size=8), st.sampled_from(["", "NaN", "null", "{}", "'", '"', "\\", "2017-02-30"]))
instants = st.datetimes(FIRST, LAST).map(lambda at: at.replace(tzinfo=UTC))
iso = instants.map(lambda at: at.isoformat().replace("+00:00", "Z"))
days = st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat)
twitter = instants.map(lambda at: f"{at:%a %b %d %H:%M:%S} +0000 {at.year:04d}")
rfc2822 = instants.map(lambda at: f"{at:%a}, {at.day} {at:%b} {at.year:04d} {at:%H:%M:%S} GMT")
offset = st.datetimes(FIRST, LAST).map(lambda at: f"{at.isoformat(' ', 'seconds')}+05:30")
numerals = integers.map(str)
scalars = st.one_of(st.none(), st.booleans(), integers, beyond, floats, texts)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


def objects(of: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Objects that have some of these members, or null ones."""
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in of.items()})


def _alike(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """The values of one column: all of a kind, some of them null or absent."""
    return st.lists(st.one_of(of, of, of, st.none(), st.just(ABSENT)), min_size=ROWS, max_size=ROWS)


def _always(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=ROWS, max_size=ROWS)


structs = st.dictionaries(names, st.sampled_from([integers, floats, texts, scalars, anything, st.lists(integers)]),
                          max_size=4).flatmap(objects)  # fmt: skip
columns = st.one_of(
    *map(_alike, (st.booleans(), integers, beyond, floats, texts, iso, days, twitter, rfc2822, offset, numerals)),
    *map(_alike, (integers | beyond, integers | floats, integers | numerals, floats | numerals, iso | texts, anything)),
    *map(
        _alike, (st.lists(integers, max_size=3), st.lists(scalars, max_size=3), st.lists(structs, max_size=2), structs)
    ),
    *map(
        _alike, (st.just({}), st.just([]), st.none(), st.lists(st.lists(st.none() | integers, max_size=2), max_size=2))
    ),
    *map(_always, (integers, texts, iso, days)),
)


@st.composite
def datasets(draw: st.DrawFn, width: int = 40) -> list[dict[str, Any]]:
    """ROWS records of many fields: each of these is a small dataset by itself, so that few runs try many."""
    given = draw(st.dictionaries(names, columns, min_size=width // 2, max_size=width))
    rows = [{name: values[at] for name, values in given.items() if values[at] is not ABSENT} for at in range(ROWS)]
    return [*rows, *draw(st.just([]) | st.just([{}]))]


def encoded(record: object, ascii_only: bool) -> bytes:
    return json.dumps(record, ensure_ascii=ascii_only).encode()
