"""A count by language for one month of curated rows, asked as jobs/query.py asks it, beside DuckDB on the same files.

The table is a plain Delta table in the shape of curated tweets, a partition per day over three months. `ours` is what
jobs/query.py does by default, `spark` what it does with --engine spark; each from a started session on: the query is
judged, planned, run and its rows made text. Starting a session is apart and told: for `ours` it is importing DuckDB and
reading the table's log, for Spark it is the JVM and the session. So is each one's first query; medians are of later
ones. DuckDB itself is given the table's folder and reads no log.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import show
from benchmark.made import count, files_in, read_once
from sluice.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sluice.catalog.lake_tables import LakeTable

AT_MOST = 2.0
FIRST_DAY, DAYS = date(2026, 1, 1), 90
SQL = """SELECT language, count(*) AS tweets FROM tweets
WHERE created_date >= DATE '2026-02-01' AND created_date < DATE '2026-03-01'
GROUP BY language ORDER BY tweets DESC, language"""
_LANGUAGES = ["en", "ja", "es", "ar", "pt", "tr", "in", "und", "fr", "ko", "de", "th", "hi", "it", "nl", None]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--rows", type=count, default=count("10m"), metavar="N", help="rows in the table: 100k, 10m (default 10m)")
    add("--repeat", type=int, default=5, metavar="N", help="times that each asks again, in turns (default 5)")
    add("--driver-memory", default="2g", metavar="SIZE", help="of the JVM (default 2g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The whole report."""
    from benchmark.sessions import start_spark

    lake = folder / "lake"
    files, stored = _made(lake, args.rows)
    read_once(lake)
    began = time.perf_counter()
    spark = start_spark(args.driver_memory, folder)
    start_seconds = time.perf_counter() - began
    try:
        by_spark = _spark(spark, lake)
        duck, (ours, opening) = _duckdb(lake), _ours(lake)
        askers = {"ours": ours, "duckdb": duck, "spark": by_spark}
        firsts = {name: _timed(ask) for name, ask in askers.items()}
        rounds = [{name: _timed(ask)[1] for name, ask in askers.items()} for _ in range(args.repeat)]
    finally:
        spark.stop()
    medians = {name: statistics.median(each[name] for each in rounds) for name in askers}
    ratio = medians["ours"] / medians["duckdb"]
    agree = len({str(answer) for answer, _ in firsts.values()}) == 1
    report = {
        "rows": args.rows, "files": files, "stored_bytes": stored,
        "session_start_seconds": {"ours": round(opening, 3), "spark": round(start_seconds, 3)},
        "first_seconds": {name: round(seconds, 3) for name, (_, seconds) in firsts.items()},
        "median_seconds": {name: round(seconds, 4) for name, seconds in medians.items()},
        "ratio": round(ratio, 2), "spark_ratio": round(medians["spark"] / medians["duckdb"], 2), "at_most": AT_MOST,
        "answers_agree": agree, "sound": agree and ratio <= AT_MOST,
    }  # fmt: skip
    _show(report)
    return report


def _made(lake: Path, rows: int) -> tuple[int, int]:
    """The table with `rows` rows, made now unless a kept folder has it; (files, bytes)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import write_deltalake

    table = lake / "curated" / "tweets"
    mark = lake / "rows"
    if mark.exists() and int(mark.read_text()) != rows:
        raise UsageError(f"{lake}: the kept table has other rows; give another --keep or remove it")
    random = np.random.default_rng(1)
    languages = pa.array(_LANGUAGES, pa.string())
    words = pa.array(["a", "few", "words", "of", "no", "meaning", "in", "any", "order"] * 3)
    shares = 1 / np.arange(1, len(_LANGUAGES) + 1)
    for day in range(0 if not mark.exists() else DAYS, DAYS):
        size = rows * (day + 1) // DAYS - rows * day // DAYS
        on = FIRST_DAY + timedelta(days=day)
        start = int(datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp() * 1e6)
        numbers = np.arange(size, dtype=np.int64) + day * rows
        spoken = pa.array(random.choice(len(_LANGUAGES), size, p=shares / shares.sum()).astype(np.int32))
        seconds = np.sort(random.integers(0, 86_400_000_000, size))
        texts = [words.take(pa.array(random.integers(0, len(words), size))) for _ in range(6)]
        part = pa.table({
            "tweet_id": numbers + 1_900_000_000_000_000_000,
            "created_at": pa.array(start + seconds, pa.timestamp("us", "UTC")),
            "created_date": pa.repeat(pa.scalar(on), size),
            "language": languages.take(spoken),
            "text": pc.binary_join_element_wise(*texts, " "),
            "author_id": random.integers(1, 10_000_000, size),
            "retweets": random.integers(0, 1000, size),
            "favorites": random.integers(0, 5000, size),
        })  # fmt: skip
        write_deltalake(str(table), part, mode="append", partition_by=["created_date"])
    mark.write_text(str(rows))
    return files_in(table)


def _ours(lake: Path) -> tuple[Callable[[], Any], float]:
    """(what jobs/query.py does from a started session on, seconds to start one: the table's log is read in it)."""

    def start() -> Any:
        from sluice.catalog.lake_tables import lake_tables
        from sluice.catalog.native.session import Session

        session = Session(lake_tables(str(lake)))
        session.prepare("SELECT 1 FROM tweets")
        return session

    session, seconds = _timed(start)
    return lambda: [tuple(row) for row in session.prepare(SQL).rows()], seconds


def _spark(spark: SparkSession, lake: Path) -> Callable[[], Any]:
    """What jobs/query.py --engine spark does from a started session on."""
    from sluice.catalog.lake_tables import lake_tables
    from sluice.catalog.query import prepare

    tables: list[LakeTable] = lake_tables(str(lake))
    return lambda: [tuple(row) for row in prepare(spark, SQL, tables).rows()]


def _duckdb(lake: Path) -> Callable[[], Any]:
    import duckdb

    from benchmark.machine import cores

    session = duckdb.connect(config={"threads": cores()})
    source = f"read_parquet('{lake}/curated/tweets/**/*.parquet', hive_partitioning = true)"
    sql = SQL.replace("FROM tweets", f"FROM {source}").replace("DESC, language", "DESC, language NULLS FIRST")
    return lambda: [(name, str(number)) for name, number in session.execute(sql).fetchall()]


def _timed(what: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = what()
    return found, time.perf_counter() - began


def _show(report: dict[str, Any]) -> None:
    show.title(f"{report['rows']:,} rows in {report['files']} files, {report['stored_bytes'] / 1e6:,.0f} MB")
    show.table(("", "first s", "median s"), [
        (name, seconds, report["median_seconds"][name]) for name, seconds in report["first_seconds"].items()
    ])  # fmt: skip
    started = ", ".join(f"{name} {seconds} s" for name, seconds in report["session_start_seconds"].items())
    show.say(f"ours / DuckDB: {report['ratio']:.2f}, at most {AT_MOST:g} (Spark: {report['spark_ratio']:.1f}); the "
             f"answers {'agree' if report['answers_agree'] else 'DIFFER'}; sessions started in: {started}")  # fmt: skip
