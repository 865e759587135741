"""Does an expectation fit the contract's columns: names, and types.

With ANSI off Spark compares a text with a number by making NULL of the text, without a word, and a NULL is no failure.
So what is compared must be of one family, and that is said here, before Spark is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sluice.contract.expressions import check_expression
from sluice.contract.model import Contract
from sluice.contract.problems import did_you_mean, shown
from sluice.contract.scope import Named, Scope
from sluice.contract.types import parse_type
from sluice.quality.kinds import NUMERIC, ROW

# Columns that the curated table has beside the contract's.
OWN = {"_record_hash": "binary", "_rescued": "string"}

_FAMILIES = {
    **dict.fromkeys("tinyint smallint int bigint float double decimal".split(), "number"),
    "string": "text",
    "date": "date",
    "timestamp": "instant",
    "boolean": "boolean",
    "binary": "bytes",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEXT_ONLY = re.compile(r"_regex(_list)?$")


class Columns:
    """The columns an expectation may name, with the family of their types; others are `nested`."""

    def __init__(self, contract: Contract) -> None:
        self.types = {column.name: column.type for column in contract.columns} | OWN
        self.families = {name: _FAMILIES.get(parse_type(type_).kind, "nested") for name, type_ in self.types.items()}
        self.scope = Scope(
            (Named(name, parse_type(type_), curated=True) for name, type_ in self.types.items()),
            "is no column of the contract",
        )

    def unknown(self, names: Iterable[str]) -> list[str]:
        return [
            f"column `{name}` is none of the contract's{did_you_mean(name, self.types)}"
            for name in names
            if name not in self.types
        ]

    def of(self, name: str) -> str:
        """`sentiment_value is a double`, for a problem's second half."""
        return f"column `{name}` is {self.types[name]}"


def columns_of(kwargs: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    """The columns an expectation is about, in its order; what is no text is left to Great Expectations to refuse."""
    found: list[str] = []
    for key in keys:
        value = kwargs.get(key)
        found += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return tuple(found)


def argument_problems(type_: str, names: Sequence[str], kwargs: Mapping[str, Any], columns: Columns) -> list[str]:
    """Arguments that do not fit the types of the columns; `kwargs` as Great Expectations read them."""
    families = [columns.families[name] for name in names]
    if type_ in NUMERIC:
        return [
            f"{columns.of(n)}, and only numbers can be reckoned with" for n in names if columns.families[n] != "number"
        ]
    if _TEXT_ONLY.search(type_):
        return [f"{columns.of(n)}, and a regex looks at text alone" for n in names if columns.families[n] != "text"]
    if "_value_lengths_" in type_:
        return [f"{columns.of(n)}, which has no length" for n in names if columns.families[n] not in ("text", "bytes")]
    if type_ == "expect_column_pair_values_to_be_in_set":
        return _pair_problems(names, kwargs.get("value_pairs_set"), columns)
    if type_ in ROW and len(names) > 1:
        return _same_family(names, families, columns)
    if "min_value" in kwargs or "max_value" in kwargs:
        return _bound_problems(type_, names, kwargs, columns)
    if type_.endswith("_in_set") or "_distinct_values_to_" in type_:
        values = kwargs.get("value_set")
        return _member_problems(names[0], values, columns, "value_set") if names and isinstance(values, list) else []
    return []


def _same_family(names: Sequence[str], families: Sequence[str], columns: Columns) -> list[str]:
    kinds = {"instant" if family == "date" else family for family in families}
    if len(kinds) > 1:
        listed = ", ".join(f"`{name}` is {columns.types[name]}" for name in names)
        return [f"columns of different kinds cannot be compared: {listed}"]
    return [f"{columns.of(names[0])}, which cannot be compared"] if "nested" in kinds else []


def _bound_problems(type_: str, names: Sequence[str], kwargs: Mapping[str, Any], columns: Columns) -> list[str]:
    """Bounds of a value; those of a count or a share are of no column's type."""
    if type_ not in (
        "expect_column_values_to_be_between",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
    ):
        return []
    name, problems = names[0], []
    family = columns.families[name]
    if family not in ("number", "date", "instant"):
        return [f"{columns.of(name)}, and bounds are for numbers, days and instants alone"]
    for key in ("min_value", "max_value"):
        value = kwargs.get(key)
        if value is not None and isinstance(value, date) != (family != "number"):  # a datetime is a date, too
            problems.append(f"{key}: {shown(str(value))} cannot be compared: {columns.of(name)}")
    bounds = [value for key in ("min_value", "max_value") if (value := kwargs.get(key)) is not None]
    if not problems and len({isinstance(value, datetime) for value in bounds}) > 1:
        problems.append("min_value and max_value: a day and an instant cannot be compared; make both the same")
    return problems


def _member_problems(name: str, values: Sequence[Any], columns: Columns, key: str) -> list[str]:
    family = columns.families[name]
    if family in ("instant", "bytes", "nested"):
        return [f"{columns.of(name)}, of which no set can be written in JSON; use bounds"]
    wrong = [value for value in values if value is not None and not _fits(value, family)]
    return [f"{key}: {shown(wrong[0])} cannot be equal: {columns.of(name)}"] if wrong else []


def _pair_problems(names: Sequence[str], pairs: object, columns: Columns) -> list[str]:
    if not isinstance(pairs, list) or not pairs:
        return ["value_pairs_set: expected a list of pairs that is not empty"]
    problems = []
    for place, name in enumerate(names):
        problems += _member_problems(name, [pair[place] for pair in pairs], columns, "value_pairs_set")
    return problems


def _fits(value: object, family: str) -> bool:
    if isinstance(value, bool):
        return family == "boolean"
    if isinstance(value, int | float):
        return family == "number"
    if not isinstance(value, str):
        return False
    # Spark compares the members of a set with a day as texts, so it must be written as Spark writes it.
    return family == "text" or (family == "date" and _DAY.fullmatch(value) is not None)


def condition_problems(condition: Any, parser: object, columns: Columns) -> tuple[list[str], list[str]]:
    """The columns a row condition names, and its problems; `condition` as Great Expectations has read it."""
    if condition is None:
        return [], []
    if parser == "pandas":
        return [], ["condition_parser: expected `spark` or `great_expectations`, found `pandas`; rows are Spark's"]
    if (text := getattr(condition, "pass_through_filter", None)) is not None:
        checked = check_expression(text, columns.scope, "row_condition")
        return [named.name for named in checked.roots.values()], checked.problems
    return _structured(condition, columns)


def _structured(condition: Any, columns: Columns) -> tuple[list[str], list[str]]:
    if (inner := getattr(condition, "conditions", None)) is not None:
        parts = [_structured(part, columns) for part in inner]
        return [n for names, _ in parts for n in names], [p for _, problems in parts for p in problems]
    name = condition.column.name
    if unknown := columns.unknown([name]):
        return [], [f"row_condition: {unknown[0]}"]
    if (operator := getattr(condition, "operator", None)) is None:
        return [name], []
    value, family = condition.parameter, columns.families[name]
    if str(operator) in ("IN", "NOT_IN", "Operator.IN", "Operator.NOT_IN"):
        found = [f"row_condition: {problem}" for problem in _member_problems(name, list(value), columns, "its set")]
        return [name], found or ([] if list(value) else ["row_condition: a set without members holds for no row"])
    moment = family in ("instant", "date") and isinstance(value, str)
    if not moment and not _fits(value, family):
        return [name], [f"row_condition: {shown(value)} cannot be compared: {columns.of(name)}"]
    return [name], []


def leaves(condition: str) -> list[str]:
    """The comparisons that a condition joins by AND, OR and NOT, each by itself; none where it is but one.

    `a > 1 AND b RLIKE '['` -> `a > 1`, `b RLIKE '['`. For a condition that `condition_problems` has found sound.
    """
    import sqlglot
    from sqlglot import exp

    waiting, found = [sqlglot.parse_one(condition, read="spark")], []
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Connector):
            waiting += [node.right, node.left]
        elif isinstance(node, exp.Paren | exp.Not):
            waiting.append(node.this)
        else:
            found.append(node.sql(dialect="spark"))
    return found if len(found) > 1 else []
