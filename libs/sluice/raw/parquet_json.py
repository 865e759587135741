"""Rows of Parquet as JSON text: canonical, compact, in the file's own order of columns, every value to its last digit.

Dates and instants are ISO 8601 (an instant ends with Z, one without a zone with nothing; fractions as the column's unit
has them), times of day the same, binary is base64, durations are whole numbers of the column's unit. NaN and
infinities, which JSON has none of, are the texts "NaN", "Infinity", "-Infinity". A map with other keys than text is an
array of [key, value].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

Plain = Callable[[Any], Any]

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode

_UNITS = {"s": (1, 0), "ms": (1_000, 3), "us": (1_000_000, 6), "ns": (1_000_000_000, 9)}
_DAY_SECONDS = 86_400
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days


def bare(type_: pa.DataType) -> pa.DataType:
    """The type to cast values to first: what time is made of becomes numbers, since Python's own types hold less."""
    if isinstance(type_, pa.BaseExtensionType):
        return bare(type_.storage_type)
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_dictionary(type_):
        return bare(type_.value_type)
    if pa.types.is_timestamp(type_) or pa.types.is_date64(type_) or pa.types.is_time64(type_):
        return pa.int64()
    if pa.types.is_duration(type_):
        return pa.int64()
    if pa.types.is_date32(type_) or pa.types.is_time32(type_):
        return pa.int32()
    if pa.types.is_map(type_):
        return pa.map_(bare(type_.key_type), bare(type_.item_type))
    if is_list(type_):
        return pa.list_(pa.field("element", bare(type_.value_type)))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, bare(field.type)) for field in type_])
    return type_


def is_list(type_: pa.DataType) -> bool:
    """A list of any kind."""
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def is_text(type_: pa.DataType) -> bool:
    """Text of any kind."""
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def plain(type_: pa.DataType) -> Plain | None:
    """What makes something to encode of a (bare) value of `type_` that is not null; None where it is that already."""
    if isinstance(type_, pa.BaseExtensionType):
        return plain(type_.storage_type)
    if pa.types.is_dictionary(type_):
        return plain(type_.value_type)
    if pa.types.is_floating(type_):
        return _number
    if pa.types.is_decimal(type_):
        return _decimal
    if pa.types.is_timestamp(type_):
        scale, digits = _UNITS[type_.unit]
        zone = "Z" if type_.tz else ""
        return lambda value: _instant(value, scale, digits, zone)
    if pa.types.is_date32(type_):
        return _day
    if pa.types.is_date64(type_):
        return lambda value: _day(value // (_DAY_SECONDS * 1000))
    if pa.types.is_time(type_):
        scale, digits = _UNITS[type_.unit]
        return lambda value: _time(value, scale, digits)
    if pa.types.is_map(type_):
        return _map(type_)
    if is_list(type_):
        inner = plain(type_.value_type)
        return None if inner is None else lambda value: [None if item is None else inner(item) for item in value]
    if pa.types.is_struct(type_):
        return _struct([(field.name, plain(field.type)) for field in type_])
    return None


def _struct(parts: list[tuple[str, Plain | None]]) -> Plain | None:
    if all(inner is None for _, inner in parts):
        return None

    def convert(value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value[name] if inner is None or value[name] is None else inner(value[name]) for name, inner in parts
        }

    return convert


def _map(type_: pa.MapType) -> Plain:
    key, item = plain(type_.key_type), plain(type_.item_type)
    keyed = is_text(type_.key_type) or (pa.types.is_dictionary(type_.key_type) and is_text(type_.key_type.value_type))

    def convert(value: list[tuple[Any, Any]]) -> Any:
        pairs = [(key(k) if key else k, v if item is None or v is None else item(v)) for k, v in value]
        return dict(pairs) if keyed else pairs

    return convert


def _number(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(format(value, "f").encode())


def _day(days: int) -> str:
    if _FIRST_DAY <= days <= _LAST_DAY:
        return (_EPOCH + timedelta(days)).isoformat()
    return f"{'+' if days > 0 else '-'}day {abs(days)} from 1970-01-01"


def _instant(value: int, scale: int, digits: int, zone: str) -> str:
    days, within = divmod(value, _DAY_SECONDS * scale)
    return f"{_day(days)}T{_time(within, scale, digits)}{zone}"


def _time(value: int, scale: int, digits: int) -> str:
    seconds, fraction = divmod(value, scale)
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
    return f"{text}.{fraction:0{digits}}" if digits else text
