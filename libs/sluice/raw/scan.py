"""Where a JSON value ends, strictly (RFC 8259), without building it.

Regular expressions pass over runs of plain members at the speed of C; Python is called per nested array or object only.
A scan can stop at the end of the bytes at hand and go on when there are more, so that a value that straddles windows is
read once. Nothing recurses: the deepest nesting is the contract's and not that of a Python version.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Protocol, cast

WHITE = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_WS = rb"[ \t\r\n]*+"
_STRING_BODY = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_STRING = _STRING_BODY + rb'"'
# The look-ahead keeps a number at the end of a window from being taken for a shorter one.
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?![0-9.eE+\-])"
_SCALAR = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null)"
_KEY = _STRING + _WS + rb":" + _WS
_STRING_BEGUN = _STRING_BODY + rb"(?:\\(?:u[0-9a-fA-F]{0,3})?)?"
_EXPONENT_BEGUN = rb"[eE](?:[+-]?[0-9]*+)?"
_NUMBER_BEGUN = rb"-?(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:" + _EXPONENT_BEGUN + rb")?)?|" + _EXPONENT_BEGUN + rb")?)?"


class _Always(Protocol):
    """A pattern that matches everywhere, if only the empty string."""

    def __call__(self, data: bytes, at: int = ..., end: int = ..., /) -> re.Match[bytes]: ...


white = cast(_Always, re.compile(_WS).match)
_string = re.compile(_STRING).match
_string_begun = re.compile(_STRING_BEGUN).fullmatch
_scalar = re.compile(_SCALAR).match
_scalar_begun = re.compile(_STRING_BEGUN + rb"|" + _NUMBER_BEGUN + rb"|t|tr|tru|f|fa|fal|fals|n|nu|nul").fullmatch
_key = re.compile(_KEY).match
# From a member's (element's) first byte over all scalars that another one follows.
_members = cast(_Always, re.compile(rb"(?:" + _SCALAR + _WS + rb"," + _WS + _KEY + rb")*+").match)
_elements = cast(_Always, re.compile(rb"(?:" + _SCALAR + _WS + rb"," + _WS + rb")*+").match)

# A `{` that may begin an object with a member, as far as a look at its first key can tell.
CANDIDATE = re.compile(rb"\{" + _WS + rb"(?:\Z|" + _STRING + _WS + rb"(?::|\Z)|" + _STRING_BEGUN + rb"\Z)")

# Consumes escapes one by one; group 1 is half of a surrogate pair on its own.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:[^u]|u(?![dD][89a-fA-F])|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u))", re.DOTALL
)

_BRACE, _COMMA = b"{,"
NUMBER_FIRST = b"-0123456789"


class Verdict(Enum):
    """How a scan ended; what it is called in a message is the value."""

    ENDS = "is sound"
    MORE = "needs more bytes"
    WRONG = "is not valid JSON"
    DEEP = "nests deeper than the contract allows"
    LONG = "is longer than the largest record"
    CUT = "is cut off by the end of the source object"
    TEXT = "is not valid UTF-8, or has half of a surrogate pair"


class _At(Enum):
    VALUE = 0
    OPENED = 1
    KEY = 2
    AFTER = 3


class Scan:
    """One JSON value from its first byte on; `at` is how far it has come, in bytes of the whole stream.

    `opens` are the places of the arrays and objects that are open at `at`, outermost first.
    """

    __slots__ = ("_kinds", "_next", "at", "opens", "start")

    def __init__(self, start: int) -> None:
        self.start = self.at = start
        self.opens: list[int] = []
        self._kinds = bytearray()
        self._next = _At.VALUE

    def within(self, start: int) -> Scan | None:
        """The same scan as if it had begun at the object or array at `start`; None where none is open there.

        What is open is read the same from inside, so nothing need be read again.
        """
        if start not in self.opens:
            return None
        inner = Scan(start)
        outer = self.opens.index(start)
        inner.at, inner._next = self.at, self._next
        inner.opens, inner._kinds = self.opens[outer:], self._kinds[outer:]
        return inner

    def run(self, data: bytes, base: int, end: int, deepest: int) -> Verdict:
        """Go on over `data`, whose first byte is the stream's byte `base`, up to the index `end`.

        MORE: all bytes up to `end` may begin a value; run again with more. ENDS: `at` is behind the value's last byte
        (a number on its own may go on behind `end`: the caller knows whether there is more).
        """
        kinds, opens, step = self._kinds, self.opens, self._next
        at = self.at - base
        verdict = Verdict.ENDS
        while kinds or step is _At.VALUE:
            if kinds:
                at = white(data, at, end).end()
                if step is _At.VALUE:
                    at = (_members if kinds[-1] == _BRACE else _elements)(data, at, end).end()
            if at >= end:
                verdict = Verdict.MORE
                break
            byte = data[at]
            if step is _At.KEY:
                if (found := _key(data, at, end)) is None:
                    verdict = _key_begun(data, at, end)
                    break
                at, step = found.end(), _At.VALUE
            elif step is _At.VALUE and byte in b"{[":
                if len(kinds) >= deepest:
                    verdict = Verdict.DEEP
                    break
                kinds.append(byte)
                opens.append(base + at)
                at, step = at + 1, _At.OPENED
            elif step is _At.VALUE:
                if (found := _scalar(data, at, end)) is None:
                    verdict = Verdict.MORE if _scalar_begun(data, at, end) else Verdict.WRONG
                    break
                if found.end() == end and kinds and byte in NUMBER_FIRST:
                    verdict = Verdict.MORE  # its next digit may be in the next window
                    break
                at, step = found.end(), _At.AFTER
            elif byte == kinds[-1] + 2:  # `}` is two above `{`, and `]` above `[`
                at, step = at + 1, _At.AFTER
                kinds.pop()
                opens.pop()
            elif step is _At.OPENED or byte == _COMMA:
                at += step is _At.AFTER
                step = _At.KEY if kinds[-1] == _BRACE else _At.VALUE
            else:
                verdict = Verdict.WRONG
                break
        self.at, self._next = base + at, step
        return verdict


def _key_begun(data: bytes, at: int, end: int) -> Verdict:
    """Why no key and colon were found at `at`."""
    if at >= end:
        return Verdict.MORE
    found = _string(data, at, end)
    if found is None:
        return Verdict.MORE if _string_begun(data, at, end) else Verdict.WRONG
    return Verdict.MORE if white(data, found.end(), end).end() >= end else Verdict.WRONG


def is_text(span: bytes) -> bool:
    """Whether a scanned span is UTF-8 and its escapes make whole characters."""
    if not span.isascii():
        try:
            span.decode()
        except UnicodeDecodeError:
            return False
    if _SURROGATE.search(span) is None:
        return True
    return not any(escape.group(1) for escape in _ESCAPE.finditer(span))


def is_value(span: bytes, deepest: int) -> bool:
    """Whether the whole of `span` is one strict JSON value, no white space around it."""
    scan = Scan(0)
    return scan.run(span, 0, len(span), deepest) is Verdict.ENDS and scan.at == len(span) and is_text(span)
