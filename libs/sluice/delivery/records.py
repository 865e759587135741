"""What a producer sent -> its JSON records, each with its fate: the same that Spark's job would decide for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal

import msgspec

from sluice.contract.model import Contract
from sluice.enrich.fill import additions
from sluice.raw.damage import Refused
from sluice.raw.decoding import Decoding
from sluice.raw.scan import WHITE

Fate = Literal["malformed", "filtered", "refused", "sound"]
Why = tuple[str, str, str]
_HOUR_MICROS = 3_600_000_000


@dataclass(slots=True)
class Judged:
    """One JSON record: its bytes and fate, why it is refused (rule, column, message), the columns of a sound one.

    `added` are the members that enrichment gives it, by raw field; `filtered` is the kind of a filtered one.
    """

    span: bytes
    fate: Fate = "sound"
    reasons: Sequence[Why] = ()
    filtered: str = ""
    values: tuple[Any, ...] = ()
    added: dict[str, Any] = field(default_factory=dict)
    # Between the steps: the decoded row, the raw fields that the reader refused, when it arrived.
    row: Any = None
    bad: Sequence[str] = ()
    arrived_millis: int = 0


class Judging:
    """Judges records by a module that `compiling` has made."""

    def __init__(self, module: Any) -> None:
        self.contract: Contract = module.CONTRACT
        self._filtered, self._columns, self._reasons = module.filtered, module.judged, module.REASONS
        self._decoding = Decoding(self.contract)
        self._attributes = {one.name: one.attribute for one in self._decoding.fields}

    def records(self, data: bytes, arrived_millis: int) -> list[Judged]:
        """The records in `data`, which arrived at that time (milliseconds since 1970), as far as the reader judges."""
        piece = data.strip(WHITE)
        if (sure := self._decoding.sure(piece)) is not None:
            return [Judged(piece, row=sure, arrived_millis=arrived_millis)]
        found: list[Judged] = []
        for event in self._decoding.events(self._decoding.splitter(BytesIO(data).read)):
            if isinstance(event, Refused):
                found.append(Judged(b"", "malformed", [(event.rule, "", event.message)]))
                continue
            for index, (span, row) in enumerate(zip(event.spans, event.rows, strict=True)):
                one = Judged(span, row=row, arrived_millis=arrived_millis)
                if index in event.judged:
                    said = event.judged[index]
                    one.row, one.bad = said.row, said.bad
                    one.reasons = [(reason.rule, reason.column, reason.message) for reason in said.reasons]
                found.append(one)
        return found

    def decide(self, records: Sequence[Judged]) -> None:
        """Filter, enrich and decide the records, those of a whole event in one go."""
        going: list[Judged] = []
        for one in records:
            if one.fate == "malformed":
                continue
            if one.reasons and not one.bad:  # an unknown field where none may be: nothing else is asked, as in Spark
                one.fate = "refused"
            elif (kind := self._filtered(one.row)) is not None:
                one.fate, one.filtered, one.reasons = "filtered", kind, ()
            else:
                going.append(one)
        self._enrich(going)
        for one in going:
            hour = one.arrived_millis * 1000 // _HOUR_MICROS * _HOUR_MICROS
            one.values, fails = self._columns(one.row, one.bad, hour, hour + _HOUR_MICROS)
            if fails or one.reasons:
                one.fate = "refused"
                one.reasons = [*one.reasons, *(self._reasons[number] for number in fails)]

    def _enrich(self, records: Sequence[Judged]) -> None:
        """Rule by rule; where the reader refused one of a rule's fields, nothing of it is filled, as in Spark."""
        for rule in self.contract.enrich:
            names = (rule.by, *(name for name, _ in rule.fill))
            asked = [one for one in records if not one.bad or not {*names, rule.source}.intersection(one.bad)]
            told = [{name: getattr(one.row, self._attributes[name]) for name in names} for one in asked]
            for one, added in zip(asked, additions([rule], told), strict=True):
                if added:
                    one.added = one.added | added
                    for name, value in added.items():
                        setattr(one.row, self._attributes[name], value)


def line(one: Judged, longest: int, *, enriched: bool = True) -> bytes:
    """The record as one line: its own bytes, line ends between its members as blanks, then the members added to it.

    A member that the record may have already (a null, which JSON's readers treat otherwise when it is there twice) is
    left for the batch job to fill, with all that belongs to it.
    """
    span = one.span
    if b"\n" in span or b"\r" in span:  # not within a text: there JSON wants them escaped
        span = span.replace(b"\n", b" ").replace(b"\r", b" ")
    if enriched and one.added and not any(f'"{name}"'.encode() in span for name in one.added):
        more = msgspec.json.encode(one.added)
        comma = b"," if span[1:-1].strip() else b""
        whole = b"%b%b%b\n" % (span[:-1], comma, more[1:])
        if len(whole) <= longest:
            return whole
    return span + b"\n"
