"""An analysis as its files have it: contract, SQL, suite, and the contract of the dataset that it looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.contract.analysis_sql import columns_named, filled, one_row_per_key, problems_of, sql_fingerprint
from sluice.contract.load import load_sql
from sluice.contract.model import Contract, Windows
from sluice.contract.problems import did_you_mean
from sluice.errors import ContractError, UsageError
from sluice.lake.tables import HASH, RESCUED
from sluice.quality.definitions import load_definitions
from sluice.quality.model import Suite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ADDS_UP = ("Sum", "Average")


@dataclass(frozen=True)
class Analysis:
    """Found sound as far as that can be told without Spark. `contract.fingerprint` is that of contract and SQL."""

    contract: Contract
    sql: str
    source: Contract
    suite: Suite | None

    @property
    def windows(self) -> Windows:
        assert self.contract.windows is not None
        return self.contract.windows

    @property
    def query(self) -> str:
        """The SQL with its windows filled in."""
        return filled(self.sql, self.windows)

    @property
    def source_columns(self) -> list[str]:
        """Columns of the source that the SQL looks at, and perhaps a few more."""
        named = columns_named(self.sql) | {self.windows.event_time.lower()}
        return [name for name in _columns(self.source) if name.lower() in named]

    @property
    def unique_by_shape(self) -> bool:
        """Whether the SQL cannot give two rows of one key."""
        return one_row_per_key(self.sql, self.contract.key_columns)


def load_analysis(name: str, dataset: str, version: str | None = None, folder: str | None = None) -> Analysis:
    """The analysis `name` of `dataset`; `folder` has `schemas/` and `expectations/`, the installed ones by default.

    Raises ContractError with all problems of contract and SQL, SuiteError, and UsageError where it is no analysis, or
    one of another dataset.
    """
    contract, suite = load_definitions(name, version, folder)
    windows = contract.windows
    if windows is None:
        raise UsageError(
            f"--analysis {name}: {contract.path} is a dataset's contract, it has no setting `analysis`; "
            "curate it with jobs/curate.py"
        )
    if windows.source != dataset:
        raise UsageError(f"--dataset {dataset}: the analysis {name} looks at {windows.source}, as {contract.path} says")
    source, _ = load_definitions(dataset, None, folder)
    sql, path = load_sql(contract, Path(folder) / "schemas" if folder else None)
    problems = [f"{path}: {problem}" for problem in problems_of(sql, windows)]
    problems += [f"{contract.path}: {problem}" for problem in _source_problems(windows, source)]
    if problems:
        raise ContractError(contract.path, problems)
    both = hashlib.sha256(f"{contract.fingerprint}{sql_fingerprint(sql)}".encode()).hexdigest()
    return Analysis(replace(contract, fingerprint=both), sql, source, suite)


def _source_problems(windows: Windows, source: Contract) -> Iterator[str]:
    if source.windows is not None:
        yield f"analysis.source: `{windows.source}` is an analysis itself, expected a curated dataset"
    by_name = {column.name: column for column in source.columns}
    found = by_name.get(windows.event_time)
    if found is None:
        hint = did_you_mean(windows.event_time, by_name)
        yield f"analysis.eventTime: `{windows.event_time}` is no column of {windows.source}{hint}"
    elif found.type != "timestamp" or found.partition_position is not None:
        yield f"analysis.eventTime: expected a timestamp that is no partition column, found {found.type}"


def rows_of(analysis: Analysis, spark: SparkSession, source: DataFrame) -> DataFrame:
    """The SQL's rows over `source`, columns in the contract's order.

    Raises ContractError with all problems that Spark alone can tell: names, types, and sums of doubles.
    """
    from pyspark.errors import AnalysisException, ParseException

    source.createOrReplaceTempView(analysis.windows.source)
    try:
        rows = spark.sql(analysis.query)
    except (AnalysisException, ParseException) as error:
        raise ContractError(_sql_path(analysis), [str(error).split(";")[0].splitlines()[0]]) from None
    finally:
        spark.catalog.dropTempView(analysis.windows.source)
    problems = [*_column_problems(analysis.contract, rows), *_order_problems(rows)]
    if problems:
        raise ContractError(_sql_path(analysis), problems)
    return rows.select(*(f"`{column.name}`" for column in analysis.contract.columns))


def _columns(source: Contract) -> dict[str, str]:
    return {column.name: column.type for column in source.columns} | {HASH: "binary", RESCUED: "string"}


def _sql_path(analysis: Analysis) -> str:
    return analysis.contract.path.removesuffix(".yaml") + ".sql"


def _column_problems(contract: Contract, rows: DataFrame) -> Iterator[str]:
    found = [(field.name, field.dataType.simpleString()) for field in rows.schema.fields]
    types = dict(found)
    if len(types) != len(found):
        yield "two columns have one name"
    for column in contract.columns:
        if column.name not in types:
            hint = did_you_mean(column.name, types)
            yield f"column {column.name}: the contract promises it, the SELECT does not give it{hint}"
        elif types[column.name] != column.type:
            yield f"column {column.name}: the contract promises {column.type}, the SELECT gives {types[column.name]}"
    for name in types.keys() - {column.name for column in contract.columns}:
        yield f"column {name}: the SELECT gives it, the contract does not promise it"


def _order_problems(rows: DataFrame) -> Iterator[str]:
    """Sums and means of floating-point numbers, by Spark's own plan: what they give depends on the order of rows."""
    plan = rows._jdf.queryExecution().analyzed()
    if any(_adds_floats(expression) for node in _walk(plan) for expression in _each(node.expressions())):
        yield (
            "adds up floating-point numbers, whose sum depends on the order of rows, so that incremental and full runs "
            "could differ: cast to decimal or to whole numbers first"
        )


def _adds_floats(expression: Any) -> bool:
    return any(node.getClass().getSimpleName() in _ADDS_UP and _is_float(node) for node in _walk(expression))


def _is_float(aggregate: Any) -> bool:
    return any(child.dataType().simpleString() in ("double", "float") for child in _each(aggregate.children()))


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in _each(node.children()):
        yield from _walk(child)


def _each(sequence: Any) -> list[Any]:
    return [sequence.apply(index) for index in range(sequence.size())]
