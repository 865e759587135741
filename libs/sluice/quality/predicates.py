"""Row-level expectations as two columns each, taken from Great Expectations' own metrics.

`<metric>.condition` is a Spark Column that is true for unexpected rows and may be NULL, which counts as not unexpected.
Row conditions and `ignore_row_if` are not in it: they come back as the arguments of the domain, and what Great
Expectations filters a DataFrame by for them is read off a recorder that stands in for the DataFrame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from sluice.contract.model import Contract
from sluice.errors import SuiteError
from sluice.quality.expectations import engine_for, metrics_of, quiet
from sluice.quality.fits import OWN, leaves
from sluice.quality.model import Check, Suite
from sluice.quality.suite import Asked, examined, reasons

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_RECORDER = "recorder"
_NARROWS = ("row_condition", "condition_parser", "ignore_row_if")
# Of these Great Expectations counts NULLs as values, of all other single columns it does not.
_COUNTS_NULL = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")


@dataclass(frozen=True)
class RowCheck:
    """A check decided row by row, over any DataFrame with the columns named in `columns`.

    `applies` (never NULL): Great Expectations evaluates the row. `fails` (never NULL, implies `applies`): it reports
    the row as unexpected. `parts` are the conditions both are made of, each alone, so that a probe meets every one:
    in a conjunction Spark may skip the second.
    """

    check: Check
    applies: Column
    fails: Column
    columns: frozenset[str]
    place: str = ""
    parts: tuple[Column, ...] = ()


class _Recorder:
    """Stands for a DataFrame while Great Expectations narrows it down to a domain; keeps what it is filtered by."""

    def __init__(self) -> None:
        self.filters: list[Column] = []

    def filter(self, condition: Column | str) -> _Recorder:
        from pyspark.sql import functions as F

        self.filters.append(F.expr(condition) if isinstance(condition, str) else condition)
        return self


def row_checks(
    spark: SparkSession, contract: Contract, suite: Suite, parameters: Mapping[str, datetime | date]
) -> tuple[RowCheck, ...]:
    """The row-level expectations of a suite, in its order; no Spark job is run.

    `parameters` are the run's: `batch_arrival_min` and `batch_arrival_max` (aware, UTC) and `run_date` (a day).
    Raises SuiteError with all problems, those of `classify` too.
    """
    asked = [one for one in examined(suite, contract, parameters) if one.check.kind == "row"]
    if not asked:
        return ()
    engine = engine_for(spark, empty_rows(spark, contract))
    engine.resolve_metric_bundle = _nothing_counted
    with quiet():
        conditions, problems = _conditions(engine, asked)
        found: list[RowCheck] = []
        for one, made in zip(asked, conditions, strict=True):
            if made is not None:
                try:
                    found.append(_row_check(engine, one, *made))
                except Exception as error:  # noqa: BLE001 - GX and Spark's parser raise what they like
                    problems.append(f"{one.place}: {reasons(error)[0]}")
    if problems:
        raise SuiteError(suite.path, problems)
    return tuple(found)


def _nothing_counted(metric_fn_bundle: Iterable[Any]) -> dict[Any, int]:
    """In place of Great Expectations' aggregates, which it asks for beside every condition: over no rows all are 0.

    It would be the first Spark job of a run, which takes seconds to say so.
    """
    return {one.metric_configuration.id: 0 for one in metric_fn_bundle}


def empty_rows(spark: SparkSession, contract: Contract) -> DataFrame:
    """No rows of the curated table: the contract's columns, then `_record_hash` and `_rescued`."""
    types = {column.name: column.type for column in contract.columns} | OWN
    columns = ", ".join(f"CAST(NULL AS {type_}) AS `{name}`" for name, type_ in types.items())
    return spark.sql(f"SELECT {columns} LIMIT 0")


def _conditions(engine: Any, asked: Sequence[Asked]) -> tuple[list[tuple[Column, dict[str, Any]] | None], list[str]]:
    """Per expectation its condition and domain, all in one go; None, with a problem, where there is none.

    The metrics are asked for without what narrows a domain down, which Great Expectations would make frames of.
    """
    counted = [_counted(engine, one.expectation) for one in asked]
    wanted = [_condition_metric(metric) for metric in counted]
    resolved, aborted = metrics_of(engine).compute_metrics(wanted)
    found: list[tuple[Column, dict[str, Any]] | None] = []
    problems = []
    for one, whole, metric in zip(asked, counted, wanted, strict=True):
        if metric.id in resolved:
            condition, compute, accessor = resolved[metric.id]
            domain = {**whole.metric_domain_kwargs, **compute, **accessor, "batch_id": _RECORDER}
            found.append((condition, domain))
        else:
            found.append(None)
            problems.append(f"{one.place}: {_aborted_reason(aborted.get(metric.id))}")
    return found, problems


def _counted(engine: Any, expectation: Any) -> Any:
    """The metric by which Great Expectations counts the unexpected rows, with its domain and arguments."""
    dependencies = expectation.get_validation_dependencies(engine, {"result_format": "BOOLEAN_ONLY"})
    return dependencies.metric_configurations[f"{expectation.map_metric}.unexpected_count"]


def _condition_metric(counted: Any) -> Any:
    """The metric whose true rows are those that `counted` counts."""
    from great_expectations.validator.metric_configuration import MetricConfiguration

    name = counted.metric_name.removesuffix(".unexpected_count") + ".condition"
    domain = {key: value for key, value in counted.metric_domain_kwargs.items() if key not in _NARROWS}
    values = {key: value for key, value in counted.metric_value_kwargs.items() if key != "result_format"}
    return MetricConfiguration(name, domain, values)


def _row_check(engine: Any, one: Asked, condition: Column, domain: dict[str, Any]) -> RowCheck:
    from pyspark.sql import functions as F

    filters = _filters(engine, domain)
    if "column" in domain and one.check.rule not in _COUNTS_NULL:
        filters.append(F.col(domain["column"]).isNotNull())
    never_null = [F.coalesce(part, F.lit(False)) for part in filters]
    applies = reduce(and_, never_null) if never_null else F.lit(True)
    fails = reduce(and_, never_null, F.coalesce(condition, F.lit(False)))
    return RowCheck(one.check, applies, fails, one.columns, one.place, (condition, *filters, *_hidden(one)))


def _hidden(one: Asked) -> list[Column]:
    """What Spark may skip within a condition: the second of two regexes, what stands after `AND` in a row condition."""
    from pyspark.sql import functions as F

    expectation = one.expectation
    regexes = getattr(expectation, "regex_list", None) or [getattr(expectation, "regex", None)]
    found = [F.col(expectation.column).rlike(regex) for regex in regexes if regex is not None]
    text = getattr(getattr(expectation, "row_condition", None), "pass_through_filter", None)
    return found + ([F.expr(leaf) for leaf in leaves(text)] if text is not None else [])


def _filters(engine: Any, domain: dict[str, Any]) -> list[Column]:
    """What Great Expectations narrows the rows down by: row_condition, filter_conditions, ignore_row_if."""
    from great_expectations.execution_engine.sparkdf_batch_data import SparkDFBatchData

    recorder = _Recorder()
    engine.batch_manager.batch_data_cache[_RECORDER] = SparkDFBatchData(engine, recorder)
    engine.get_domain_records(domain)
    return recorder.filters


def _aborted_reason(info: Any) -> str:
    """Why a metric came to nothing, from the pile of what Great Expectations caught."""
    message = str(((info or {}).get("exception_info") or {}).get("exception_message", "")).strip()
    return message.splitlines()[0][:200] if message else "Great Expectations makes no condition of it"
