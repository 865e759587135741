"""What is kept of bytes that are no record."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw.reference_spans import trimmed
from sluice.raw import damage
from sluice.raw.damage import Damage, Refused
from sluice.raw.scan import Verdict

_MARK_IN_PARTS = [[b"\xef", b"\xbb\xbf"], [b"\xef\xbb", b"\xbf"], [b"\xef", b"\xbb", b"\xbf"], [b"\xef\xbb\xbf"]]
_OTHERS = [[b"x"], [b" "], [b"\n"], [b"\xef"], [b"\xbf"], [b"{"]]
parts = st.lists(st.sampled_from(_MARK_IN_PARTS + _OTHERS)).map(lambda found: [part for some in found for part in some])


def refused(taken: list[bytes], longest: int = 100) -> Refused:
    collected = Damage(7, Verdict.WRONG, longest, 10)
    for part in taken:
        collected.take(part)
    return collected.refused()


@settings(max_examples=600)
@given(parts, st.integers(1, 5))
def test_damage_is_the_same_however_it_is_taken(taken: list[bytes], settle: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(damage, "_SETTLE_BYTES", settle)
        found = refused([b"x", *taken])
    span = trimmed(b"x" + b"".join(taken))
    assert (found.start, found.kept, found.length) == (7, span, len(span))
    assert found.digest == hashlib.sha256(span).digest()[:16]


def test_the_first_mebibyte_is_kept_also_where_records_are_smaller() -> None:
    found = refused([b"x" * 1000] * 2000, longest=100)
    assert (found.kept, found.length) == (b"x" * (1 << 20), 2_000_000)


def test_a_value_that_is_no_object_is_named_by_its_type() -> None:
    for text, kind in (
        (b"12", "number"),
        (b'"x"', "string"),
        (b"true", "boolean"),
        (b"false", "boolean"),
        (b"null", "null"),
        (b"[1]", "array"),
    ):
        found = refused([text, b" \n"])
        assert (found.rule, found.message) == ("not_an_object", f"expected a JSON object, found {kind}")
    assert refused([b"12 13"]).rule == "malformed_json"
