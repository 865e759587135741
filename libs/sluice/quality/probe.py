"""Try row-level predicates on a few made rows before any record meets them.

The rows are a plausible one, an extreme one and one of NULLs, and Spark computes them in its optimizer, in the driver:
a plan over literal rows is folded away, so that no job runs and a predicate that raises leaves no stack in the log.
Plausible rows are tried with ANSI on as well: what it refuses (a text read as a number) gives NULL with ANSI off, and a
check that is silently never true is worse than one that raises.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sluice.contract.model import Contract
from sluice.errors import SuiteError
from sluice.quality.fits import OWN
from sluice.quality.predicates import RowCheck
from sluice.runtime.session import conf

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ANSI = "spark.sql.ansi.enabled"
_UTC = {"spark.sql.session.timeZone": "UTC"}
# A type's plausible and extreme value in Spark SQL; other types have NULL alone.
_TEXT = "concat('\\u00e9 <b>12</b>\\n\\u0000', repeat('(a b) 1.5e9 \\U0001F600;', 100))"
_VALUES = {
    name: {"plausible": plausible, "extreme": extreme}
    for name, plausible, extreme in (
        ("string", "'a word'", _TEXT),
        ("boolean", "true", "false"),
        ("tinyint", "1", "-128"),
        ("smallint", "1", "-32768"),
        ("int", "1", "-2147483648"),
        ("bigint", "1", "-9223372036854775808"),
        ("decimal", "1", "-1"),
        ("float", "0.5", "'NaN'"),
        ("double", "0.5", "'NaN'"),
        ("date", "'2017-11-26'", "'9999-12-31'"),
        ("timestamp", "'2017-11-26T15:56:51.679Z'", "'9999-12-31T23:59:59.999999Z'"),
        ("binary", "'a word'", "''"),
    )
}


def probe(spark: SparkSession, contract: Contract, checks: Sequence[RowCheck], path: str | None = None) -> None:
    """Run all predicates together on the made rows; one by one only where that raises. No Spark job.

    `path` is how problems call the suite. Raises SuiteError with every expectation that does not resolve or raises.
    """
    if not checks:
        return
    problems: dict[str, str] = {}
    for ansi, kinds in ((False, ("plausible", "extreme", "none")), (True, ("plausible", "none"))):
        waiting = [check for check in checks if check.place not in problems]
        with conf(spark, {**_UTC, _ANSI: str(ansi).lower()}), _without_stacks():
            rows = _rows(spark, contract, kinds)
            if _raised(rows, waiting) is None:
                continue
            for check in waiting:
                if (error := _raised(rows, [check])) is not None:
                    problems[check.place] = _reason(error, ansi)
    if problems:
        lines = [f"{check.place}: {problems[check.place]}" for check in checks if check.place in problems]
        raise SuiteError(path or f"expectations/{contract.dataset}.json", lines)


def _rows(spark: SparkSession, contract: Contract, kinds: Sequence[str]) -> DataFrame:
    """One literal row of the curated table's columns for each kind."""
    types = {column.name: column.type for column in contract.columns} | OWN
    rows = []
    for kind in kinds:
        values = (_VALUES.get(type_.split("(")[0], {}).get(kind, "NULL") for type_ in types.values())
        cells = (f"CAST({value} AS {type_})" for value, type_ in zip(values, types.values(), strict=True))
        rows.append(f"({', '.join(cells)})")
    names = ", ".join(f"`{name}`" for name in types)
    return spark.sql(f"SELECT * FROM VALUES {', '.join(rows)} AS made({names})")


def _raised(rows: DataFrame, checks: Sequence[RowCheck]) -> Exception | None:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    parts = [part for check in checks for part in (check.applies, *check.parts)]
    try:
        rows.select(*(part.alias(f"_{place}") for place, part in enumerate(parts))).collect()
    except (PySparkException, Py4JJavaError) as error:
        return error
    return None


def _reason(error: Exception, ansi: bool) -> str:
    """In words, the same on both lanes where it is a common one; never a stack."""
    text = str(error)
    if "PatternSyntaxException" in text or "INVALID_PARAMETER_VALUE.PATTERN" in text:
        return "its regex does not compile; it must be one of Java's"
    named = re.search(r"\[([A-Z][A-Z0-9_.]+)\] (.+?)(?= Use [`']try_| If necessary set| SQLSTATE|;|\n|$)", text)
    plain = re.search(r"java\.[\w.]+(?:Exception|Error): ([^\n]+)", text)
    said = f"[{named[1]}] {named[2]}" if named else plain[1] if plain else type(error).__name__
    said = re.sub(r"[Tt]he value .*? of the type", "a value of the type", said)
    said = re.sub(r" because it is malformed.*", "", said)[:200].rstrip(".")
    if ansi:
        return f"gives NULL in silence where ANSI SQL raises: {said}; compare like with like, or use try_cast"
    return f"Spark refuses it: {said}"


@contextmanager
def _without_stacks() -> Iterator[None]:
    """PySpark 4 logs what it raises, stack and all; here raising is an answer, and the problems say what it was."""
    loggers = [logging.getLogger(name) for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger")]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        yield
    finally:
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled
