"""One batch of an analysis: the rows of some windows, written, checked, ready to take the place of what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from sluice.analytics.definition import Analysis, rows_of
from sluice.analytics.plan import Work, mark
from sluice.analytics.windows import reach, starts, within
from sluice.errors import AccountingError
from sluice.lake.changes import files_within
from sluice.lake.commit import DataFile
from sluice.lake.places import attempt_folder, spark_uri
from sluice.lake.publish import Actions, TableActions
from sluice.lake.ranged import RangedPlan, without, write_ranged
from sluice.lake.rows import staged_rows
from sluice.lake.stage import records_in
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.closing import Staged
from sluice.pipeline.context import Context
from sluice.pipeline.gate import Gate, judged_whole
from sluice.pipeline.terms import Terms
from sluice.quality.model import Check, Result

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Up to so many files are given to Spark by name; a table's own reader knows better what to do with more.
_NAMED_FILES = 200
# Rows of the source that one task of the aggregate is meant for, after its windows have multiplied them.
_ROWS_A_TASK = 2_000_000


@dataclass(frozen=True)
class Reckoned:
    """Files of the new rows, how many rows these are, and what was counted while they were written."""

    files: list[DataFile]
    rows: int
    counted: Counter[str]


def reckon(context: Context, analysis: Analysis, planned: Transition, todo: Work) -> Staged:
    """Stage the rows of the windows in `todo`, and say what they replace and what their checks found."""
    terms = Terms(analysis.contract, analysis.suite)
    gate = context.gates.open(context, terms, planned.sources)
    plan = ranged_plan(context, analysis, planned)
    context.progress.at("reckon", f"batch {planned.batch_id}: {_told(todo)}")
    made = _made(context, analysis, todo, plan, gate)
    context.progress.at("replace")
    spans = None if todo.runs is None else starts(todo.runs, analysis.windows)
    removes, again = without(plan, analysis.windows.start, spans)
    counts = Counts(read=made.rows, curated=made.rows, replaced=records_in(removes) - records_in(again))
    results = [
        *_contract_results(analysis, made),
        *judged_whole(context, gate, *_asked(gate, made), counts, made.files),
    ]
    actions = Actions(curated=TableActions((*made.files, *again), tuple(removes)))
    sources = tuple(replace(source, records=made.rows, refused=0) for source in planned.sources)
    return Staged(actions, counts, sources, tuple(results), mark(todo.version, analysis))


def _told(todo: Work) -> str:
    if todo.runs is None:
        return f"all windows, since {todo.full}"
    return f"{sum(end - first for first, end in todo.runs):,} windows that messages have touched"


def ranged_plan(context: Context, analysis: Analysis, planned: Transition) -> RangedPlan:
    """Where and how an attempt at a batch writes."""
    partitions = analysis.contract.partition_columns
    return RangedPlan(
        uri=context.places.curated,
        folder=attempt_folder(planned.batch_id, planned.attempt),
        partitions=partitions,
        columns=tuple(column.name for column in analysis.contract.columns if column.name not in partitions),
        target_bytes=context.options.target_file_bytes,
    )


def _made(context: Context, analysis: Analysis, todo: Work, plan: RangedPlan, gate: Gate | None) -> Reckoned:
    from pyspark.sql import Observation

    spans = None if todo.runs is None else reach(todo.runs, analysis.windows)
    files = files_within(todo.version.uri, analysis.windows.event_time, spans, todo.version.number)
    if not files:
        return Reckoned([], 0, Counter())
    spark = context.session()
    rows = rows_of(analysis, spark, source_rows(spark, analysis, todo, files))
    start = analysis.windows.start
    if todo.runs is not None:
        rows = rows.where(within(start, starts(todo.runs, analysis.windows)))
    counted = Observation("sluice")
    rows = rows.observe(counted, *_counters(analysis, gate))
    written = write_ranged(rows.sortWithinPartitions(start), plan)
    found = Counter({name: int(value or 0) for name, value in counted.get.items()})
    if records_in(written) != found["rows"]:
        raise AccountingError(
            f"{plan.uri}: {found['rows']} rows were reckoned and {records_in(written)} written; "
            "nothing was published, the next run stages them anew"
        )
    if not analysis.unique_by_shape and written:
        found["key"] = _copies(spark, analysis, plan.uri, written)
    return Reckoned(written, found["rows"], found)


def source_rows(spark: SparkSession, analysis: Analysis, todo: Work, files: Sequence[DataFile]) -> DataFrame:
    """The source's rows that lie in windows to reckon, with the columns that the SQL looks at; `files` hold them."""
    column, columns, uri = analysis.windows.event_time, analysis.source_columns, todo.version.uri
    spans = None if todo.runs is None else reach(todo.runs, analysis.windows)
    tasks = max(spark.sparkContext.defaultParallelism, records_in(files) // _ROWS_A_TASK)
    spark.conf.set("spark.sql.shuffle.partitions", tasks)
    if len(files) <= _NAMED_FILES:
        rows = staged_rows(spark, analysis.source, uri, files, columns)
    else:
        reader = spark.read.format("delta").option("versionAsOf", todo.version.number)
        rows = reader.load(spark_uri(uri)).select(*(f"`{name}`" for name in columns))
    return rows if spans is None else rows.where(within(column, spans))


def _counters(analysis: Analysis, gate: Gate | None) -> list[Any]:
    """Counted of the rows as they pass by: all of them, NULLs where none may be, and by the suite's checks."""
    from pyspark.sql import functions as F

    def number_of(condition: Any, name: str) -> Any:
        return F.sum(F.when(condition, 1).otherwise(0)).alias(name)

    required = [column.name for column in analysis.contract.columns if column.required]
    return [
        F.count(F.lit(1)).alias("rows"),
        *(number_of(F.col(f"`{name}`").isNull(), f"null {name}") for name in required),
        *chain.from_iterable(
            (number_of(one.applies, f"asked {number}"), number_of(one.fails, f"failed {number}"))
            for number, one in enumerate(gate.rows if gate else ())
        ),
    ]


def _asked(gate: Gate | None, made: Reckoned) -> tuple[list[int], list[int]]:
    numbers = range(len(gate.rows) if gate else 0)
    asked, failed = ([made.counted[f"{what} {number}"] for number in numbers] for what in ("asked", "failed"))
    return asked, failed


def _copies(spark: SparkSession, analysis: Analysis, uri: str, files: Sequence[DataFile]) -> int:
    """How many rows have the key of another one."""
    from pyspark.sql import functions as F

    key = analysis.contract.key_columns
    rows = staged_rows(spark, analysis.contract, uri, files, key).groupBy(*key).agg(F.count(F.lit(1)).alias("_rows"))
    found = rows.agg(F.sum(F.col("_rows") - 1).alias("copies")).collect()
    return int(found[0]["copies"] or 0)


def _contract_results(analysis: Analysis, made: Reckoned) -> list[Result]:
    """What the contract promises of every row, as checks: there is nowhere to put a row that breaks it."""
    asked = [
        ("required", column.name, made.counted[f"null {column.name}"], f"{column.name} is never NULL")
        for column in analysis.contract.columns
        if column.required
    ]
    key = ",".join(analysis.contract.key_columns)
    asked.append(("primary_key", key, made.counted["key"], f"one row for each {key}"))
    return [
        Result(
            Check(f"{rule}:{column}", rule, column, "critical", "gate", None, message),
            made.rows,
            failed,
            f"{failed:,} of {made.rows:,} rows fail",
            1 - failed / made.rows if made.rows else 1.0,
            "every row passes",
            not failed,
        )
        for rule, column, failed, message in asked
    ]
