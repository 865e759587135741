"""Try a contract's expressions on extreme values before any record meets them.

`sluice.contract` says what can be said without Spark; here Spark itself says, on the lane at hand, which expression
does not resolve, has another type than declared, raises (`timestamp_millis(9223372036854775807)` does, with ANSI on and
off), or wraps: with ANSI on it raises where with ANSI off it gives a value instead of NULL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.contract.model import Contract
from sluice.curate.attempt import quiet, raised, reason
from sluice.curate.extremes import extreme_rows
from sluice.curate.together import at_once
from sluice.errors import ContractError
from sluice.runtime.session import conf

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql import types as T

ANSI = "spark.sql.ansi.enabled"
_PINNED = {ANSI: "false", "spark.sql.session.timeZone": "UTC"}
_BOUND = "bound it with CASE WHEN .. BETWEEN .. AND .. THEN .. END"


@dataclass(frozen=True)
class _Step:
    """One expression: where it stands, the column it makes (None for a filter) and the type it is declared to have."""

    place: str
    what: str
    expression: str
    column: str | None
    declared: T.DataType


class _Trial:
    """The steps over the extreme rows. `_v<n>` is what step n gives, `_a<n>` the same with ANSI on where it is no NULL.

    A step that is `dead` (it does not resolve, or raises) gives NULL, so that the steps after it can still be tried.
    """

    def __init__(self, spark: SparkSession, rows: DataFrame, steps: Sequence[_Step]) -> None:
        self.spark, self.rows, self.steps = spark, rows, steps
        self.dead: set[int] = set()
        self.problems: dict[int, list[str]] = {}

    def add(self, number: int, problem: str) -> None:
        step = self.steps[number]
        known = self.problems.setdefault(number, [])
        if (line := f"{step.place}: {step.what} {problem}") not in known:
            known.append(line)

    def tried(self, numbers: Sequence[int]) -> list[int]:
        return [number for number in numbers if number not in self.dead]

    def frame(self) -> DataFrame:
        """All steps in the order of the contract, each over the raw fields and the columns before it."""
        found = self.rows
        for run in at_once([(step.column, [step.expression]) for step in self.steps]):
            found = self._run(found, run)
        return found

    def _run(self, before: DataFrame, run: list[int]) -> DataFrame:
        """Steps that do not look at each other: all at once, or, where one does not resolve, one by one."""
        from pyspark.errors import AnalysisException
        from pyspark.sql import functions as F

        values = {f"_v{n}": self._null(n) if n in self.dead else F.expr(self.steps[n].expression) for n in run}
        try:
            after = before.withColumns(values)
        except AnalysisException as error:
            if len(run) == 1:
                self.dead.add(run[0])
                self.add(run[0], f"does not resolve: {reason(error)}")
                return self._run(before, run)
            for number in run:
                before = self._run(before, [number])
            return before
        after = self._strict(after, run)
        kinds, columns = after.schema, {}
        for number in run:
            step, result = self.steps[number], kinds[f"_v{number}"].dataType
            same = result.simpleString() == step.declared.simpleString()
            if not same:
                self.add(number, _other_type(step, result))
            if step.column is not None:
                columns[step.column] = F.col(f"_v{number}") if same else self._null(number)
        return after.withColumns(columns) if columns else after

    def _null(self, number: int) -> Column:
        from pyspark.sql import functions as F

        return F.lit(None).cast(self.steps[number].declared)

    def _strict(self, after: DataFrame, run: list[int]) -> DataFrame:
        from pyspark.errors import AnalysisException
        from pyspark.sql import functions as F

        strict: dict[str, Column] = {}
        try:
            with conf(self.spark, {ANSI: "true"}):
                # Spark fixes the mode of each operator when it resolves it, 3.5 already when it parses it, so both can
                # stand in one plan.
                for number in run:
                    again = F.when(F.col(f"_v{number}").isNotNull(), F.expr(self.steps[number].expression))
                    strict[f"_a{number}"] = self._null(number) if number in self.dead else again
                return after.withColumns(strict)
        except AnalysisException as error:
            if len(run) > 1:
                for number in run:
                    after = self._strict(after, [number])
                return after
            self.add(run[0], f"converts a type unasked, which ANSI SQL refuses: {reason(error)}; write the CAST")
            return after.withColumn(f"_a{run[0]}", F.lit(None))


def probe_expressions(spark: SparkSession, contract: Contract) -> None:
    """Run every expression of a contract over `extreme_rows`; two small Spark jobs where all is well.

    Columns are computed as the pipeline does: in order, over raw fields and earlier columns, which hide raw fields of
    their name; filters over raw fields. The session's ANSI mode and time zone are set for it (off, UTC), then restored.
    Raises ContractError with all problems.
    """
    with conf(spark, _PINNED), quiet(spark):
        trial = _Trial(spark, extreme_rows(spark, contract), _steps(spark, contract))
        if not trial.steps:
            return
        everything = range(len(trial.steps))
        frame = trial.frame()
        columns = [f"_v{n}" for n in everything] + [f"_a{n}" for n in everything]
        if raised(frame, columns) is not None:
            frame = _find_raising(trial, frame)
            _find_wrapping(trial, frame)
        _find_far_away(trial, frame)
    lines = [line for number in everything for line in trial.problems.get(number, ())]
    if lines:
        raise ContractError(contract.path, lines)


def _find_raising(trial: _Trial, frame: DataFrame) -> DataFrame:
    """Each step that raises becomes a problem, and NULL for those after it."""
    if raised(frame, [f"_v{n}" for n in range(len(trial.steps))]) is None:
        return frame
    for number in trial.tried(range(len(trial.steps))):
        error = raised(frame, [f"_v{number}"])
        if error is not None:
            trial.add(number, f"stops the batch for extreme values: {reason(error)}; {_BOUND}")
            trial.dead.add(number)
            frame = trial.frame()
    return frame


def _find_wrapping(trial: _Trial, frame: DataFrame) -> None:
    for number in trial.tried(range(len(trial.steps))):
        error = raised(frame, [f"_a{number}"])
        if error is not None:
            better = re.search(r"\btry_\w+", str(error))
            instead = f"write {better.group()}, or {_BOUND}" if better else _BOUND
            trial.add(number, f"gives a wrong value instead of NULL for extreme values: {reason(error)}; {instead}")


def _find_far_away(trial: _Trial, frame: DataFrame) -> None:
    """Years before 1 and after 9999 come from numbers in another unit, and most readers cannot take them."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    limits: dict[type[T.DataType], tuple[str, str]] = {
        T.DateType: ("0001-01-01", "9999-12-31"),
        T.TimestampType: ("0001-01-01", "9999-12-31 23:59:59.999999"),
    }
    flags: dict[int, str] = {}
    for number in trial.tried(range(len(trial.steps))):
        value, kind = F.col(f"_v{number}"), frame.schema[f"_v{number}"].dataType
        if type(kind) in limits:
            first, last = (F.lit(text).cast(kind) for text in limits[type(kind)])
            flags[number] = f"_far{number}"
            frame = frame.withColumn(flags[number], (value < first) | (value > last))
    if not flags:
        return
    for row in frame.select(*flags.values()).distinct().collect():
        for number, flag in flags.items():
            if row[flag]:
                trial.add(number, f"gives instants outside the years 1 to 9999 for extreme values; {_BOUND}")


def _steps(spark: SparkSession, contract: Contract) -> list[_Step]:
    """Filters first, since they see the raw fields, then the columns that have an expression."""
    filters = [
        (f"recordFilters[{index}] {one.kind}", "expression", one.expression, None, "boolean")
        for index, one in enumerate(contract.filters)
    ]
    columns = [
        (f"schema[1].properties[{index}] {one.name}", "transformLogic", one.expression, one.name, one.type)
        for index, one in enumerate(contract.columns)
        if one.expression is not None
    ]
    every = [*filters, *columns]
    schema = ", ".join(f"c{number} {step[4]}" for number, step in enumerate(every))
    types = spark.createDataFrame([], schema).schema if every else ()
    return [
        _Step(place, what, expression, column, found.dataType)
        for (place, what, expression, column, _), found in zip(every, types, strict=True)
    ]


def _other_type(step: _Step, result: T.DataType) -> str:
    declared, given = step.declared.simpleString(), result.simpleString()
    if step.column is None:
        return f"gives {given}, but a filter is boolean"
    return f"gives {given}, but {declared} is declared: write TRY_CAST({step.expression} AS {declared})"
