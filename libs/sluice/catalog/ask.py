"""The query job's work: tables from the lake's listing, one query, its rows to standard output or a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

from sluice.catalog.lake_tables import LakeTable, lake_tables
from sluice.catalog.results import Form, Heads, Row, check_names, write_rows
from sluice.errors import UsageError
from sluice.runtime.job import Run

TABLE_ROWS = 100
Engine = Literal["native", "spark"]
ENGINES: tuple[Engine, ...] = ("native", "spark")


class Answer(Protocol):
    """A query that an engine has judged and has not run yet."""

    heads: Heads

    def rows(self, limit: int | None = None) -> Iterator[Row]: ...


def ask(
    run: Run, lake: str, sql: str, file: str, output: Form, out: str, limit: int | None, quarantine: str, engine: Engine
) -> Mapping[str, Any]:
    """Answer a query over the tables that the lake's listing shows; returns the run's summary.

    Raises UsageError, before Spark is started where it can be told then, for a query that is not there or refused.
    """
    text = query_text(sql, file)
    tables = lake_tables(lake, quarantine)
    query = {"native": _native, "spark": _spark}[engine](run, text, tables)
    if output == "json":
        check_names(query.heads)
    run.progress.at("answer")
    most = limit or (TABLE_ROWS if output == "table" else None)
    with written_to(out) as stream:
        rows, cut = write_rows(output, query.heads, query.rows(most), stream, most)
    run.progress.at("")
    if cut:
        run.progress.tell(f"there are more rows than the {rows} written; raise --limit")
    return {
        "outcome": "answered",
        "columns": list(query.heads.names),
        "rows": rows,
        "cut": cut,
        "output": output,
        "out": out,
        "engine": engine,
    }


def _native(run: Run, sql: str, tables: Sequence[LakeTable]) -> Answer:
    run.progress.at("prepare", f"tables in the lake: {len(tables)}")
    try:
        from sluice.catalog.native.session import Session
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        raise UsageError("expected DuckDB, found none; install sluice[query], or ask with --engine spark") from None
    return Session(tables).prepare(sql)


def _spark(run: Run, sql: str, tables: Sequence[LakeTable]) -> Answer:
    from sluice.catalog.query import prepare

    warehouse = Path("spark-warehouse")
    there = warehouse.exists()
    spark = run.spark
    spark.sparkContext.setLogLevel("FATAL")  # Spark's own words on a fault hold values, and a stack trace
    run.progress.at("prepare", f"tables in the lake: {len(tables)}")
    try:
        return prepare(spark, sql, tables)
    finally:
        if not there:  # Spark makes it for a database that has no tables
            with suppress(OSError):
                warehouse.rmdir()


def query_text(sql: str, file: str) -> str:
    """The query that was given, one way or the other; UsageError otherwise."""
    if bool(sql.strip()) == bool(file):
        raise UsageError("expected a query, by --sql or by --file, found " + ("both" if file else "none"))
    if not file:
        return sql
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--file {file}: expected a readable text in UTF-8 ({type(error).__name__})") from None
    if not text.strip():
        raise UsageError(f"--file {file}: expected a query, found nothing in it")
    return text


@contextmanager
def written_to(out: str) -> Iterator[TextIO]:
    """Standard output, or the file `out`, which is there whole or not at all."""
    if not out:
        yield sys.stdout
        return
    part = Path(f"{out}.part-{os.getpid()}")
    try:
        stream = part.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written ({error.strerror})") from None
    try:
        with stream:
            yield stream
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
