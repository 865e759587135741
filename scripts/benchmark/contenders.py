"""Who is measured: each reads a lake's raw zone and leaves a table partitioned by event_date.

All take the same columns out of the same records. (a), (b) and (c) read newline-delimited data, since they cannot read
the other; what damaged lines become there is theirs, and is counted afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.machine import cores
from benchmark.made import DATASET

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = ("name", "message", "country", "latitude", "longitude", "sentiment", "sentiment_value", "channel")
_RAW = {
    "sentiment_value": "double", "name": "string", "sentiment": "string", "timestamp": "bigint", "longitude": "double",
    "country": "string", "latitude": "double", "message": "string", "channel": "string",
}  # fmt: skip


def plain_spark(spark: SparkSession, lake: Path, _: str) -> dict[str, Any]:
    """(a) Read with a schema, append to a partitioned Delta table, check nothing."""
    _append(_read(spark, lake), lake)
    return {}


def duckdb_parquet(_: SparkSession | None, lake: Path, memory: str) -> dict[str, Any]:
    """(b) DuckDB to partitioned Parquet, with as many threads and as much memory as the others."""
    import duckdb

    types = {"double": "DOUBLE", "string": "VARCHAR", "bigint": "BIGINT"}
    fields = ", ".join(f"'{name}': '{types[kind]}'" for name, kind in _RAW.items())
    target = lake / "plain"
    target.mkdir()
    limit = f"{memory[:-1]}{memory[-1].upper()}iB"
    with duckdb.connect(config={"threads": cores(), "memory_limit": limit, "temp_directory": str(lake)}) as session:
        session.execute("SET TimeZone = 'UTC'")
        session.execute(
            f"COPY (SELECT epoch_ms(timestamp) AS event_time, CAST(epoch_ms(timestamp) AS DATE) AS event_date, "
            f"{', '.join(_named(c) for c in COLUMNS)} FROM read_json('{lake}/raw/**/*.gz', columns = {{{fields}}}, "
            f"format = 'newline_delimited', ignore_errors = true)) "
            f"TO '{target}' (FORMAT parquet, PARTITION_BY (event_date), COMPRESSION snappy)"
        )
    return {}


def by_hand(spark: SparkSession, lake: Path, _: str) -> dict[str, Any]:
    """(c) Cache, validate with ten expectations of Great Expectations, drop duplicates, append to partitioned Delta."""
    rows = _read(spark, lake).cache()
    found = _validate(rows)
    _append(rows.dropDuplicates(), lake)
    rows.unpersist()
    return found


def ours(
    spark: SparkSession, lake: Path, _: str, gate: bool = False, dataset: str = DATASET, **options: Any
) -> dict[str, Any]:
    """(d) The main job, as jobs/curate.py calls it, with the dataset's suite or without; `spark` is its session."""
    from sluice.contract.load import load_contract
    from sluice.pipeline.curate import curate
    from sluice.pipeline.options import Options
    from sluice.quality.load import load_suite
    from sluice.runtime.job import Run
    from sluice.runtime.progress import Progress

    run = Run("bench", Progress(lambda _: None))
    suite = load_suite(dataset) if gate else None
    summary = curate(run, str(lake), load_contract(dataset), Options(**options), suite)
    return {"counts": summary["counts"], "balanced": summary["balanced"], "steps": run.progress.rounded()}


def gated(spark: SparkSession, lake: Path, memory: str) -> dict[str, Any]:
    """(d3) Ours with the gate: the dataset's suite on every row and on the batch, checks kept, pages written."""
    return ours(spark, lake, memory, gate=True)


def tweets(spark: SparkSession, lake: Path, memory: str, gate: bool = False) -> dict[str, Any]:
    """(t1, t2) The main job on tweets, without the gate and with it."""
    return ours(spark, lake, memory, gate, "tweets")


# Name -> (what it is, the layout it reads, what it does).
CONTENDERS: dict[str, tuple[str, str, Callable[..., dict[str, Any]]]] = {
    "a": ("plain Spark, no checks", "newline", plain_spark),
    "b": ("DuckDB to Parquet", "newline", duckdb_parquet),
    "c": ("by hand: cache, GX, dropDuplicates", "newline", by_hand),
    "d1": ("ours, newline-delimited", "newline", ours),
    "d2": ("ours, back to back", "back-to-back", ours),
    "d3": ("ours, back to back, with the gate", "back-to-back", gated),
}
# Measured apart, on data that the others cannot read.
ON_TWEETS: dict[str, Callable[..., dict[str, Any]]] = {"t1": tweets, "t2": partial(tweets, gate=True)}


def _read(spark: SparkSession, lake: Path) -> DataFrame:
    schema = ", ".join(f"`{name}` {kind}" for name, kind in _RAW.items())
    raw = spark.read.schema(schema).option("recursiveFileLookup", "true").json(str(lake / "raw" / DATASET))
    time = "timestamp_millis(timestamp)"
    return raw.selectExpr(f"{time} AS event_time", f"to_date({time}) AS event_date", *map(_named, COLUMNS))


def _named(column: str) -> str:
    return "trim(country) AS country" if column == "country" else column


def _append(rows: DataFrame, lake: Path) -> None:
    rows.write.format("delta").mode("append").partitionBy("event_date").save(str(lake / "plain"))


def _validate(rows: DataFrame) -> dict[str, Any]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations import expectations as gxe

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_spark("bench", persist=False)  # cached by hand already
    batch = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(
        name="ten",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="event_time"),
            gxe.ExpectColumnValuesToNotBeNull(column="country"),
            gxe.ExpectColumnValuesToNotBeNull(column="sentiment_value"),
            gxe.ExpectColumnValuesToBeInSet(column="sentiment", value_set=["negative", "neutral", "positive"]),
            gxe.ExpectColumnValuesToBeBetween(column="latitude", min_value=-90, max_value=90),
            gxe.ExpectColumnValuesToBeBetween(column="longitude", min_value=-180, max_value=180),
            gxe.ExpectColumnValuesToBeBetween(column="sentiment_value", min_value=-1, max_value=1),
            gxe.ExpectColumnValuesToMatchRegex(column="country", regex=r"^\S(.*\S)?$"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="message", min_value=1, max_value=10_000),
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
        ],
    )
    found = batch.get_batch({"dataframe": rows}).validate(suite, result_format="SUMMARY")
    return {"expectations": len(found.results), "expectations_met": sum(bool(r.success) for r in found.results)}
