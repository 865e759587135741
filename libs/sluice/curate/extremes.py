"""Rows of extreme values for the raw fields of a contract: what a record could hold, at its edges.

NaN and infinities are absent, since JSON has none.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluice.contract.model import Contract
from sluice.contract.types import SparkType, parse_type

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A prime, so that rows (i, shift) with field k at (i + k * shift) mod SIDE bring every value of one field together
# with every value of each other field, in SIDE * SIDE rows.
SIDE = 31

_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
_INTEGERS = (
    *(0, 1, -1, 2, 100, 2**31 - 1, 2**31, -(2**31) - 1, 2**32, 2**53 + 1),
    *(1511711811, 1511711811679, 1511711811679000, 1511711811679000000),  # one instant in s, ms, us and ns
    *(-62135596800000, -62135596800001, 253402300799999, 253402300800000, 253402300800),  # years 1 and 9999, just past
    9223372036854775,  # the last millisecond that fits a timestamp in microseconds
)
_DOUBLES = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.1, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308),
    *(90.5, 180.0, 2147483648.0, -2147483649.0, 9.3e18, -9.3e18, 1511711811.679, 1511711811679.0, 1e39, 1e22),
)
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1.401298464324817e-45, 3.4028234663852886e38, -3.4028234663852886e38, 1e19)
_STRINGS = (
    *(
        "",
        " ",
        "\t\n",
        "a",
        "x" * 5000,
        "\U0001f600",
        "\u00e9e\u0301",
        "\u2028",
        "\x00",
        "null",
        "true",
        "0",
        "1",
        "-1",
    ),
    *("1.5", "12 ", "1e400", "NaN", "Infinity", "9223372036854775807", "9223372036854775808", "1511711811679"),
    *(
        "2017-11-26",
        "2017-11-26T15:56:51.679Z",
        "2017-02-30",
        "2017-11-26 junk",
        "{",
        "[1]",
        '{"a":1}',
        "http://[",
        "%zz",
    ),
)

# Texts of JSON values: every kind, what is empty, what nests, numbers beyond every type.
_JSON = (
    *("{}", "[]", '""', "true", "false", "0", "-1", "1.5", "1e400", "9223372036854775808", "1511711811679", '"12"'),
    *('{"a":1}', '{"a":null}', '{"a":{"b":[1,"x",null]}}', '{"A":1,"a":"x"}', '{"a":1,"a":2}', '{"":""}'),
    *("[1]", "[null]", '[[1],["x"],{}]', '["\\ud83d\\ude00"]', "[" * 40 + "]" * 40, '"2017-11-26T15:56:51.679Z"'),
)
# Dates, instants and binaries (base64), as Parquet has them and the reader lets them through.
_DAYS = ("1970-01-01", "1969-12-31", "2017-11-26", "2000-02-29", "1582-10-04", "1582-10-15", "0001-01-01", "9999-12-31")
_DATED = {
    "date": _DAYS,
    "timestamp": (*(f"{day}T00:00:00Z" for day in _DAYS), "9999-12-31T23:59:59.999999Z", "2017-11-26T15:56:51.679Z"),
    "binary": ("", "AA==", "YQ==", "//4=", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4", "yKQ="),
}


def extreme_rows(spark: SparkSession, contract: Contract) -> DataFrame:
    """SIDE * SIDE rows of all raw fields, in which any two fields meet in all pairs of their values.

    Made inside the JVM from one JSON literal a field: rows from Python would start Python workers first.
    """
    from pyspark.sql import functions as F

    row, shift = F.col("id") % SIDE, F.floor(F.col("id") / SIDE)
    columns = []
    for place, field in enumerate(contract.raw):
        values = extreme_values(parse_type(field.type))
        read = F.from_json(F.lit(f'{{"v":{as_json(values)}}}'), f"v array<{field.ddl}>")["v"]
        index = (row + place * shift) % SIDE % len(values)
        columns.append(F.get(read, index.cast("int")).alias(field.name))
    return spark.range(SIDE * SIDE).select(*columns)


def as_json(value: object) -> str:
    """JSON with decimals as plain numbers, digit by digit."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{as_json(inner)}' for name, inner in value.items())}}}"
    return json.dumps(value)


def extreme_values(of: SparkType) -> list[Any]:
    """At most SIDE values of a type, NULL the first."""
    found = [None, *_some(of)]
    return found[:SIDE]


def _some(of: SparkType) -> list[Any]:
    if of.kind in _BITS:
        low, high = -(2 ** _BITS[of.kind]), 2 ** _BITS[of.kind] - 1
        return [low, high, low + 1, high - 1, *(value for value in _INTEGERS if low + 1 < value < high - 1)]
    if of.kind == "decimal":
        digits, scale = map(int, of.text[len("decimal(") : -1].split(","))
        step = Decimal((0, (1,), -scale))
        most = Decimal((0, (9,) * digits, -scale))
        return [
            most,
            most.copy_negate(),
            step,
            step.copy_negate(),
            Decimal((0, (0,), -scale)),
            Decimal((1, (9,) * (digits - 1) + (8,), -scale)),
        ]
    if of.kind == "array":
        each = extreme_values(of.parts[0])
        return [[], [None], *([value] for value in each[1:12]), each, each[::-1]]
    if of.kind == "map":
        each = extreme_values(of.parts[1])
        keys = [value for value in _STRINGS if value]
        return [{}, {"": None}, *({"a": value} for value in each[1:12]), dict(zip(keys, each, strict=False))]
    if of.kind == "struct":
        fields = [extreme_values(type_) for _, type_ in of.fields]
        rows = range(SIDE - 1)
        names = [name for name, _ in of.fields]
        made = [[each[(row * (1 + place)) % len(each)] for place, each in enumerate(fields)] for row in rows]
        return [dict(zip(names, values, strict=True)) for values in made]
    return list(
        {"double": _DOUBLES, "float": _FLOATS, "boolean": (True, False), "json": _JSON, **_DATED}.get(of.kind, _STRINGS)
    )
