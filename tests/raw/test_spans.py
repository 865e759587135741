"""The cutting of streams into records, against a plain copy of the rule."""

from __future__ import annotations

import hashlib
import io
from typing import Any

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
