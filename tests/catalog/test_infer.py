"""What is inferred is what was there: exactly, in whatever order and parts records are looked at, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.catalog import distinct, infer, merging
from sluice.catalog.distinct import Distinct
from sluice.catalog.findings import Place
from sluice.catalog.formats import epoch_of, format_of
from sluice.catalog.infer import Number, Profile
from sluice.catalog.likely import likely_keys, likely_times, take_names_for_data
from sluice.catalog.merging import MOST_PLACES, merge, places
from sluice.catalog.objects import look_into
from sluice.catalog.partial import Limits, Partial, join
from sluice.catalog.read_json import read_json
from sluice.runtime.storage import LocalStorage

names = st.sampled_from(["a", "b", "A", "c", "d", "e", "2017-01-01", ""])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda one: Number(f"{one}")),
    st.sampled_from(["", "x", "2017-11-26", "2017-11-26T15:00:00Z", "12", "a@b.org", "y" * 70]),
    st.text(max_size=3),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
records = st.lists(st.dictionaries(names, values, max_size=6), max_size=8)


def profiled(*batches: list[dict[str, Any]]) -> Place:
    profile = Profile()
    for batch in batches:
        if batch:
            profile.add(batch)
            profile.add_hashes(json.dumps(one).encode() for one in batch)
    return profile.root


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so low that generated records meet them."""
    for module, name, value in (
        (merging, "MOST_MEMBERS", 2), (merging, "MOST_FIELDS", 4), (merging, "DEEPEST", 3), (infer, "DEEPEST", 3),
        (distinct, "LOWEST", 4), (distinct, "KNOWN", 2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


@given(one=records, other=records, third=records)
def test_the_merge_of_two_profiles_is_the_profile_of_both(
    one: list[dict[str, Any]], other: list[dict[str, Any]], third: list[dict[str, Any]]
) -> None:
    whole = profiled([*one, *other, *third])
    assert merge(profiled(one), profiled(other, third)) == whole
    assert merge(merge(profiled(third), profiled(one)), profiled(other)) == whole


@given(one=records, other=records, third=records)
@example([], [{"a": {"a": False, "b": True, "A": -1}}], [{"a": {"a": 1, "b": 0}}])
def test_merging_stays_exact_where_bounds_are_met(
    narrow: None, one: list[dict[str, Any]], other: list[dict[str, Any]], third: list[dict[str, Any]]
) -> None:
    whole = profiled([*one, *other, *third])
    assert merge(profiled(one), profiled(other, third)) == whole
    assert merge(merge(profiled(third), profiled(one)), profiled(other)) == whole


def _met(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    kinds = {bool: "boolean", int: "integer", Number: "number", str: "string", dict: "object", list: "array"}
    yield path, kinds.get(type(value), "null")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _met(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _met(inner, (*path, "[]"))


def _told(place: Place, path: tuple[str, ...]) -> Iterator[tuple[tuple[tuple[str, ...], str], int]]:
    for kind, count in [*place.kinds.items(), ("null", place.nulls)]:
        if count:
            yield (path, kind), count
    assert place.seen == sum(place.kinds.values()) + place.nulls
    for name, member in place.members.items():
        yield from _told(member, (*path, name))
    if place.element is not None:
        yield from _told(place.element, (*path, "[]"))


@given(some=records)
def test_every_value_is_counted_at_its_place_under_its_kind(some: list[dict[str, Any]]) -> None:
    met = Counter(pair for one in some for pair in _met(one, ()))
    assert dict(_told(profiled(some), ())) == met


def _read(text: bytes, limits: Limits | None = None) -> Partial:
    partial = Partial()
    read_json(io.BytesIO(text).read, limits or Limits(), partial, Profile(partial.root))
    return partial


def test_integers_are_exact_and_told_from_numbers_as_they_are_written() -> None:
    text = b'{"i":9007199254740993,"n":1.0}{"i":-170141183460469231731687303715884105729,"n":1e5}{"i":0,"n":-0.5}'
    root = _read(text).root
    i, n = root.members["i"], root.members["n"]
    assert (i.kinds, i.lowest_integer, i.highest_integer) == ({"integer": 3}, -(2**127) - 1, 2**53 + 1)
    assert (n.kinds, n.digits, n.scale, n.inexact) == ({"number": 3}, 6, 1, 0)
    assert (float(n.lowest_number or 0), float(n.highest_number or 0)) == (-0.5, 100000.0)
    inexact = _read(b'{"n":0.1234567890123456789}{"n":1e999}{"n":0.1}{"n":' + b"7" * 5000 + b"}").root.members["n"]
    assert (inexact.seen, inexact.inexact, inexact.kinds) == (4, 3, {"number": 4})


def test_names_that_differ_by_case_are_apart_and_names_that_are_there_twice_are_counted() -> None:
    text = b'{"id":1,"ID":"x","o":{"a":1,"a":"2"}}\n{"id" : 2,"o":{"a":1},"t":"\\"a\\": :)"}{"id":1,"id":3}'
    root = _read(text).root
    assert {name: place.seen for name, place in root.members.items()} == {"id": 3, "ID": 1, "o": 2, "t": 1}
    assert (root.repeated_names, root.members["o"].repeated_names) == (1, 1)
    assert root.members["o"].members["a"].kinds == {"string": 1, "integer": 1}  # the last one counts
    assert (root.members["id"].highest_integer, root.values.count) == (3, 3)


LAYOUTS = {
    "newline": lambda some: "\n".join(map(json.dumps, some)),
    "back-to-back": lambda some: "".join(map(json.dumps, some)),
    "pretty": lambda some: "\n".join(json.dumps(one, indent=2) for one in some),
    "array": json.dumps,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_tells_the_same_fields(layout: str, packed: bool, tmp_path: Path) -> None:
    some = [{"id": at, "tags": ["a"] * (at % 3), "of": {"x": at / 4, "none": None, "e": {}}} for at in range(50)]
    text = LAYOUTS[layout](some).encode()
    (tmp_path / "o").write_bytes(gzip.compress(text) if packed else text)
    found = look_into(LocalStorage().list(str(tmp_path)), Limits())
    want = profiled([json.loads(json.dumps(one), parse_float=Number) for one in some])
    found.root.values = want.values  # white space within records differs
    assert found.root == want
    assert (found.records, found.damaged, found.layouts) == (50, 0, {layout: 1})
    assert found.compressions == {"gzip" if packed else "none": 1}


def test_damage_is_counted_and_what_our_own_bound_cuts_is_none(tmp_path: Path) -> None:
    lines = [b'{"a": %d, "text": "%s"}\n' % (at, b"x" * 200) for at in range(4000)]
    whole = _read(b"".join([*lines, b"{broken\n", *lines, b'{"a": ']))
    assert (whole.records, whole.damaged) == (8000, 2)
    part = _read(b"".join(lines), Limits(None, 300_000))
    assert 0 < part.records < 4000
    assert (part.damaged, part.cut) == (0, 1)
    assert _read(b"".join(lines), Limits(17)).records == 17


def test_memory_is_bounded_however_many_names_and_levels_there_are() -> None:
    maps = [{"by_user": {f"u{at}-{one}": {"n": one} for one in range(50)}} for at in range(400)]
    by_user = profiled(maps).members["by_user"]
    assert by_user.each is not None
    assert (by_user.members, by_user.each.seen, by_user.each.members["n"].seen) == ({}, 20_000, 20_000)
    assert by_user.names.count == pytest.approx(20_000, rel=0.25)
    wide = {f"a{a}": {f"b{b}": {f"c{c}": 1 for c in range(30)} for b in range(30)} for a in range(30)}
    root = profiled([wide])
    assert places(root) <= MOST_PLACES
    assert any("5000 fields" in place.cut for place in root.members.values())
    other = profiled([{f"other {name}": inner for name, inner in wide.items()}])
    assert places(merge(deepcopy(root), other)) <= MOST_PLACES
    deep: Any = 1
    for _ in range(150):
        deep = {"d": [deep]}
    assert places(profiled([deep])) < 20


def test_a_field_that_is_always_there_once_and_named_like_an_id_is_the_likely_key() -> None:
    some = [
        {"id": f"k{at}", "n": at, "user": {"id": at % 7}, "at": f"2017-11-26T15:00:{at % 60:02d}Z"} for at in range(300)
    ]
    root = profiled([*some, *some[:30]])  # delivered twice
    keys = likely_keys(root, root.seen)
    assert keys[0].path == ("id",)
    assert ("user", "id") not in [one.path for one in keys]
    assert [one.path for one in likely_times(root, root.seen)] == [("at",)]


def test_epochs_are_times_only_in_plausible_ranges() -> None:
    assert [epoch_of(value) for value in (631152000, 1511711811679, 1511711811679000, 10**18 + 5 * 10**17)] == [
        "epoch_seconds", "epoch_millis", "epoch_micros", "epoch_nanos",
    ]  # fmt: skip
    assert [epoch_of(value) for value in (0, 12345, 631151999, 4102444800, 10**20, -1511711811)] == [""] * 6


def test_members_called_by_days_or_ids_are_a_map() -> None:
    root = profiled([{"per_day": {f"2017-11-{day:02d}": {"n": day} for day in range(1, 20)}, "v2": {"a1": 1, "b2": 2}}])
    take_names_for_data(root)
    assert root.members["per_day"].each is not None
    assert root.members["v2"].each is None


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("12", "integer_text"), ("-9223372036854775808", "integer_text"), ("9223372036854775808", ""), ("007", ""),
        ("-0", ""), ("1.50", "number_text"), ("1e5", "number_text"), (".5", ""), ("true", "boolean_text"), ("True", ""),
        ("2017-11-26", "iso_date"), ("2017-02-30", ""), ("2017-11-26Z", ""),
        ("2017-11-26T15:56:51.679Z", "iso_instant"),
        ("2017-11-26 15:56:51+02:00", "iso_instant"), ("2017-11-26T15:56:51", "iso_instant_naive"),
        ("2017-11-26T24:00:00", ""), ("2017-11-26T15:56:60", ""), ("2017-11-26T15:56:51.1234567", ""),
        ("Mon Sep 24 03:35:21 +0000 2012", "twitter_instant"), ("Mon Feb 30 03:35:21 +0000 2012", ""),
        ("Mon, 24 Sep 2012 03:35:21 GMT", "rfc2822_instant"), ("24 Sep 2012 03:35:21 +0200", "rfc2822_instant"),
        ("123e4567-e89b-12d3-a456-426614174000", "uuid"), ("https://example.org/a?b=c", "url"), ("http://", ""),
        ("ann@example.org", "email"), ("ann at example.org", ""), ("", ""), ("٣", ""),
    ],
)  # fmt: skip
def test_a_string_has_a_format_only_where_it_reads_back(text: str, format_: str) -> None:
    assert format_of(text) == format_


def test_few_values_are_counted_exactly_and_many_estimated_with_their_repetitions() -> None:
    few, many = Distinct(), Distinct()
    few.add({f"v{at}": 2 for at in range(100)})
    assert (few.count, few.full, few.repeated) == (100, False, 1.0)
    chance = random.Random(7)
    for start in range(0, 50_000, 500):
        many.add({str(10**9 + at): 1 + (chance.random() < 0.3) for at in range(start, start + 500)})
    assert many.full
    assert many.count == pytest.approx(50_000, rel=0.2)
    assert many.repeated == pytest.approx(0.3, abs=0.1)


def test_examples_are_masked_and_none_is_a_value() -> None:
    root = profiled([{"mail": f"ann{at}@example.org", "n": 4711 + at} for at in range(20)])
    assert {one for name in ("mail", "n") for one in root.members[name].examples} == {
        "xxx0@xxxxxxx.xxx", "xxx00@xxxxxxx.xxx", "0000",
    } & {one for name in ("mail", "n") for one in root.members[name].examples}  # fmt: skip
    assert root.members["n"].examples == ["0000"]


def test_partials_of_parts_are_the_partial_of_all(tmp_path: Path) -> None:
    for at in range(6):
        (tmp_path / f"{at}.json").write_text("".join(f'{{"a": {one}, "b{at}": "x"}}\n' for one in range(at, 90)))
    (tmp_path / "x.csv").write_text("id,name\n1,a\n2,b\n")
    every = list(LocalStorage().list(str(tmp_path)))
    assert join(look_into(every[:3], Limits()), look_into(every[3:], Limits())) == look_into(every, Limits())
