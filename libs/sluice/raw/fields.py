"""A contract's raw fields in the three shapes the reader needs: decoder, Arrow column, and checks of one value.

JSON is read into these Python values: str, bool, int, float, Decimal, list, dict (maps), for structs a msgspec Struct
on the fast way or a dict of the judge's, and for `json` a msgspec Raw; `to_arrow` of a field makes of any of them what
`pyarrow.array` takes. Dates, instants and binaries, which only Parquet has, are read from their texts in its rows'
JSON: days and microseconds from 1970 on, and bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sluice.contract.model import RawField
from sluice.contract.types import SparkType, parse_type, precision_and_scale, quoted

if TYPE_CHECKING:
    import pyarrow as pa

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
# Half an ulp above the largest float: from here on rounding gives infinity.
_FLOAT_BOUND = 3.4028235677973366e38

_INTEGERS = {
    kind: Annotated[int, msgspec.Meta(ge=-(1 << (bits - 1)), le=(1 << (bits - 1)) - 1)]
    for kind, bits in INTEGER_BITS.items()
}
_SCALARS: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "float": Annotated[float, msgspec.Meta(gt=-_FLOAT_BOUND, lt=_FLOAT_BOUND)],
    "double": float,
    "json": msgspec.Raw,
    "binary": bytes,
    **_INTEGERS,
}
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,6})(\d*))?(?:Z|[+-]00:?00)?"
).fullmatch
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_MICROS = 86_400_000_000

# What a decoder raises for bytes that it does not take.
FAULTS = (ValueError, ArithmeticError, RecursionError)

ToArrow = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """A raw field: `attribute` is its name in the decoded row; `to_arrow` is None where values go as they are."""

    name: str
    attribute: str
    type: SparkType
    to_arrow: ToArrow | None

    @cached_property
    def arrow(self) -> pa.DataType:
        """The Arrow type; the delivery stream's function goes without Arrow, which is larger than all else in it."""
        from sluice.contract.arrow import arrow_type

        return arrow_type(self.type)


def fields_of(raw: Sequence[RawField]) -> tuple[Field, ...]:
    """The fields in the contract's order."""
    typed = [(field.name, parse_type(field.type)) for field in raw]
    return tuple(Field(name, f"f{position}", type_, _converter(type_)) for position, (name, type_) in enumerate(typed))


def row_type(fields: Sequence[Field], *, forbid_unknown: bool) -> type[msgspec.Struct]:
    """A Struct with one attribute per field, None where absent."""
    return msgspec.defstruct(
        "Record",
        [(field.attribute, _or_null(field.type), None) for field in fields],
        forbid_unknown_fields=forbid_unknown,
        rename={field.attribute: field.name for field in fields},
        gc=False,
    )


def decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """A strict decoder; it raises one of FAULTS."""
    return msgspec.json.Decoder(type_, dec_hook=_hook, float_hook=Decimal)


@lru_cache(maxsize=256)
def scalar_decoder(type_: SparkType) -> msgspec.json.Decoder[Any]:
    """The decoder of one scalar value, the same that the fast way uses within a record."""
    return decoder(_decoded(type_))


@lru_cache(maxsize=256)
def list_decoder(type_: SparkType) -> msgspec.json.Decoder[Any]:
    """The decoder of an array of such values and nulls."""
    return decoder(list[_or_null(type_)])  # type: ignore[misc]


def spark_columns(raw: Sequence[RawField]) -> list[str]:
    """The raw fields as Spark DDL."""
    return [f"{quoted(field.name)} {field.ddl}" for field in raw]


def depth_of(type_: SparkType) -> int:
    """How many arrays and objects deep a value of this type can be."""
    inner = [*type_.parts, *(field for _, field in type_.fields)]
    return (1 if inner else 0) + max((depth_of(part) for part in inner), default=0)


def exact_decimal(value: Decimal, precision: int, scale: int) -> Decimal | None:
    """`value` where decimal(precision, scale) holds it to the last digit (1.10 fits scale 1), else None."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return None
    kept = len(bytes(digits).rstrip(b"\0"))
    exponent += len(digits) - kept
    if kept == 0:
        return Decimal(0)
    if exponent < -scale or kept + exponent > precision - scale:
        return None
    return Decimal((sign, digits[:kept], exponent))


class _Exact(Decimal):
    """A decimal that a column holds; a subclass for each precision and scale, so that the decoder asks the hook."""

    precision = 0
    scale = 0


@lru_cache(maxsize=256)
def _decimal(precision: int, scale: int) -> type[_Exact]:
    return type(f"Decimal{precision}_{scale}", (_Exact,), {"precision": precision, "scale": scale})


class _Days(int):
    """A date, in days from 1970-01-01."""


class _Micros(int):
    """An instant, in microseconds from 1970 on (UTC)."""


_SCALARS |= {"date": _Days, "timestamp": _Micros}


def _hook(wanted: type, value: Any) -> Any:
    if wanted is _Days and isinstance(value, str) and _ISO_DATE(value):
        return _Days(date.fromisoformat(value).toordinal() - _EPOCH_DAY)
    if wanted is _Micros and isinstance(value, str) and (found := _ISO(value)) and not (found[6] or "").strip("0"):
        days = date.fromisoformat(found[1]).toordinal() - _EPOCH_DAY
        seconds = (int(found[2]) * 60 + int(found[3])) * 60 + int(found[4])
        return _Micros(days * _DAY_MICROS + seconds * 1_000_000 + int((found[5] or "").ljust(6, "0")))
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and issubclass(wanted, _Exact):
        exact = exact_decimal(Decimal(value), wanted.precision, wanted.scale)
        if exact is not None:
            return wanted(exact)
    raise ValueError("not a value that the column holds")


@lru_cache(maxsize=1024)
def _decoded(type_: SparkType) -> Any:
    """The type that the fast way decodes into."""
    if type_.kind == "decimal":
        return _decimal(*precision_and_scale(type_))
    if type_.kind == "array":
        return list[_or_null(type_.parts[0])]  # type: ignore[misc]
    if type_.kind == "map":
        return dict[str, _or_null(type_.parts[1])]  # type: ignore[misc]
    if type_.kind == "struct":
        parts = [Field(name, f"f{i}", part, None) for i, (name, part) in enumerate(type_.fields)]
        return row_type(parts, forbid_unknown=True)
    return _SCALARS[type_.kind]


def _or_null(type_: SparkType) -> Any:
    """A Raw is null's as well, and takes nothing else where null is named beside it."""
    return _decoded(type_) if type_.kind == "json" else _decoded(type_) | None


def _converter(type_: SparkType) -> ToArrow | None:
    """Struct -> dict, Raw -> its text, at every depth; None where there is neither within."""
    if type_.kind == "json":
        return _json_text
    if type_.kind == "array":
        return _each(_converter(type_.parts[0]))
    if type_.kind == "map":
        return _each_value(_converter(type_.parts[1]))
    if type_.kind == "struct":
        return _as_dict([(f"f{i}", name, _converter(part)) for i, (name, part) in enumerate(type_.fields)])
    return None


def _json_text(value: msgspec.Raw | None) -> bytes | None:
    """A copy, since a Raw keeps all the bytes that it was decoded from."""
    text = b"null" if value is None else bytes(value)
    return None if text == b"null" else text


def _each(inner: ToArrow | None) -> ToArrow | None:
    if inner is None:
        return None
    return lambda value: None if value is None else [inner(item) for item in value]


def _each_value(inner: ToArrow | None) -> ToArrow | None:
    if inner is None:
        return None
    return lambda value: None if value is None else {key: inner(item) for key, item in value.items()}


def _as_dict(parts: list[tuple[str, str, ToArrow | None]]) -> ToArrow:
    def convert(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: inner(value[name]) if inner else value[name] for _, name, inner in parts}
        if value is None:
            return None
        return {name: inner(getattr(value, a)) if inner else getattr(value, a) for a, name, inner in parts}

    return convert
