"""What carries over into the function means there what it means in Spark, value by value at the edges of every type."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.lakes import contract_of
from sluice.contract.model import Contract, RawField
from sluice.contract.types import parse_type
from sluice.curate.extremes import extreme_rows
from sluice.delivery.compiling import compiled
from sluice.delivery.expressions import Code, NotCarried, translate
from sluice.delivery.functions import DAY_MICROS
from sluice.errors import ContractError
from support.contracts import text_of, with_logic

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TYPES = {
    "t": "string", "u": "string", "n": "bigint", "m": "bigint", "i": "int", "b": "boolean", "x": "double",
    "y": "double", "d": "decimal(10,2)",
}  # fmt: skip


def _each(text: str) -> list[str]:
    """Expressions between single bars or line ends."""
    return re.split(r"(?<!\|)\|(?!\|)|\n", text.strip())


# Each is compiled and asked of Spark over the same rows.
CARRIED = _each(
    """
n = m|n <> m|n < i|n <= 100|x > y|x >= 0.5|x = n|n > 1.5e0|x <> -0.0|d > 0.01|d = d|t = u|t < u|t >= 'a'|b = true
n <=> m|t <=> u|b AND n > 0|b OR x IS NULL|NOT b|t IS NULL|t IS NOT NULL|isnull(n)|isnotnull(t)|NOT (n > 0 OR b)
n BETWEEN -1 AND 2|x BETWEEN 0 AND 90.5|t BETWEEN '' AND 'b'|n NOT BETWEEN i AND m
n IN (1, 2, -1)|x IN (0.5, 90.5)|t IN ('', 'a', 'null')|t NOT IN ('a', NULL)|n IN (1, NULL)|b IN (true)
CASE WHEN n > 0 THEN t WHEN b THEN u ELSE 'none' END|CASE WHEN b THEN 1 END|CASE WHEN b THEN n ELSE 0 END
CASE WHEN b THEN x ELSE n END|if(b, x, 1.5)|if(x > 0, t, NULL)
coalesce(t, u, '')|nvl(n, 0)|coalesce(x, n)|nullif(t, '')|nullif(n, m)
trim(t)|ltrim(t)|rtrim(t)|trim(BOTH FROM t)|length(t)|char_length(u)|concat(t, '-', u)|t || u
startswith(t, ' ')|endswith(t, 'l')|contains(t, '1')
CASE WHEN n BETWEEN -62135596800000 AND 253402300799999 THEN timestamp_millis(n) END
to_date(CASE WHEN n BETWEEN -62135596800 AND 253402300799 THEN timestamp_seconds(n) END)
CAST(CASE WHEN n BETWEEN -62135596800000000 AND 253402300799999999 THEN timestamp_micros(n) END AS date)
CAST(n AS double)|CAST(i AS bigint)|double(m)|CAST(t AS string)
"""
)
# They parse as Spark's, and mean something else in Python, or something that depends on versions.
LEFT_OUT = _each(
    """
n + 1|x / y|n % 2|-n|CAST(t AS bigint)|CAST(x AS int)|CAST(n AS string)|CAST(n AS int)|lower(t)|t LIKE 'a%'|t RLIKE 'a'
regexp_replace(t, 'a', 'b')|trim(BOTH 'x' FROM t)|to_date(t)|to_date(t, 'yyyy')|date_trunc('DAY', timestamp_seconds(n))
substring(t, 1, 2)|t = n|n = b|d = n|CASE n WHEN 1 THEN 2 END|t IN (u)|CASE WHEN t THEN 1 END|abs(n)
from_json(t, 'a int')
"""
)


def names() -> dict[str, Code]:
    return {name: Code(name, parse_type(type_).kind) for name, type_ in TYPES.items()}


def plain(value: Any) -> Any:
    """A value as the function has it, from Spark's: instants and days come as numbers already."""
    return value.normalize() if isinstance(value, Decimal) else value


def test_what_carries_over_gives_what_spark_gives(spark: SparkSession) -> None:
    codes = {text: translate(text, names()) for text in CARRIED}
    contract = contract_with(TYPES)
    rows = extreme_rows(spark, contract)
    wanted = [_number(f"({text})", codes[text].kind) + f" AS `{at}`" for at, text in enumerate(CARRIED)]
    functions: dict[str, Any] = {}
    exec("from decimal import Decimal\nfrom sluice.delivery.functions import *", functions)
    differing = []
    for row in rows.selectExpr("*", *wanted).collect():
        given = row.asDict()
        for at, (text, code) in enumerate(codes.items()):
            found = eval(code.text, functions, {name: given[name] for name in TYPES})
            if repr(plain(found)) != repr(plain(given[str(at)])):
                differing.append((text, found, given[str(at)]))
    assert differing == []


def _number(text: str, kind: str) -> str:
    """Python's datetime has no year 0, and days of Spark's are numbers to the function."""
    return {"timestamp": f"unix_micros({text})", "date": f"unix_date({text})"}.get(kind, text)


def contract_with(types: dict[str, str]) -> Contract:
    base = contract_of()
    return Contract(**{**vars(base), "raw": tuple(RawField(name, type_) for name, type_ in types.items())})


@pytest.mark.parametrize("text", LEFT_OUT)
def test_what_may_mean_something_else_does_not_carry_over(text: str) -> None:
    with pytest.raises(NotCarried):
        translate(text, names())


def test_what_does_not_carry_over_is_named_with_its_column_all_at_once() -> None:
    from sluice.contract.load import parse_contract

    changes = with_logic("upper(id)")
    changes["customProperties"] = [
        {"property": "recordFilters", "value": [{"kind": "bot", "expression": "id LIKE 'b%'"}]}
    ]
    with pytest.raises(ContractError) as error:
        compiled(parse_contract(text_of(changes), "schemas/visits/v1.yaml"), None)
    assert [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]] == [
        "filter bot", "column path", "column made",
    ]  # fmt: skip


def test_a_day_begins_at_midnight_before_1970_too() -> None:
    code = translate("to_date(at)", {"at": Code("at", "timestamp")})
    functions: dict[str, Any] = {}
    exec("from sluice.delivery.functions import *", functions)
    days = [eval(code.text, functions, {"at": at}) for at in (-1, 0, -DAY_MICROS, -DAY_MICROS - 1, DAY_MICROS - 1)]
    assert days == [-1, 0, -1, -2, 0]
