"""The rule of sluice.raw.spans once more, written to be obviously right: whole bytes, no windows, the standard library.

Also the streams it is tried on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

WHITE = b" \t\r\n"
MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """What the rule makes of a stretch of bytes: `rule` is None for a record."""

    start: int
    span: bytes
    rule: str | None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_int=int, parse_float=str, parse_constant=_refuse)


def depth(value: Any) -> int:
    """Arrays are lists, objects tuples of pairs."""
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, tuple):
        return 1 + max((depth(item) for _, item in value), default=0)
    return 0


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, tuple):
        return [text for key, item in value for text in [key, *texts(item)]]
    return []


def strict_end(data: bytes, at: int, longest: int, deepest: int) -> int | None:
    """Where the strict value at `at` ends."""
    try:
        _, end = _decoder.raw_decode(data.decode("latin-1"), at)
        span = data[at:end]
        value, _ = _decoder.raw_decode(span.decode("utf-8"))
        "".join(texts(value)).encode("utf-8")
    except (ValueError, IndexError):
        return None
    is_number = data[at] in b"-0123456789"
    if is_number and data[end : end + 1] and data[end] in b"0123456789.eE+-":
        return None
    return end if len(span) <= longest and depth(value) <= deepest else None


def trimmed(span: bytes) -> bytes:
    before = None
    while span != before:
        before, span = span, span.rstrip(WHITE).removesuffix(MARK)
    return span


def split(data: bytes, longest: int, deepest: int) -> list[Row]:
    rows: list[Row] = []
    at = _past_nothing(data, 0, in_array=False)
    in_array = data[at : at + 1] == b"["
    at += in_array
    while (at := _past_nothing(data, at, in_array=in_array)) < len(data):
        first = data[at : at + 1]
        if in_array and first == b"]":
            in_array, at = False, at + 1
            continue
        end = strict_end(data, at, longest, deepest) if in_array or first in (b"{", b"[") else None
        if end is None:
            end = _resume(data, at, in_array, longest, deepest)
            span = trimmed(data[at:end])
            is_value = strict_end(span, 0, longest, deepest) == len(span) and first != b"{"
            rows.append(Row(at, span, "not_an_object" if is_value else "malformed_json"))
        else:
            rows.append(Row(at, data[at:end], None if first == b"{" else "not_an_object"))
        at = end
    return rows


def _past_nothing(data: bytes, at: int, *, in_array: bool) -> int:
    while at < len(data):
        if data[at] in WHITE or (in_array and data[at] in b","):
            at += 1
        elif data.startswith(MARK, at):
            at += len(MARK)
        else:
            break
    return at


def _resume(data: bytes, at: int, in_array: bool, longest: int, deepest: int) -> int:
    for place in range(at + 1, len(data)):
        if data[place] != ord("{") or data[:place].rstrip(WHITE)[-1] in (b":" if in_array else b":,["):
            continue
        end = strict_end(data, place, longest, deepest)
        if end is not None and data[place + 1 : end - 1].strip(WHITE):
            return place
    return len(data)


_WORDS = r"""{"a": {"a":1} {"b":"}{"} }{ true false null 12 1e400 -0.5 NaN // {} [] [[ {"a":{"a": "a" "b" "a":"""
_ESCAPES = r"""\u00e9 \ud83d\ude00 \ud83d \ude00 \\ \" """
_TOKENS = [
    *(bytes([byte]) for byte in b'{}[]",:\\ \n\t\r\x00\x0b\x0c\xff\xef1-.eEu0tfa'),
    *_WORDS.encode().split(),
    *_ESCAPES.encode().split(),
    *(b"\xc3\xa9", b"\xed\xa0\x80", MARK, MARK[:2], b"\xe2\x80\xa8", b"{ }"),
]
tokens = st.lists(st.sampled_from(_TOKENS), max_size=30).map(b"".join)
"""Close to JSON, and seldom it."""

_texts = st.sampled_from(
    ["", "x", "}{", '{"a":1}', '"', "\\", "a\u2028b", "é", "😀", "}\n{", "\ufeff", "[,", "\x7f", ": {"]
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_objects = st.dictionaries(st.sampled_from(["a", "b", "A", "c"]) | _texts, _values, max_size=4)
_dumps: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, indent=2),
    lambda value: json.dumps(value, indent="\t", ensure_ascii=False),
]
objects = st.builds(lambda value, dumps: dumps(value).encode(), _objects, st.sampled_from(_dumps))
"""JSON objects as bytes, in several layouts."""

_separators = st.sampled_from(
    [b"", b"", b"\n", b" ", b"\r\n", b",", b", ", b"\n\n", MARK, b" " + MARK + b"\n", b"\x0b", b"]"]
)
_junk = (
    tokens
    | st.binary(max_size=6)
    | st.sampled_from([b"oops", b"123", b'"text"', b"[1,2]", b'[{"a":1}', b"{,}", b'{"a":1,}'])
)
_cut = st.builds(lambda record, share: record[: int(len(record) * share)], objects, st.floats(0, 1))
_parts = st.one_of(objects, objects, objects, _separators, _separators, _junk, _cut)
_arrays = st.lists(objects | objects | _junk, max_size=6).map(lambda parts: b"[" + b" , ".join(parts) + b"]")
streams = st.lists(_parts, max_size=12).map(b"".join) | _arrays | st.tuples(_arrays, _parts).map(b"".join) | tokens
"""Whole source objects: records in any layout, between damage."""
