"""What is strict JSON and where it ends."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw.reference_spans import objects, streams, strict_end, tokens
from sluice.raw.judge import Judge
from sluice.raw.scan import Scan, Verdict, is_value

SUITE = Path(__file__).parents[1] / "data" / "json_test_suite" / "cases.zip"
JUDGE = Judge((), "rescue", 200)


def cases() -> dict[str, bytes]:
    with zipfile.ZipFile(SUITE) as suite:
        return {name.removesuffix(".json"): suite.read(name) for name in suite.namelist()}


damaged_objects = st.builds(
    lambda record, at, token: record[: at % (len(record) + 1)] + token + record[at % (len(record) + 1) + len(token) :],
    objects,
    st.integers(0, 300),
    st.binary(min_size=1, max_size=2) | tokens,
)


def test_the_scan_is_as_strict_as_the_suite() -> None:
    wrong = [name for name, text in cases().items() if is_value(text.strip(b" \t\r\n"), 1000) != name.startswith("y_")]
    assert not wrong


@settings(max_examples=1500, deadline=None)
@given(tokens | objects | damaged_objects, st.integers(1, 6))
def test_the_scan_takes_what_the_standard_library_takes_strictly(text: bytes, deepest: int) -> None:
    assert is_value(text, deepest) == (bool(text) and strict_end(text, 0, len(text), deepest) == len(text))


@settings(max_examples=1500, deadline=None)
@given(tokens | objects | damaged_objects | streams)
def test_the_quick_judge_never_takes_what_the_scan_does_not(text: bytes) -> None:
    if JUDGE.quick(text) is not None:
        assert is_value(text.strip(b" \t\r\n"), 200)


@settings(max_examples=600, deadline=None)
@given(tokens | objects | damaged_objects)
def test_what_the_scan_takes_can_be_judged(text: bytes) -> None:
    if text.startswith(b"{") and is_value(text, 200):
        assert JUDGE(text).row is not None


def test_the_quick_judge_takes_no_case_that_the_suite_refuses() -> None:
    assert [name for name, text in cases().items() if name.startswith("n_") and JUDGE.quick(text) is not None] == []


@settings(max_examples=600, deadline=None)
@given(tokens | objects, st.lists(st.integers(1, 9), min_size=1), st.integers(1, 6))
def test_a_scan_that_is_fed_in_parts_ends_as_one_that_is_not(text: bytes, steps: list[int], deepest: int) -> None:
    if text[:1] not in (b"{", b"["):
        return
    whole = Scan(0)
    expected = whole.run(text, 0, len(text), deepest)
    scan, end, turn = Scan(0), 0, 0
    found = Verdict.MORE
    while found is Verdict.MORE and end < len(text):
        end = min(len(text), end + steps[turn % len(steps)])
        turn += 1
        found = scan.run(text[:end], 0, end, deepest)
    assert found is expected
    assert found is Verdict.MORE or scan.at == whole.at


@settings(max_examples=500, deadline=None)
@given(tokens | objects, st.integers(1, 6))
def test_a_failed_scan_seen_from_inside_ends_as_a_scan_from_there(text: bytes, deepest: int) -> None:
    scan = Scan(0)
    scan.run(text, 0, len(text), deepest)
    for start in scan.opens:
        inner, fresh = scan.within(start), Scan(start)
        assert inner is not None
        assert inner.run(text, 0, len(text), deepest) is fresh.run(text, 0, len(text), deepest)
        assert (inner.at, inner.opens) == (fresh.at, fresh.opens)


@pytest.mark.parametrize("deepest", [1, 7, 200, 500])
def test_nesting_is_counted_in_arrays_and_objects(deepest: int) -> None:
    assert is_value(b"[" * deepest + b"]" * deepest, deepest)
    assert not is_value(b"[" * (deepest + 1) + b"]" * (deepest + 1), deepest)
    assert is_value(b'{"a":' * deepest + b"1" + b"}" * deepest, deepest)
    assert not is_value(b'{"a":' * (deepest + 1) + b"1" + b"}" * (deepest + 1), deepest)


def test_half_a_surrogate_pair_is_no_text() -> None:
    for text in (r'"\ud800"', r'"\udc00"', r'"\ud800\ud800\udc00"', r'"\ud800A"', r'"\\\ud800"'):
        assert not is_value(text.encode(), 9), text
    for text in (r'"\ud83d\ude00"', r'"\\ud800"', r'"\\\\ud800"', r'"A"', r'"\uD7ff\ue000"'):
        assert is_value(text.encode(), 9), text
    assert msgspec.json.encode(json.loads(r'"\ud83d\ude00"')) == '"😀"'.encode()
