"""What is no record: kept as bytes, with its reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sluice.raw.scan import BYTE_ORDER_MARK, WHITE, Verdict, is_value

KEPT_BYTES = 1 << 20
DIGEST_BYTES = 16

MALFORMED = "malformed_json"
NOT_AN_OBJECT = "not_an_object"
UNREADABLE = "unreadable_object"

_SETTLE_BYTES = 1 << 20
_KINDS = {ord("["): "array", ord('"'): "string", ord("t"): "boolean", ord("f"): "boolean", ord("n"): "null"}


def kind_of(first: int) -> str:
    """The JSON type of a value that begins with the byte `first`; object for `{`."""
    return "object" if first == ord("{") else _KINDS.get(first, "number")


def digest_of(span: bytes) -> bytes:
    """First 16 bytes of sha256: a false match among 10^9 records has a probability of about 10^-21."""
    return hashlib.sha256(span).digest()[:DIGEST_BYTES]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no record: `kept` its first bytes (at most 1 MiB), `length` and `digest` those of all of them."""

    start: int
    kept: bytes
    length: int
    digest: bytes
    rule: str
    message: str

    @classmethod
    def value(cls, start: int, span: bytes) -> Refused:
        """A sound JSON value that is no object."""
        message = f"expected a JSON object, found {kind_of(span[0])}{cut_note(len(span))}"
        return cls(start, span[:KEPT_BYTES], len(span), digest_of(span), NOT_AN_OBJECT, message)

    @classmethod
    def unreadable(cls, start: int, message: str) -> Refused:
        """What a source object that cannot be read (on) leaves; `start` is how far it could be."""
        return cls(start, b"", 0, digest_of(b""), UNREADABLE, message)


class Damage:
    """Collects the bytes from `start` on, in bounded memory, and trims white space and byte-order marks at their end.

    `last` is the last byte taken that is no white space. `why` is what came of reading a value at `start`.
    """

    def __init__(self, start: int, why: Verdict, longest: int, deepest: int) -> None:
        self.start, self.last = start, 0
        self._why, self._longest, self._deepest = why, longest, deepest
        self._new = bytearray()
        self._kept = bytearray()
        self._taken = 0
        self._hash = hashlib.sha256()
        # As of the last byte that is neither white space nor of a byte-order mark.
        self._solid_hash, self._solid = self._hash.copy(), 0

    def take(self, part: bytes) -> None:
        """The next bytes."""
        solid = part.rstrip(WHITE)
        if solid:
            self.last = solid[-1]
        self._new += part
        if len(self._new) >= _SETTLE_BYTES:
            self._settle(final=False)

    def _settle(self, *, final: bool) -> None:
        held = b""
        if not final:  # a mark that is not whole yet stays
            held = next((bytes(self._new[-n:]) for n in (2, 1) if self._new.endswith(BYTE_ORDER_MARK[:n])), b"")
        part = bytes(self._new[: len(self._new) - len(held)])
        solid = len(part.rstrip(WHITE))
        if part.endswith(BYTE_ORDER_MARK, 0, solid):
            solid = len(part.replace(BYTE_ORDER_MARK, b"   ").rstrip(WHITE))
        if solid:
            self._hash.update(part[:solid])
            self._solid_hash, self._solid = self._hash.copy(), self._taken + solid
        self._hash.update(part[solid:])
        self._taken += len(part)
        self._kept += part[: max(0, max(self._longest, KEPT_BYTES) - len(self._kept))]
        self._new = bytearray(held)

    def refused(self) -> Refused:
        """The row of all that was taken."""
        self._settle(final=True)
        span = bytes(self._kept[: self._solid])
        digest = self._solid_hash.digest()[:DIGEST_BYTES]
        rule, message = MALFORMED, self._message()
        if self._solid <= self._longest and span[:1] != b"{" and is_value(span, self._deepest):
            rule, message = NOT_AN_OBJECT, f"expected a JSON object, found {kind_of(span[0])}"
        return Refused(self.start, span[:KEPT_BYTES], self._solid, digest, rule, message + cut_note(self._solid))

    def _message(self) -> str:
        if self._why is Verdict.DEEP:
            return f"expected at most {self._deepest} nested arrays and objects, found more"
        if self._why is Verdict.LONG:
            return f"expected a record of at most {self._longest} bytes, found a longer one"
        return f"expected a JSON object, found what {self._why.value}"


def cut_note(length: int) -> str:
    """What a message adds where not all bytes are kept."""
    return f"; kept are the first {KEPT_BYTES} of {length} bytes" if length > KEPT_BYTES else ""
