"""What is wrong with a record, field by field: all of it, at once, with reasons that show no value.

For records that the fast way refused. JSON null and an absent field are NULL. A value of another JSON type is
`wrong_type` (a string for a number, `1.0` or `1e5` for an integer, a number for a boolean); a number that its column
cannot hold is `not_convertible`: integers out of range, decimals with more digits on either side of the point than
there is room for, 1e400 for a double (which else is rounded as IEEE 754 says). Arrays, maps and structs are judged
within: `user.id`, `tags.element`, `props.value`. A raw field with a reason is NULL as a whole. What the contract does
not name is unknown, a name in another case too; of duplicate keys the last counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import msgspec

from sluice.contract.types import SparkType, precision_and_scale
from sluice.raw.damage import kind_of
from sluice.raw.fields import (
    FAULTS,
    INTEGER_BITS,
    Field,
    decoder,
    exact_decimal,
    row_type,
    scalar_decoder,
)
from sluice.raw.scan import is_text

WRONG_TYPE = "wrong_type"
NOT_CONVERTIBLE = "not_convertible"
UNKNOWN_FIELD = "unknown_field"
NAME_CHARS = 200

_INTEGER = re.compile(rb"-?[0-9]+").fullmatch
_EXPECTED = {
    "string": "string",
    "date": "string",
    "timestamp": "string",
    "binary": "string",
    "boolean": "boolean",
    "array": "array",
    "map": "object",
    "struct": "object",
}

# Where it is in this record (`items[3].x`), where it is in the type (`items.element.x`), and its text.
Unknown = tuple[str, str, msgspec.Raw]

_name = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is refused: the rule, the column (a path for what is nested) and a message without values."""

    rule: str
    column: str
    message: str


@dataclass(slots=True)
class Judgement:
    """A record as judged: `row` as the fast way decodes it, `bad` the raw fields with a reason, in contract order.

    `rescued` is the JSON text of what is unknown, values as received; `unknown` are the names of it.
    """

    row: Any = None
    reasons: Sequence[Reason] = ()
    bad: Sequence[str] = ()
    rescued: str | None = None
    unknown: list[str] = field(default_factory=list)


class Judge:
    """Judges records against the raw fields; `unknown_fields` as in the contract (evolve keeps them like rescue)."""

    def __init__(
        self, fields: Sequence[Field], unknown_fields: Literal["rescue", "evolve", "reject"], max_nesting: int
    ) -> None:
        self._fields = fields
        self._names = {item.name for item in fields}
        self._reject = unknown_fields == "reject"
        self._deepest = max_nesting
        # Takes the declared fields where they are sound and passes over unknown ones.
        self._row = row_type(fields, forbid_unknown=False)
        self._sound = decoder(self._row).decode

    def quick(self, piece: bytes) -> Judgement | None:
        """Judges `piece` where it is surely one strict JSON object; None where only a scan can tell."""
        if not surely_shallow_text(piece, self._deepest):
            return None
        try:
            members = _members(piece)
        except FAULTS:
            return None
        return self._judged(piece, members)

    def __call__(self, span: bytes) -> Judgement:
        """`span` is one strict JSON object."""
        return self._judged(span, _members(span))

    def _judged(self, span: bytes, members: dict[str, msgspec.Raw]) -> Judgement:
        nested: list[Unknown] = []
        try:
            judgement = Judgement(self._sound(span))
        except FAULTS:
            judgement, nested = self._by_field(members)
        for name in self._names & members.keys():
            del members[name]
        if members or nested:
            keep_unknown(members, nested, self._reject, judgement)
        return judgement

    def _by_field(self, members: dict[str, msgspec.Raw]) -> tuple[Judgement, list[Unknown]]:
        values: list[Any] = []
        reasons: list[Reason] = []
        bad: list[str] = []
        unknown: list[Unknown] = []
        for item in self._fields:
            value = None
            if item.name in members:
                found = Found()
                value = found.read(item.type, bytes(members[item.name]), item.name, item.name)
                unknown += found.unknown
                if found.reasons:
                    reasons += dict.fromkeys(found.reasons)
                    bad.append(item.name)
                    value = None
            values.append(value)
        return Judgement(self._row(*values), reasons, bad), unknown


def keep_unknown(
    members: dict[str, msgspec.Raw], nested: Sequence[Unknown], reject: bool, judgement: Judgement
) -> None:
    """Note in `judgement` what the contract does not name: a reason where it is to be rejected, else rescued."""
    judgement.unknown = list(map(_short, members))
    if nested:
        judgement.unknown += dict.fromkeys([_short(column) for _, column, _ in nested])
    if reject:
        message = "expected only fields that the contract names, found another"
        more = [Reason(UNKNOWN_FIELD, column, message) for column in judgement.unknown]
        judgement.reasons = [*judgement.reasons, *more]
        return
    # One text that grows, since a record may have a million members.
    text = bytearray(b"{")
    for name, raw in members.items():
        text += b"%b:%b," % (_name(name), raw)
    for name, _, raw in nested:
        text += b"%b:%b," % (_name(name), raw)
    text[-1:] = b"}"
    judgement.rescued = text.decode()


def surely_shallow_text(piece: bytes, deepest: int) -> bool:
    """Whether what msgspec has passed over in `piece` is strict: passing over, it looks at no UTF-8 and no nesting."""
    return piece.count(b"{") + piece.count(b"[") <= deepest and is_text(piece)


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARS else name[:NAME_CHARS] + "..."


class Found:
    """Reads values and notes what is wrong or unknown on the way."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.unknown: list[Unknown] = []

    def read(self, type_: SparkType, raw: bytes, place: str, column: str) -> Any:
        """The value of `raw` as `type_`; None with a reason noted where it is none, and for null."""
        kind = kind_of(raw[0])
        if kind == "null":
            return None
        if type_.kind == "json":
            return msgspec.Raw(raw)
        expected = _EXPECTED.get(type_.kind, "number")
        if kind != expected or (type_.kind in INTEGER_BITS and not _INTEGER(raw)):
            if expected == kind:
                kind = "number with a fraction or an exponent"
            self.reasons.append(Reason(WRONG_TYPE, column, f"expected {wanted(type_)}, found {kind}"))
            return None
        if type_.kind == "array":
            inner = type_.parts[0]
            items = enumerate(_elements(raw))
            return [self.read(inner, bytes(item), f"{place}[{i}]", f"{column}.element") for i, item in items]
        if type_.kind == "map":
            inner = type_.parts[1]
            pairs = _members(raw).items()
            return {key: self.read(inner, bytes(item), f"{place}.{key}", f"{column}.value") for key, item in pairs}
        if type_.kind == "struct":
            return self._struct(type_, raw, place, column)
        return self._scalar(type_, raw, column)

    def _struct(self, type_: SparkType, raw: bytes, place: str, column: str) -> dict[str, Any]:
        members = _members(raw)
        types = dict(type_.fields)
        self.unknown += [(f"{place}.{k}", f"{column}.{k}", item) for k, item in members.items() if k not in types]
        return {
            name: self.read(inner, bytes(members[name]), f"{place}.{name}", f"{column}.{name}")
            if name in members
            else None
            for name, inner in type_.fields
        }

    def _scalar(self, type_: SparkType, raw: bytes, column: str) -> Any:
        try:
            if type_.kind != "decimal":
                return scalar_decoder(type_).decode(raw)
            value = exact_decimal(Decimal(raw.decode()), *precision_and_scale(type_))
            if value is not None:
                return value
        except FAULTS:
            pass
        what = "number" if type_.kind not in _EXPECTED else "text"
        message = f"expected {wanted(type_)}, found a {what} that it cannot hold"
        self.reasons.append(Reason(NOT_CONVERTIBLE, column, message))
        return None


def wanted(type_: SparkType) -> str:
    kind = "integer" if type_.kind in INTEGER_BITS else _EXPECTED.get(type_.kind, "number")
    return kind if kind == type_.kind else f"{kind} ({type_.kind if type_.fields else type_.text})"
