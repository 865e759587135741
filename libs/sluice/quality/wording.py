"""What Great Expectations judged of a batch, as a result: numbers, and words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sluice.quality.kinds import ROW
from sluice.quality.model import Check, Result

# The whole-batch checks that count rows which fail; each row check does.
_COUNTING = frozenset(
    """
    expect_column_values_to_be_unique expect_compound_columns_to_be_unique expect_column_values_to_be_increasing
    expect_column_values_to_be_decreasing expect_column_value_z_scores_to_be_less_than
    expect_column_values_to_not_be_outliers
    """.split()
)
_LONGEST = 200
_FEW = 10


def counts_rows(rule: str) -> bool:
    """Whether a check of this type counts rows that fail, where others observe one value."""
    return rule in ROW or rule in _COUNTING


def result_of(check: Check, expectation: Any, judged: Any, rows: int, proven: bool) -> Result:
    """An `ExpectationValidationResult` over `rows` rows -> a result; `proven` says that no row was looked at for it."""
    details: Mapping[str, Any] = judged.result or {}
    kwargs = expectation.configuration.kwargs
    success = bool(judged.success)
    if counts_rows(check.rule):
        evaluated = details["element_count"] - (details.get("missing_count") or 0)
        failed = details["unexpected_count"] or 0
        how = ", as the search for duplicates has shown" if proven else ""
        observed = f"{failed:,} of {evaluated:,} rows fail{how}"
        share = (evaluated - failed) / evaluated if evaluated else 1.0
        return Result(check, evaluated, failed, observed, share, _expected(kwargs, "every row passes"), success)
    value = _observed_value(details)
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Result(check, rows, 0, _said(value), number, _expected(kwargs, check.rule), success)


def _observed_value(details: Mapping[str, Any]) -> Any:
    """The value a check compared; of a set of distinct values, how many are too many and too few."""
    value = details.get("observed_value")
    if value is None:
        parts = [
            f"{details[key]:,} {words}"
            for key, words in (
                ("unexpected_count", "distinct values outside the set"),
                ("missing_count", "of the set missing"),
            )
            if key in details
        ]
        return ", ".join(parts) or None
    if isinstance(value, Mapping) and "quantiles" in value:
        pairs = zip(value["quantiles"], value["values"], strict=False)
        return ", ".join(f"{_said(quantile)}: {_said(found)}" for quantile, found in pairs)
    return value


def _expected(kwargs: Mapping[str, Any], otherwise: str) -> str:
    """An expectation's arguments in words; these are the suite's, never the data's."""
    words = []
    if "mostly" in kwargs and kwargs["mostly"] not in (None, 1):
        words.append(f"at least {kwargs['mostly']:.6g} of rows pass")
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None:
        words.append(f"{'above' if kwargs.get('strict_min') else 'at least'} {_said(low)}")
    if high is not None:
        words.append(f"{'below' if kwargs.get('strict_max') else 'at most'} {_said(high)}")
    if (condition := kwargs.get("row_condition")) is not None:
        words.append(f"where {_condition(condition)}")
    shown = {"row_condition", "mostly", "min_value", "max_value", "strict_min", "strict_max"}
    rest = {
        key: value
        for key, value in kwargs.items()
        if key not in shown and not key.startswith("column") and key != "condition_parser" and value is not None
    }
    if "column_list" in kwargs and not words and not rest:
        return otherwise
    words += [f"{key.replace('_', ' ')} {_said(value)}" for key, value in rest.items()]
    return _cut(", ".join(words)) or otherwise


def _condition(condition: Any) -> str:
    """A row condition as it was written, or as Great Expectations keeps it."""
    found = condition.get("pass_through_filter", condition) if isinstance(condition, Mapping) else condition
    return _said(found)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool | str):
        return _cut(str(value))
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{key}: {_said(found)}" for key, found in value.items()))
    if isinstance(value, Iterable):
        return _several(list(value))
    return _cut(str(value))


def _several(values: list[Any]) -> str:
    few = ", ".join(_said(one) for one in values[:_FEW])
    return _cut(few if len(values) <= _FEW else f"{few} and {len(values) - _FEW:,} more") or "none"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
