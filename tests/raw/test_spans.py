"""The cutting of streams into records, against a plain copy of the rule."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw.reference_spans import Row, split, streams, tokens
from sluice.contract.model import RawField
from sluice.raw.damage import KEPT_BYTES, Refused
from sluice.raw.fields import decoder, fields_of, row_type
from sluice.raw.judge import Judge
from sluice.raw.spans import Exact, Splitter, Taken

LONGEST, DEEPEST = 16 << 20, 200
FIELDS = fields_of([RawField("a", "bigint"), RawField("b", "string")])
DECODE = decoder(row_type(FIELDS, forbid_unknown=True)).decode


class Trickle:
    """Reads at most `sizes` bytes a time, round and round."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._stream, self._sizes, self._turn = io.BytesIO(data), sizes, 0

    def read(self, size: int) -> bytes:
        self._turn += 1
        return self._stream.read(min(size, self._sizes[self._turn % len(self._sizes)]))


def events(
    data: bytes, longest: int = LONGEST, deepest: int = DEEPEST, window: int = 4 << 20, sizes: list[int] | None = None
) -> list[Any]:
    read = Trickle(data, sizes).read if sizes else io.BytesIO(data).read
    judge = Judge(FIELDS, "rescue", deepest).quick
    return list(Splitter(read, DECODE, judge, longest, deepest, window).events())


def rows(data: bytes, longest: int = LONGEST, deepest: int = DEEPEST, **how: Any) -> list[Row]:
    found: list[Row] = []
    for event in events(data, longest, deepest, **how):
        if isinstance(event, Taken):
            assert len(event.starts) == len(event.spans) == len(event.rows)
            found += [Row(start, span, None) for start, span in zip(event.starts, event.spans, strict=True)]
        elif isinstance(event, Exact):
            found.append(Row(event.start, event.span, None))
        else:
            assert len(event.kept) == min(event.length, KEPT_BYTES)
            if event.length <= KEPT_BYTES:
                assert event.digest == hashlib.sha256(event.kept).digest()[:16]
            found.append(Row(event.start, event.kept, event.rule))
    return found


def refusals(found: list[Any]) -> list[Refused]:
    return [event for event in found if isinstance(event, Refused)]


windows = st.lists(st.integers(1, 64), min_size=1, max_size=3)


@settings(max_examples=900, deadline=None)
@given(streams, windows)
def test_the_streaming_splitter_does_what_the_rule_says(data: bytes, sizes: list[int]) -> None:
    assert rows(data, window=sizes[0], sizes=sizes) == split(data, LONGEST, DEEPEST)


@settings(max_examples=900, deadline=None)
@given(streams)
def test_the_splitter_does_what_the_rule_says_in_one_window(data: bytes) -> None:
    assert rows(data) == split(data, LONGEST, DEEPEST)


@settings(max_examples=900, deadline=None)
@given(streams | tokens, windows, st.integers(1, 40), st.integers(1, 5))
def test_the_largest_record_and_the_deepest_nesting_are_part_of_the_rule(
    data: bytes, sizes: list[int], longest: int, deepest: int
) -> None:
    assert rows(data, longest, deepest, window=sizes[0], sizes=sizes) == split(data, longest, deepest)


@settings(max_examples=500, deadline=None)
@given(streams, windows, st.integers(1, 40), st.integers(1, 5))
def test_messages_do_not_depend_on_windows(data: bytes, sizes: list[int], longest: int, deepest: int) -> None:
    whole = refusals(events(data, longest, deepest))
    assert refusals(events(data, longest, deepest, window=sizes[0], sizes=sizes)) == whole


# What lands, and the rows it must make: records as they are, and refused spans with a letter for the reason.
NAMED: dict[str, tuple[bytes, list[tuple[str, bytes]]]] = {
    "back to back": (b'{"a":1}{"a":2}', [("", b'{"a":1}'), ("", b'{"a":2}')]),
    "the cut in a string": (b'{"b":"}{"}{"b":"} \\n {"}', [("", b'{"b":"}{"}'), ("", b'{"b":"} \\n {"}')]),
    "an escaped quote before the cut": (b'{"b":"\\"}{\\""}{"a":1}', [("", b'{"b":"\\"}{\\""}'), ("", b'{"a":1}')]),
    "a backslash before the quote": (b'{"b":"\\\\"}{"b":"}"}', [("", b'{"b":"\\\\"}'), ("", b'{"b":"}"}')]),
    "a line separator is a character": (
        '{"b":"a\u2028b"}\u2028{"a":1}'.encode(),
        [("", '{"b":"a\u2028b"}'.encode()), ("m", "\u2028".encode()), ("", b'{"a":1}')],
    ),
    "a tab is white space, a form feed is not": (
        b'{"a":1}\t{"a":2}\x0c{"a":3}',
        [("", b'{"a":1}'), ("", b'{"a":2}'), ("m", b"\x0c"), ("", b'{"a":3}')],
    ),
    "marks between records": (b'\xef\xbb\xbf{"a":1}\xef\xbb\xbf\n{"a":2}', [("", b'{"a":1}'), ("", b'{"a":2}')]),
    "a mark cut short": (b'{"a":1}\xef\xbb', [("", b'{"a":1}'), ("m", b"\xef\xbb")]),
    "the last record cut off": (b'{"a":1}{"a":2', [("", b'{"a":1}'), ("m", b'{"a":2')]),
    "a record cut off in the middle": (b'{"a":1,"b":"x{"a":2}', [("m", b'{"a":1,"b":"x'), ("", b'{"a":2}')]),
    "an object within a damaged one is no record": (
        b'{"a":1,"u":{"a":2},}{"a":3}',
        [("m", b'{"a":1,"u":{"a":2},}'), ("", b'{"a":3}')],
    ),
    "junk between": (b'{"a":1} oops {"a":2}', [("", b'{"a":1}'), ("m", b"oops"), ("", b'{"a":2}')]),
    "a brace too many": (b'{"a":1}}{"a":2}', [("", b'{"a":1}'), ("m", b"}"), ("", b'{"a":2}')]),
    "a brace too few": (b'{"a":1{"a":2}', [("m", b'{"a":1'), ("", b'{"a":2}')]),
    "an empty object is a record, but ends no damage": (b"{}oops{}", [("", b"{}"), ("m", b"oops{}")]),
    "commas are damage in a sequence, and what they lead to": (
        b'{"a":1},{"a":2}\n{"a":3}',
        [("", b'{"a":1}'), ("m", b',{"a":2}'), ("", b'{"a":3}')],
    ),
    "values that are no objects": (
        b'1 {"a":1}"x"{"a":2}[{"a":3}]{"a":4} null',
        [
            ("n", b"1"),
            ("", b'{"a":1}'),
            ("n", b'"x"'),
            ("", b'{"a":2}'),
            ("n", b'[{"a":3}]'),
            ("", b'{"a":4}'),
            ("n", b"null"),
        ],
    ),
    "two values are not one": (b'1 2 {"a":1}', [("m", b"1 2"), ("", b'{"a":1}')]),
    "an array first": (
        b'[{"a":1}, 2, [3], {"a":4},]{"a":5}[6]',
        [("", b'{"a":1}'), ("n", b"2"), ("n", b"[3]"), ("", b'{"a":4}'), ("", b'{"a":5}'), ("n", b"[6]")],
    ),
    "an array first, then a sequence, in which commas are damage": (
        b'[{"a":1}]{"a":2}{"a":3},{"a":4}{"a":5}',
        [("", b'{"a":1}'), ("", b'{"a":2}'), ("", b'{"a":3}'), ("m", b',{"a":4}'), ("", b'{"a":5}')],
    ),
    "damage in an array": (
        b'[{"a":1},{"a":oops},{"a":2}]',
        [("", b'{"a":1}'), ("m", b'{"a":oops},'), ("", b'{"a":2}')],
    ),
    "a number in an array goes as far as its characters": (b"[01,1.,2]", [("m", b"01,1.,2]")]),
    "leniences are off": (
        b'{\'a\':1}{"a":NaN}{"a":01}{"a":1}//x\n{"a":1,}',
        [("m", b'{\'a\':1}{"a":NaN}{"a":01}'), ("", b'{"a":1}'), ("m", b'//x\n{"a":1,}')],
    ),
    "half a surrogate pair": (b'{"b":"\\ud83d"}{"a":1}', [("m", b'{"b":"\\ud83d"}'), ("", b'{"a":1}')]),
    "bytes that are no UTF-8": (b'{"b":"\xff"}{"a":1}', [("m", b'{"b":"\xff"}'), ("", b'{"a":1}')]),
    "no UTF-8 in an unknown field": (b'{"q":"\xff"}{"a":1}', [("m", b'{"q":"\xff"}'), ("", b'{"a":1}')]),
    "any number is JSON": (b'{"a":1e400}{"b":-0.0e-99999}', [("", b'{"a":1e400}'), ("", b'{"b":-0.0e-99999}')]),
}
LETTERS = {None: "", "malformed_json": "m", "not_an_object": "n"}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("window", [1, 2, 3, 7, 4 << 20])
def test_named_streams_make_the_rows_they_must(name: str, window: int) -> None:
    stored, expected = NAMED[name]
    assert [(LETTERS[row.rule], row.span) for row in rows(stored, window=window)] == expected
    assert split(stored, LONGEST, DEEPEST) == rows(stored)


def test_the_fast_way_comes_back_after_damage() -> None:
    stored = b'{"a":1}' * 50 + b"oops" + b'{"a":2}' * 50 + b'{"b":"}{"}' + b'{"a":3}' * 50
    exact = [event for event in events(stored) if isinstance(event, Exact)]
    # The records around the damage, the one that was cut wrongly, and the last one, which nothing follows.
    assert [event.span for event in exact] == [b'{"a":1}', b'{"a":2}', b'{"b":"}{"}', b'{"a":3}']
