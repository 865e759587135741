"""A suite's critical row checks -> Python source: those of which Great Expectations' meaning is surely carried over.

What they mean is read from Great Expectations' own objects, row conditions from its own SQL of them; the property test
that holds the function to Spark holds this to `quality.predicates`, too. Needed only when a release is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sluice.contract.model import Contract
from sluice.delivery.expressions import Code, NotCarried, compared, isin, literal, translate
from sluice.quality.conditions import condition_sql
from sluice.quality.model import Suite
from sluice.quality.parameters import SUPPLIED
from sluice.quality.suite import Asked, examined

_EPOCH, _EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)
_MICRO = timedelta(microseconds=1)
_BOUND = ("min_value", "max_value")
# The names in compiled code of what the hour gives in which a record arrived.
ARRIVAL = {"batch_arrival_min": "arrival_min", "batch_arrival_max": "arrival_max"}
_HEEDED = frozenset("column row_condition condition_parser strict_min strict_max value_set value mostly".split())


@dataclass(frozen=True)
class RowCheck:
    """A check that sends a row to quarantine: `fails` is source that is True for rows that fail it."""

    name: str
    rule: str
    column: str
    message: str
    fails: str


def row_checks(contract: Contract, suite: Suite | None, names: Mapping[str, Code]) -> tuple[list[RowCheck], list[str]]:
    """The checks in the suite's order over columns by `names` (in lower case); and what does not carry over."""
    if suite is None:
        return [], []
    later = {name: value + timedelta(days=days) for days, (name, value) in enumerate(SUPPLIED.items(), 1)}
    pairs = zip(examined(suite, contract, SUPPLIED), examined(suite, contract, later), strict=True)
    found: list[RowCheck] = []
    problems: list[str] = []
    for asked, again in pairs:
        check = asked.check
        if check.kind != "row" or check.severity != "critical":
            continue
        try:
            fails = _fails(asked, again, names)
        except NotCarried as problem:
            problems.append(f"{asked.place} ({check.column}): {problem}")
            continue
        found.append(RowCheck(check.name, check.rule, check.column, check.message, fails))
    return found, problems


def _fails(asked: Asked, again: Asked, names: Mapping[str, Code]) -> str:
    """`again` is the same with other parameters of the run, which shows which of them its bounds are made of."""
    rule, kwargs = asked.check.rule, asked.configuration["kwargs"]
    make = _RULES.get(rule)
    unheeded = [key for key in kwargs if key not in (*_HEEDED, *_BOUND)]
    if make is None or unheeded:
        what = rule if make is None else f"its argument {unheeded[0]}"
        raise NotCarried(f"{what} is not among what carries over")
    column = names[asked.check.column.lower()]
    condition = _condition(asked.expectation, names)
    fails = make(asked, again, column)
    return f"({condition}) is True and {fails}" if condition else fails


def _condition(expectation: Any, names: Mapping[str, Code]) -> str:
    """The row condition, by way of the SQL that Great Expectations itself makes of it."""
    condition = getattr(expectation, "row_condition", None)
    if condition is None:
        return ""
    code = translate(condition_sql(condition), names)
    if code.kind != "boolean":
        raise NotCarried("its row_condition is no condition")
    return code.text


def _between(asked: Asked, again: Asked, column: Code) -> str:
    tests = []
    for key, strict, loose in (("min_value", "gt", "ge"), ("max_value", "lt", "le")):
        bound = _bound(getattr(asked.expectation, key), getattr(again.expectation, key), column)
        if bound is not None:
            name = strict if getattr(asked.expectation, f"strict_{key[:3]}", False) else loose
            tests.append(compared(name, column, bound).text)
    return f"and_({tests[0]}, {tests[1]}) is False" if len(tests) == 2 else f"{tests[0]} is False"


def _bound(value: Any, other: Any, column: Code) -> Code | None:
    if value is None:
        return None
    if not isinstance(value, date):
        bound = literal(value)
    elif isinstance(value, datetime) and column.kind == "timestamp":
        bound = Code(_moment(value, other), "timestamp")
    elif not isinstance(value, datetime) and column.kind == "date" and value == other:
        bound = Code(repr((value - _EPOCH_DAY).days), "date")
    else:
        raise NotCarried(f"a bound that is a {type(value).__name__} beside a {column.kind}")
    return bound


def _moment(value: datetime, other: datetime) -> str:
    """An instant, as a number or as a distance from the arrival hour; `other` is what it is for other parameters."""
    if value == other:
        return repr((value - _EPOCH) // _MICRO)
    for days, (name, supplied) in enumerate(SUPPLIED.items(), 1):
        if name in ARRIVAL and other - value == timedelta(days=days) and isinstance(supplied, datetime):
            return f"{ARRIVAL[name]} + {(value - supplied) // _MICRO}"
    raise NotCarried("a bound that is no fixed distance from batch_arrival_min or batch_arrival_max")


def _in_set(negated: bool) -> Callable[[Asked, Asked, Code], str]:
    def make(asked: Asked, again: Asked, column: Code) -> str:
        values = asked.expectation.value_set
        if not isinstance(values, list | set | tuple) or not values or column.kind in ("date", "timestamp"):
            raise NotCarried("a set that is empty, or of days")
        return f"{isin(column, _literals(values)).text} is {negated}"

    return make


def _literals(values: Any) -> Sequence[Code]:
    found = [literal(value) for value in values]
    if any(code.kind == "double" for code in found):  # Spark makes one type of them all
        return [Code(repr(float(code.text)), "double") if code.family == "number" else code for code in found]
    return found


def _lengths(asked: Asked, again: Asked, column: Code) -> str:
    if column.kind != "string":
        raise NotCarried(f"the length of a {column.kind}")
    return _between(asked, again, Code(f"length({column.text})", "int"))


def _length(asked: Asked, again: Asked, column: Code) -> str:
    if column.kind != "string":
        raise NotCarried(f"the length of a {column.kind}")
    length = Code(f"length({column.text})", "int")
    return f"{compared('eq', length, literal(asked.expectation.value)).text} is False"


_RULES: dict[str, Callable[[Asked, Asked, Code], str]] = {
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set(False),
    "expect_column_values_to_not_be_in_set": _in_set(True),
    "expect_column_values_to_be_null": lambda asked, again, column: f"{column.text} is not None",
    "expect_column_values_to_not_be_null": lambda asked, again, column: f"{column.text} is None",
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _length,
}
