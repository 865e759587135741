"""Arrow columns -> text, in the very spelling that the Spark engine gives: what a file holds must not tell the engine.

Instants ISO 8601 in UTC, bytes base64, doubles as Java writes them (1.0E300), arrays, structs and maps JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from sluice.catalog.results import TextKind
from sluice.errors import ProblemsError

_ESCAPED = re.compile(r"\\u00[0-9a-f]{2}")
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
Texts = list[str | None]
_KINDS: dict[str, TextKind] = {
    "boolean": "boolean",
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint", "decimal", "float", "double"), "number"),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), "number"),
    **dict.fromkeys(("list", "array", "struct", "map"), "json"),
}


def kind_of(name: str, type_: str) -> TextKind:
    """What the texts of a column of DuckDB's `type_` are; ProblemsError for one that has no spelling of its own."""
    if type_ in ("interval", "union", "variant", "geometry", "time with time zone"):
        problem = f"column `{name}` is of type {type_}, which each engine spells otherwise; make it a number or a text"
        raise ProblemsError("the query", [problem])
    return _KINDS.get(type_, "text")


def texts(column: pa.Array) -> Texts:
    """The column's values as they stand in a result."""
    kind = column.type
    if t.is_nested(kind):
        missing = column.is_null().to_pylist()
        return [None if null else text for null, text in zip(missing, _json(column), strict=True)]
    if t.is_timestamp(kind):
        return [text and _short(text) for text in _instants(column)]
    if t.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    return _plain(column)


def _plain(column: pa.Array) -> Texts:
    kind = column.type
    if t.is_string(kind) or t.is_large_string(kind):
        return list(column.to_pylist())
    if t.is_boolean(kind) or t.is_integer(kind):
        return list(pc.cast(column, pa.string()).to_pylist())
    if t.is_floating(kind):
        return [None if value is None else _real(value) for value in _reals(column)]
    if t.is_timestamp(kind):
        return [text and text + "Z" for text in _instants(column)]
    if t.is_date(kind):
        return [text and _year(text) for text in _times(column, pa.date32(), "D")]
    if t.is_decimal(kind):
        return [None if value is None else _scaled(value) for value in column.to_pylist()]
    if t.is_binary(kind) or t.is_large_binary(kind):
        return [None if value is None else base64.b64encode(value).decode() for value in column.to_pylist()]
    if t.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    return [None if value is None else str(value) for value in column.to_pylist()]


def _json(column: pa.Array) -> list[str]:
    """The column's values as JSON; NULL is null."""
    kind = column.type
    if t.is_struct(kind):
        names = [json.dumps(field.name, ensure_ascii=False) + ":" for field in kind]
        members = [_json(column.field(place)) for place in range(kind.num_fields)]
        rows: Iterator[tuple[str, ...]] = zip(*members, strict=True) if members else iter([()] * len(column))
        made: Iterator[str] = ("{" + ",".join(map("".join, zip(names, row, strict=True))) + "}" for row in rows)
    elif t.is_map(kind):
        keys = [_text(key or "") for key in _plain(column.keys)]
        made = _spans(column, [f"{key}:{value}" for key, value in zip(keys, _json(column.items), strict=True)], "{}")
    elif t.is_fixed_size_list(kind):
        return _json(column.cast(pa.list_(kind.value_type)))
    elif t.is_nested(kind):
        made = _spans(column, _json(column.values), "[]")
    else:
        spelt: Callable[[str], str] = (
            _as_it_is if t.is_boolean(kind) or t.is_integer(kind) or t.is_decimal(kind) else _text
        )
        spelt = _finite if t.is_floating(kind) else spelt
        return ["null" if text is None else spelt(text) for text in _plain(column)]
    return ["null" if null else text for null, text in zip(column.is_null().to_pylist(), made, strict=True)]


def _spans(column: Any, parts: list[str], around: str) -> Iterator[str]:
    ends = column.offsets.to_pylist()
    for begin, end in pairwise(ends):
        yield around[0] + ",".join(parts[begin:end]) + around[1]


def _text(text: str) -> str:
    # Jackson writes \u001F where Python writes \u001f.
    return _ESCAPED.sub(lambda found: r"\u" + found[0][2:].upper(), json.dumps(text, ensure_ascii=False))


def _as_it_is(text: str) -> str:
    return text


def _finite(text: str) -> str:
    return f'"{text}"' if text in _NOT_FINITE.values() else text  # NaN and Infinity are no JSON


def _reals(column: pa.Array) -> list[str | None]:
    """Shortest decimal texts that read back as the same number of the same width."""
    values = column.to_numpy(zero_copy_only=False)
    missing = column.is_null().to_pylist()
    # numpy's own scalars know their width: a FLOAT 0.1 is 0.1, not 0.10000000149011612.
    found = (str(column.type.to_pandas_dtype()(value)) for value in values)
    return [None if null else text for null, text in zip(missing, found, strict=True)]


def _real(text: str) -> str:
    """A number as Java writes it: 0.001 up to 10,000,000 in plain, beyond that 1.0E7, always with a fraction."""
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    minus = "-" if sign else ""
    if not any(digits):
        return f"{minus}0.0"
    shown = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + exponent  # the number is 0.SHOWN times ten to the power of `point`
    if not -2 <= point <= 7:
        return f"{minus}{shown[0]}.{shown[1:] or '0'}E{point - 1}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{shown}"
    return f"{minus}{shown[:point].ljust(point, '0')}.{shown[point:] or '0'}"


def _scaled(value: Decimal) -> str:
    return str(value)  # 1E-8, as Java's BigDecimal in JSON


def _instants(column: pa.Array) -> Texts:
    return [text and _year(text) for text in _times(column, pa.timestamp("us", column.type.tz), "us")]


def _times(column: pa.Array, to: pa.DataType, unit: Any) -> Texts:
    import numpy as np

    column = column.cast(to, safe=False)  # Spark's instants end with the microsecond, too
    whole = pc.fill_null(column.cast(pa.int32() if unit == "D" else pa.int64()), 0).to_numpy(zero_copy_only=False)
    found = np.datetime_as_string(whole.astype("int64").view(f"datetime64[{unit}]"), unit=unit).tolist()
    return [None if null else text for null, text in zip(column.is_null().to_pylist(), found, strict=True)]


def _year(text: str) -> str:
    return text if text[4] == "-" or text[0] == "-" else f"+{text}"


def _short(text: str) -> str:
    """Without the zeros at a fraction's end, nor a fraction of zero."""
    return text.rstrip("0").rstrip(".") + "Z"
