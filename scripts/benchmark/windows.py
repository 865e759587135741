"""Windows: all of them anew beside one plain Spark groupBy(window), and the next hour with a young and a long history.

Curated messages are made as a table, hour by hour in commits of their own, without landing them. `plain` reads the same
table with Spark's Delta reader, groups by window and country and writes the same columns as a Delta table with the same
partition, and does nothing else: no lease, ledger, checks or page. `ours` is the library's own run with its suite.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import show
from benchmark.made import DATASET, count, read_once
from benchmark.sessions import jobs_since, next_job, start_spark
from sluice.lake.places import Places

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ANALYSIS = "sentiment_by_country"
FULL_TARGET, HOUR_TARGET = 1.5, 1.2
_AT = datetime(2017, 11, 20, tzinfo=UTC)
_WORDS = ("negative", "neutral", "positive")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--rows", type=count, default=count("10m"), metavar="N", help="messages to reckon all windows of (default 10m)")
    add("--hours", type=int, default=24, metavar="N", help="hours over which they are (default 24)")
    add("--hour-rows", type=count, default=count("100k"), metavar="N", help="messages in an hour's increment")
    add("--times", type=int, default=100, metavar="N", help="hours of the long history (default 100)")
    add("--repeat", type=int, default=3, metavar="N", help="times each, alternating; medians (default 3)")
    add("--only", choices=["full", "hour"], help="one of the two measurements")
    add("--driver-memory", default="4g", metavar="SIZE", help="of the JVM (default 4g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make the tables, measure, and tell."""
    spark = start_spark(args.driver_memory, folder / "work")
    report: dict[str, Any] = {"arguments": {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}}
    try:
        if args.only != "hour":
            report["full"] = _full(spark, args, folder)
        if args.only != "full":
            report["hour"] = _hours(spark, args, folder)
    finally:
        spark.stop()
    return {**report, "sound": all(part["sound"] for part in report.values() if "sound" in part)}


def _full(spark: SparkSession, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    lake = folder / "made" / f"full-{args.rows}-{args.hours}"
    _make(lake, 0, args.hours, args.rows // args.hours)
    took: dict[str, list[float]] = {"plain": [], "ours": []}
    steps: list[dict[str, float]] = []
    rows: dict[str, int] = {}
    for number in range(args.repeat + 1):  # the first round warms up
        for who in ("plain", "ours") if number % 2 else ("ours", "plain"):
            read_once(lake)
            first, began = next_job(spark), time.perf_counter()
            if who == "plain":
                rows[who] = _plain(spark, lake, folder / "work" / "plain")
            else:
                shutil.rmtree(lake / "analytics", ignore_errors=True)
                shutil.rmtree(lake / "_sluice", ignore_errors=True)
                told, step = _ours(spark, lake, full=True)
                rows[who] = told["counts"]["curated"]
                steps.append(step)
            seconds = time.perf_counter() - began
            jobs = jobs_since(spark, first)
            show.say(f"{who}: {seconds:.1f} s, {len(jobs)} jobs, {sum(job['stages'] for job in jobs)} stages")
            if number:
                took[who].append(seconds)
    found = {who: round(statistics.median(each), 2) for who, each in took.items()}
    ratio = round(found["ours"] / found["plain"], 3)
    show.title(f"All windows of {args.rows:,} messages, {rows['ours']:,} rows, medians of {args.repeat}")
    show.table(("", "seconds"), [*found.items()])
    show.table(("ratio", "wall", "at most"), [("ours/plain", ratio, FULL_TARGET)])
    return {"seconds": found, "rounds": took, "steps": steps[-1], "rows": rows, "ratio": ratio, "target": FULL_TARGET,
            "sound": rows["plain"] == rows["ours"]}  # fmt: skip


def _hours(spark: SparkSession, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    lakes = {"young": 1, "long": args.times}
    for name, hours in lakes.items():
        lake = folder / "made" / f"{name}-{args.hour_rows}-{hours}"
        if not (lake / "analytics").exists():
            # Both end at the same hour, so that the increment is the same.
            _make(lake, args.times - hours, args.times, args.hour_rows)
            _ours(spark, lake, full=True)
    took: dict[str, list[float]] = {name: [] for name in lakes}
    rows: dict[str, int] = {}
    steps: dict[str, dict[str, float]] = {}
    for number in range(args.repeat + 1):
        for name in lakes if number % 2 else reversed(list(lakes)):
            lake = folder / "work" / "lake"
            shutil.rmtree(lake, ignore_errors=True)
            shutil.copytree(folder / "made" / f"{name}-{args.hour_rows}-{lakes[name]}", lake)
            _make(lake, args.times, args.times + 1, args.hour_rows)
            read_once(lake / "_sluice")
            began = time.perf_counter()
            told, steps[name] = _ours(spark, lake)
            seconds = time.perf_counter() - began
            rows[name] = told["counts"]["curated"]
            show.say(f"{name}: {seconds:.2f} s, {told['windows']:,} windows, {rows[name]:,} rows")
            if number:
                took[name].append(seconds)
    found = {name: round(statistics.median(each), 3) for name, each in took.items()}
    ratio = round(found["long"] / found["young"], 3)
    show.title(f"The next hour, {args.hour_rows:,} messages, after 1 and after {args.times} hours")
    show.table(("seconds by step", *steps), [(s, *(steps[n].get(s, 0.0) for n in steps)) for s in steps["long"]])
    show.table(("ratio", "wall", "at most"), [("long/young", ratio, HOUR_TARGET)])
    return {"seconds": found, "rounds": took, "steps": steps, "rows": rows, "ratio": ratio, "target": HOUR_TARGET,
            "sound": rows["young"] == rows["long"]}  # fmt: skip


def _ours(spark: SparkSession, lake: Path, full: bool = False) -> tuple[dict[str, Any], dict[str, float]]:
    from sluice.analytics.analyze import Asked, analyze
    from sluice.analytics.definition import load_analysis
    from sluice.pipeline.options import Options
    from sluice.runtime.job import Run
    from sluice.runtime.progress import Progress

    run = Run("analyze", Progress(lambda line: None))
    run.__dict__["spark"] = spark
    told = dict(analyze(run, str(lake), load_analysis(ANALYSIS, DATASET), Asked(Options(), full)))
    return told, run.progress.rounded()


def _plain(spark: SparkSession, lake: Path, target: Path) -> int:
    """What anybody would write: read, group by window and country, write."""
    from pyspark.sql import functions as F

    shutil.rmtree(target, ignore_errors=True)

    def number_of(word: str) -> Any:
        return F.sum(F.when(F.col("sentiment") == word, 1).otherwise(0)).alias(word)

    rows = (
        spark.read.format("delta").load(Places(str(lake), DATASET).curated)
        .groupBy(F.window("event_time", "30 seconds", "5 seconds"), "country")
        .agg(F.min("latitude").alias("latitude"), F.min("longitude").alias("longitude"),
             *(number_of(word) for word in ("positive", "neutral", "negative")),
             F.count(F.lit(1)).alias("total"), F.avg("sentiment_value").alias("mean_sentiment"))
        .select(F.col("window.start").alias("window_start"), F.col("window.end").alias("window_end"),
                F.to_date("window.start").alias("window_date"), "country", "latitude", "longitude", "positive",
                "neutral", "negative", "total", "mean_sentiment")
    )  # fmt: skip
    rows.write.format("delta").partitionBy("window_date").save(str(target))
    return int(spark.read.format("delta").load(str(target)).count())


def _make(lake: Path, first: int, end: int, rows: int) -> None:
    """Append hours `first` to `end` (excluded) since the beginning to the curated table, `rows` messages each."""
    import pyarrow as pa
    from deltalake import write_deltalake

    target = Path(Places(str(lake), DATASET).curated)
    if first == 0 and target.exists():
        return
    for hour in range(first, end):
        at = _AT + timedelta(hours=hour)
        write_deltalake(str(target), pa.table(_columns(at, hour, rows)), mode="append", partition_by=["event_date"])


def _columns(at: datetime, seed: int, rows: int) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa

    rnd = np.random.default_rng(seed)
    micros = int(at.timestamp()) * 10**6 + np.sort(rnd.integers(0, 3_600 * 10**3, rows)) * 1000
    country, word = rnd.integers(0, 240, rows), rnd.integers(0, 3, rows)
    day = (date(at.year, at.month, at.day) - date(1970, 1, 1)).days

    def named(places: Any, names: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), names).cast(pa.string())

    return {
        "event_time": pa.array(micros, pa.timestamp("us", "UTC")),
        "event_date": pa.array(np.full(rows, day, np.int32), pa.int32()).cast(pa.date32()),
        "name": named(rnd.integers(0, 5000, rows), [f"name-{n}" for n in range(5000)]),
        "message": named(rnd.integers(0, 5000, rows), [f"a message of some length, number {n}" for n in range(5000)]),
        "country": named(country, [f"Country {n}" for n in range(240)]),
        "latitude": pa.array(country / 2.0 - 60),
        "longitude": pa.array(country / 1.5 - 80),
        "sentiment": named(word, list(_WORDS)),
        "sentiment_value": pa.array((word - 1) * np.round(rnd.random(rows), 4)),
        "channel": named(rnd.integers(0, 20, rows), [f"channel-{n}" for n in range(20)]),
        "_record_hash": pa.array([rnd.bytes(16) for _ in range(rows)], pa.binary()),
        "_rescued": pa.nulls(rows, pa.string()),
    }  # fmt: skip
