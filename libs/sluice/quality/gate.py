"""Ask a suite's whole-batch checks of the rows that are about to be curated, in as few Spark jobs as they allow.

Great Expectations' own metrics and its own judgement, without its data context, its batch definitions and its result
formats: `BASIC` fetches failing values of every check that counts rows, a job or two each, and nobody may see them.
The metrics of all checks are asked for together, so that those over the same rows are one aggregate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sluice.contract.model import Contract
from sluice.errors import AccountingError, SuiteError
from sluice.quality.expectations import engine_for, metrics_of, quiet
from sluice.quality.model import Check, Result, Suite
from sluice.quality.parameters import SUPPLIED
from sluice.quality.samples import sample_rows
from sluice.quality.suite import Asked, examined, reasons
from sluice.quality.wording import result_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HASH = "_record_hash"
RESCUED = "_rescued"

# Every value that Great Expectations judges by, without the failing ones: see `_wanted`.
_FORMAT = {"result_format": {"result_format": "BASIC", "partial_unexpected_count": 0}}
_NULLS = "nonnull.unexpected_count"
_BOUNDS = ("column.max", "column.min")
_OF_THE_TABLE = ("expect_table_column", "expect_column_to_exist")
_UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")


def gate_columns(suite: Suite, contract: Contract) -> frozenset[str]:
    """Columns of the curated table that whole-batch checks look at. Raises SuiteError."""
    gate = [asked for asked in examined(suite, contract, SUPPLIED) if asked.check.kind == "gate"]
    if any(asked.check.rule.startswith(_OF_THE_TABLE) for asked in gate):
        return frozenset([*(column.name for column in contract.columns), HASH, RESCUED])
    unique = contract.key_columns or (HASH,)
    return frozenset().union(*(asked.columns for asked in gate if not _is_known(asked, unique)))


def validate(
    spark: SparkSession,
    contract: Contract,
    suite: Suite,
    checks: Sequence[Check],
    parameters: Mapping[str, datetime | date],
    rows: DataFrame,
    row_count: int,
    proven_unique: tuple[str, ...],
) -> list[Result]:
    """What the `gate` checks among `checks` find in `rows`, of which there are `row_count`; in the suite's order.

    `rows` have at least the columns that `gate_columns` names. `proven_unique` are columns by which the batch was
    already compared with itself and the table, so uniqueness of these (and of more than these) is not reckoned again.
    Of no rows nothing is asked. Raises SuiteError where a check cannot be judged, AccountingError where there are more
    or fewer rows than were counted, and what Spark raises where rows cannot be read.
    """
    wanted = {check.name for check in checks if check.kind == "gate"}
    if not row_count or not wanted:
        return []
    gate = [one for one in examined(suite, contract, parameters) if one.check.name in wanted]
    with quiet():
        engine = engine_for(spark, rows)
        try:
            metrics = _metrics(engine, gate, _known(engine, gate, proven_unique))
        except Exception as error:  # noqa: BLE001 - told apart by whoever handles Spark's errors
            raise _origin(error) from None
        _check_count(metrics, row_count)
        return _results(engine, suite, gate, metrics, proven_unique)


def probe_gate(
    spark: SparkSession,
    contract: Contract,
    suite: Suite,
    checks: Sequence[Check],
    parameters: Mapping[str, datetime | date],
) -> None:
    """Judge three rows of no importance, so that a check that would raise is refused before data is read.

    Each check is tried with and without its row condition, since no sample row may meet it. Costs a few Spark jobs, so
    once per suite is enough. Raises SuiteError with all problems.
    """
    wanted = {check.name for check in checks if check.kind == "gate"}
    gate = [one for one in examined(suite, contract, parameters) if one.check.name in wanted]
    if not gate:
        return
    with quiet():
        engine = engine_for(spark, sample_rows(spark, contract))
        tried = [(one, expectation) for one in gate for expectation in _variants(one.expectation)]
        if not _problem(engine, [expectation for _, expectation in tried]):
            return
        # Together they fail, and what fails in one aggregate is blamed on all of it: so each by itself.
        problems = [(one, _problem(engine, [expectation])) for one, expectation in tried]
    lines = [f"{one.place}: cannot be judged: {problem}" for one, problem in problems if problem]
    raise SuiteError(suite.path, list(dict.fromkeys(lines)))


def _variants(expectation: Any) -> list[Any]:
    if getattr(expectation, "row_condition", None) is None:
        return [expectation]
    return [expectation, expectation.copy(update={"row_condition": None, "condition_parser": None})]


def _problem(engine: Any, expectations: Sequence[Any]) -> str:
    """Why these cannot be judged, or nothing."""
    try:
        metrics = _compute(engine, [config for one in expectations for config in _wanted(engine, one).values()])
        for expectation in expectations:
            _judge(engine, expectation, metrics)
    except Exception as error:  # noqa: BLE001 - GX, Spark, Python: all of them would end a run
        return "; ".join(reasons(_origin(error)))
    return ""


def _wanted(engine: Any, expectation: Any) -> dict[str, Any]:
    """The metrics that decide about an expectation, by name: all that `BASIC` asks for but failing values."""
    dependencies = expectation.get_validation_dependencies(engine, runtime_configuration=dict(_FORMAT))
    return {name: one for name, one in dependencies.metric_configurations.items() if not _is_fetched(name)}


def _is_fetched(name: str) -> bool:
    return name.endswith((".unexpected_values", ".unexpected_rows", ".unexpected_index_list"))


def _compute(engine: Any, configurations: Sequence[Any]) -> dict[Any, Any]:
    # Not catching: else GX tries three times what failed, and forgets what it cannot pin on a metric.
    found, _ = metrics_of(engine).compute_metrics(
        configurations, runtime_configuration={"catch_exceptions": False}, min_graph_edges_pbar_enable=0
    )
    return {key: _instant(value) if key.metric_name in _BOUNDS else value for key, value in found.items()}


def _instant(value: Any) -> Any:
    """The instant that Great Expectations made a text of, in the zone of the driver's machine and without saying so."""
    if not isinstance(value, str) or "T" not in value:
        return value
    return datetime.fromisoformat(value).astimezone(UTC)


def _judge(engine: Any, expectation: Any, metrics: Mapping[Any, Any]) -> Any:
    """Great Expectations' judgement, an `ExpectationValidationResult`."""
    dependencies = expectation.get_validation_dependencies(engine, runtime_configuration=dict(_FORMAT))
    fetched = {one.id: None for name, one in dependencies.metric_configurations.items() if _is_fetched(name)}
    return expectation.metrics_validate(
        {**metrics, **fetched}, runtime_configuration=dict(_FORMAT), execution_engine=engine
    )


def _metrics(engine: Any, gate: Sequence[Asked], known: Mapping[Any, Any]) -> dict[Any, Any]:
    """All metrics that the checks need, and how many rows each looked at, in as few aggregates as there are filters."""
    configurations = [_row_count(one.expectation) for one in gate] + [_row_count(None)]
    for one in gate:
        configurations += [config for config in _wanted(engine, one.expectation).values() if config.id not in known]
    return {**_compute(engine, configurations), **known}


def _row_count(expectation: Any) -> Any:
    """The metric of how many rows an expectation looks at: those that meet its row condition."""
    from great_expectations.validator.metric_configuration import MetricConfiguration

    kwargs = expectation.configuration.kwargs if expectation is not None else {}
    # With all of GX's own keys, so that it is one metric with what GX asks for.
    domain = {key: kwargs.get(key) for key in ("batch_id", "table", "row_condition", "condition_parser")}
    return MetricConfiguration("table.row_count", metric_domain_kwargs=domain)


def _known(engine: Any, gate: Sequence[Asked], unique: Sequence[str]) -> dict[Any, Any]:
    """The values that need no reckoning: of rows compared by `unique` none is there twice, and every row has a hash."""
    known: dict[Any, Any] = {}
    for one in gate:
        if not _is_proven(one, unique):
            continue
        for name, config in _wanted(engine, one.expectation).items():
            if name.endswith("unique.unexpected_count") or (name.endswith(_NULLS) and _is_known(one, unique)):
                known[config.id] = 0
    return known


def _is_proven(asked: Asked, unique: Sequence[str]) -> bool:
    return asked.check.rule in _UNIQUE and set(unique) <= set(asked.check.column.split(","))


def _is_known(asked: Asked, unique: Sequence[str]) -> bool:
    """Whether nothing of the rows need be read: a hash is never NULL."""
    return _is_proven(asked, unique) and asked.columns == {HASH}


def _check_count(metrics: Mapping[Any, Any], row_count: int) -> None:
    found = metrics[_row_count(None).id]
    if found != row_count:
        raise AccountingError(
            f"the gate was asked about {row_count} rows and saw {found}; "
            "nothing was published, the next run stages the batch anew"
        )


def _results(
    engine: Any, suite: Suite, gate: Sequence[Asked], metrics: Mapping[Any, Any], unique: Sequence[str]
) -> list[Result]:
    results: list[Result] = []
    problems: list[str] = []
    for one in gate:
        try:
            judged = _judge(engine, one.expectation, metrics)
        except Exception as error:  # noqa: BLE001 - whatever it is, a check that cannot be judged has not passed
            # Its message may hold a value of the data.
            problems.append(f"{one.place}: cannot be judged by what was found: {type(error).__name__}")
            continue
        rows = metrics[_row_count(one.expectation).id]
        results.append(result_of(one.check, one.expectation, judged, rows, _is_proven(one, unique)))
    if problems:
        raise SuiteError(suite.path, problems)
    return results


def _origin(error: Exception) -> Exception:
    """What Great Expectations wrapped: the error at the root of its chain."""
    while isinstance(inner := error.__cause__, Exception):
        error = inner
    return error
