"""Run in Spark what may raise: quietly, with a reason that fits a line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Where Spark writes the stack of every task that raises: here raising is an answer, not an accident.
_LOUD = (
    "org.apache.spark.executor.Executor",
    "org.apache.spark.scheduler.TaskSetManager",
    "org.apache.spark.sql.execution.datasources.v2.DataWritingSparkTask",
    "org.apache.spark.sql.execution.datasources.v2.OverwriteByExpressionExec",
    "org.apache.spark.util.Utils",
)


def raised(frame: DataFrame, columns: Sequence[str]) -> Exception | None:
    """Compute the columns for all rows, to nowhere; what Spark raised, if it did."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        frame.select(*columns).write.format("noop").mode("overwrite").save()
    except (PySparkException, Py4JJavaError) as error:
        return error
    return None


def reason(error: Exception) -> str:
    """Spark's own words, cut to its condition and first sentences."""
    text = str(error)
    named = re.search(r"\[([A-Z][A-Z0-9_.]+)\] (.+?)(?= Use [`']try_| If necessary set| SQLSTATE|;|\n|$)", text)
    plain = re.search(r"java\.[\w.]+(?:Exception|Error): ([^\n]+)", text)
    # which of the values Spark met first is chance, and the report should not be
    found = (
        f"[{named[1]}] {re.sub('[Tt]he value .*? of the type', 'a value of the type', named[2])}"
        if named
        else plain[1]
        if plain
        else type(error).__name__
    )
    return (found if len(found) <= 200 else found[:197] + "...").rstrip(".")


@contextmanager
def quiet(spark: SparkSession) -> Iterator[None]:
    """Hold back the stacks that Spark logs for tasks that raise: what they say is in the problems."""
    log4j = spark.sparkContext._jvm.org.apache.logging.log4j  # type: ignore[union-attr]
    context = log4j.LogManager.getContext(False)
    own = {name: context.getConfiguration().getLoggers().get(name) for name in _LOUD}
    levels = {name: logger.getLevel() for name, logger in own.items() if logger is not None}
    queries = logging.getLogger("SQLQueryContextLogger")  # PySpark 4's own
    was_disabled, queries.disabled = queries.disabled, True
    try:
        for name in _LOUD:
            log4j.core.config.Configurator.setLevel(name, log4j.Level.OFF)
        yield
    finally:
        queries.disabled = was_disabled
        for name in _LOUD:
            if name in levels:
                log4j.core.config.Configurator.setLevel(name, levels[name])
            else:  # a level of its own, even the one it inherited, would get round Spark's filter for shells
                context.getConfiguration().removeLogger(name)
        context.updateLoggers()
