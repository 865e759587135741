"""Bytes -> JSON records, cut and decoded on the fast way, and judged where that is not sure.

The one place for it: Spark's workers read source objects through it, the delivery stream's function what a producer
sent. Needs neither Spark nor Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sluice.contract.model import Contract
from sluice.raw.damage import Refused
from sluice.raw.fields import FAULTS, Field, decoder, depth_of, fields_of, row_type
from sluice.raw.judge import Judge, surely_shallow_text
from sluice.raw.scan import is_value
from sluice.raw.spans import WINDOW_BYTES, Exact, Splitter, Taken


class Decoding:
    """Decodes records by a contract's raw fields; `empty` is a row without values."""

    def __init__(self, contract: Contract, window_bytes: int = WINDOW_BYTES) -> None:
        self._contract, self._window = contract, window_bytes
        self.fields: Sequence[Field] = fields_of(contract.raw)
        rows = row_type(self.fields, forbid_unknown=True)
        self.empty: Any = rows()
        # Types that nest deeper than the contract allows would let the fast way take too deep a record.
        deepest = 1 + max((depth_of(field.type) for field in self.fields), default=0)
        self._decode = decoder(rows).decode if deepest <= contract.max_nesting else _refuse
        # A field of type json is passed over: of a piece that nobody has scanned its text must be looked at apart.
        passed_over = any(inner.kind == "json" for field in self.fields for inner in field.type.walk())
        self._decode_piece = _wary(self._decode, contract.max_nesting) if passed_over else self._decode
        self._judge = Judge(self.fields, contract.unknown_fields, contract.max_nesting)

    def sure(self, piece: bytes) -> Any:
        """The row of `piece` where the fast way is sure that it is one record from end to end, else None."""
        if piece[:1] != b"{" or len(piece) > self._contract.max_record_bytes:
            return None
        try:
            return self._decode_piece(piece)
        except FAULTS:
            return None

    def splitter(self, read: Callable[[int], bytes]) -> Splitter:
        """What cuts the stream of bytes that `read(size)` gives; see `raw.spans` for what a record is."""
        return Splitter(
            read,
            self._decode_piece,
            self._judge.quick,
            self._contract.max_record_bytes,
            self._contract.max_nesting,
            self._window,
        )

    def decoded(self, event: Exact) -> Taken:
        """A record that was scanned, decoded or judged."""
        try:
            return Taken([event.start], [event.span], [self._decode(event.span)], {})
        except FAULTS:
            return Taken([event.start], [event.span], [None], {0: self._judge(event.span)})

    def events(self, splitter: Splitter) -> Iterator[Taken | Refused]:
        """All that is in one stream, in its order."""
        for event in splitter.events():
            yield self.decoded(event) if isinstance(event, Exact) else event


def _wary(decode: Callable[[bytes], Any], deepest: int) -> Callable[[bytes], Any]:
    """`decode` for pieces whose values it may pass over."""

    def wary(piece: bytes) -> Any:
        if not surely_shallow_text(piece, deepest) and not is_value(piece, deepest):
            raise ValueError("not surely strict JSON")
        return decode(piece)

    return wary


def _refuse(span: bytes) -> Any:
    raise ValueError("never on the fast way")
