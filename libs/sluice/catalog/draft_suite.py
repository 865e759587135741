"""A starter suite: what a crawl has seen, as warnings that the same data passes. Plain Great Expectations."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sluice.catalog.draft_columns import Drafted, Sketch
from sluice.catalog.draft_types import EXACT_IN_DOUBLE
from sluice.catalog.evidence import is_personal
from sluice.catalog.findings import Found
from sluice.catalog.names import snake

MOST_CHECKS = 60
_FEW, _SHORT_WORD = 20, 40
_SLACK = 0.1


def suite_document(found: Found, made: Sketch) -> dict[str, Any]:
    """The suite as JSON: a batch is not empty (critical), and what columns hold (warnings)."""
    some = _expectation(
        "some_rows", "expect_table_row_count_to_be_between", "critical", {"min_value": 1}, "A batch is not empty."
    )
    more = [check for column in made.columns for check in _of_column(found, column)]
    return {
        "name": found.name,
        "meta": {"great_expectations_version": "1.24.1"},
        "expectations": [some, *more[: MOST_CHECKS - 1]],
    }


def suite_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _of_column(found: Found, column: Drafted) -> Iterator[dict[str, Any]]:
    yield from _not_null(found, column)
    if column.conversion or is_personal(column.place, snake(column.path[-1])):
        return
    kind = column.type.kind
    if kind in ("bigint", "int", "smallint", "tinyint", "double", "float", "decimal"):
        yield from _range(found, column)
    if kind == "string":
        yield from _text(found, column)


def _not_null(found: Found, column: Drafted) -> Iterator[dict[str, Any]]:
    """Where every record has a value, all rows; where most do, a share somewhat below what was seen."""
    place = column.place
    there = (place.seen - place.nulls) / found.records if found.records else 0.0
    # A check of what nests would take all of it through Spark.
    nested = bool(column.type.fields or column.type.parts)
    if column.partitioned or nested or (not column.always and (there < 0.5 or len(column.path) > 1)):
        return
    kwargs: dict[str, Any] = {"column": column.name}
    told = "Every record had one."
    if not column.always:
        kwargs["mostly"] = math.floor(max(there - _SLACK, 0.0) * 100) / 100
        told = "Most records had one."
    yield _expectation(f"{column.name}_there", "expect_column_values_to_not_be_null", "warning", kwargs, told)


def _range(found: Found, column: Drafted) -> Iterator[dict[str, Any]]:
    place = column.place
    if any(key.path == column.path for key in found.keys):
        return
    given = (place.lowest_integer, place.highest_integer, place.lowest_number, place.highest_number)
    bounds = [Decimal(bound) for bound in given if bound is not None]
    if not bounds:
        return
    low, high = _rounded_down(min(bounds)), -_rounded_down(-max(bounds))
    if max(abs(low), abs(high)) > EXACT_IN_DOUBLE:
        return
    kwargs = {"column": column.name, "min_value": low, "max_value": high}
    yield _expectation(
        f"{column.name}_in_range", "expect_column_values_to_be_between", "warning", kwargs, "The range seen, rounded."
    )


def _rounded_down(value: Decimal) -> int:
    """To one digit, away from what was seen: 12.5 -> 10, -12.5 -> -20."""
    whole = math.floor(value)
    step = 10 ** max(len(str(abs(whole))) - 1, 0)
    return math.floor(whole / step) * step if abs(whole) < EXACT_IN_DOUBLE else whole


def _text(found: Found, column: Drafted) -> Iterator[dict[str, Any]]:
    place = column.place
    known = place.values.known
    if set(place.kinds) - {kind for kind, count in place.kinds.items() if not count} != {"string"}:
        return
    words = sorted(value for value in known or () if isinstance(value, str))
    often = sum((known or {}).values()) >= 5 * max(len(words), 1)
    if known and len(words) == len(known) <= _FEW and often and max(map(len, words)) <= _SHORT_WORD:
        kwargs: dict[str, Any] = {"column": column.name, "value_set": words, "mostly": 0.95}
        yield _expectation(
            f"{column.name}_known", "expect_column_values_to_be_in_set", "warning", kwargs, "The values seen."
        )
    elif place.longest is not None and not place.formats.total():
        kwargs = {"column": column.name, "max_value": -_rounded_down(Decimal(-max(place.longest, 1)))}
        yield _expectation(
            f"{column.name}_length", "expect_column_value_lengths_to_be_between", "warning", kwargs,
            "The longest seen, rounded up.",
        )  # fmt: skip


def _expectation(name: str, type_: str, severity: str, kwargs: dict[str, Any], told: str) -> dict[str, Any]:
    return {
        "type": type_,
        "severity": severity,
        "description": told,
        "kwargs": kwargs,
        "meta": {"sluice": {"name": name}},
    }
