"""One ANSI SQL query over registered tables, in a session of its own that can only read.

The session reads SQL as Athena does ("names", 'texts', errors instead of NULLs), and reads nothing by a path.
Values leave Spark as text: instants ISO 8601 in UTC, bytes base64, arrays, structs and maps JSON.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluice.catalog.lake_tables import LakeTable
from sluice.catalog.readonly import check_analysed, check_parsed
from sluice.catalog.register import DATABASE, register
from sluice.catalog.results import Heads, Row, TextKind
from sluice.errors import ProblemsError, SluiceError, StorageDenied
from sluice.runtime.session import PINNED

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_READS_AS_ATHENA = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    # `${env:NAME}` would read the environment.
    "spark.sql.variable.substitute": "false",
    # Without it neither parquet.`path` nor its like is a table, whatever the parser's judge says.
    "spark.sql.runSQLOnFiles": "false",
    # A few rows of a large table are found without reading it all.
    "spark.sql.limit.initialNumPartitions": "1",
}
_FAULTS = {
    "DIVIDE_BY_ZERO": "a division by zero; divide by nullif(x, 0)",
    "REMAINDER_BY_ZERO": "a remainder by zero; divide by nullif(x, 0)",
    "CAST_INVALID_INPUT": "a value cannot be cast; use try_cast",
    "CAST_OVERFLOW": "a value is too large for its new type; use try_cast",
    "ARITHMETIC_OVERFLOW": "a number became too large for its type; cast to a larger one first",
    "NUMERIC_VALUE_OUT_OF_RANGE": "a number is too large for its type; cast to a larger one first",
    "INVALID_ARRAY_INDEX": "an array has no element at an index; use try_element_at or test cardinality first",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "an array has no element at an index; use try_element_at",
    "CANNOT_PARSE_TIMESTAMP": "a text is no instant of that pattern; use try_to_timestamp",
    "DATETIME_OVERFLOW": "a date became too large",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": "a subquery in place of a value has more than one row",
}
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]{3,}(?:\.[A-Z0-9_]+)*)\]")


class Query:
    """A query that was judged and analysed, and has not run yet."""

    def __init__(self, rows: DataFrame) -> None:
        self._rows = rows
        kinds = [_kind(each.dataType.typeName()) for each in rows.schema.fields]
        self.heads = Heads(tuple(rows.columns), tuple(kinds))

    def rows(self, limit: int | None = None) -> Iterator[Row]:
        """The rows as text, fetched as they are asked for; with `limit` at most one more than that.

        Raises ProblemsError where a value is not what the query takes it for.
        """
        numbered = self._rows.toDF(*(f"c{place}" for place in range(len(self.heads.names))))
        texts = numbered.select(*(_text(f"c{place}", field.dataType) for place, field in enumerate(self._fields)))
        if limit is not None:
            texts = texts.limit(limit + 1)
        decimals = [place for place, field in enumerate(self._fields) if field.dataType.typeName() == "decimal"]
        with _in_words():
            for row in texts.toLocalIterator():
                yield _plain(row, decimals) if decimals else row

    def plan(self) -> str:
        """Spark's physical plan: what is read of which files, by what filters."""
        return str(self._rows._jdf.queryExecution().executedPlan().toString())

    @property
    def _fields(self) -> list[Any]:
        return list(self._rows.schema.fields)


def prepare(spark: SparkSession, sql: str, tables: Sequence[LakeTable], database: str = DATABASE) -> Query:
    """Judge `sql`, register those of `tables` that it names, and analyse it; nothing is read yet.

    Raises ProblemsError for all but one query that only reads, for unknown names, and for types that do not fit.
    """
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)  # a stack trace for each typing mistake
    session = query_session(spark)
    locations = {table.name: table.uri for table in tables}
    used = check_parsed(session, sql, database, locations)
    register(spark, [table for table in tables if table.name in used], database)
    session.catalog.setCurrentDatabase(database)
    with _in_words():
        rows = session.sql(sql)
    check_analysed(rows, database, locations)
    return Query(rows)


def query_session(spark: SparkSession) -> SparkSession:
    """A session with the same catalog, that reads SQL as Athena does."""
    session = spark.newSession()
    for key, value in {**_sized(spark), **PINNED, **_READS_AS_ATHENA}.items():
        session.conf.set(key, value)
    return session


def _sized(spark: SparkSession) -> dict[str, str]:
    """As many parts as the cores are worth, where nobody has said another number: 200 and 50 cost most of a second."""
    cores = spark.sparkContext.defaultParallelism
    sizes = {"spark.sql.shuffle.partitions": 4 * cores, "spark.databricks.delta.snapshotPartitions": min(50, 2 * cores)}
    given = spark.sparkContext.getConf()
    return {key: str(size) for key, size in sizes.items() if not given.contains(key)}


def _kind(kind: str) -> TextKind:
    kinds: Mapping[str, TextKind] = {"boolean": "boolean", "array": "json", "struct": "json", "map": "json"}
    if kind in ("byte", "short", "integer", "long", "float", "double") or kind.startswith("decimal"):
        return "number"
    return kinds.get(kind, "json" if kind == "variant" else "text")


def _text(name: str, kind: Any) -> Column:
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    value = F.col(name)
    if isinstance(kind, T.ArrayType | T.StructType | T.MapType) or kind.typeName() == "variant":
        options = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "ignoreNullFields": "false"}
        return F.to_json(value, options).alias(name)
    if isinstance(kind, T.TimestampType):
        return F.concat(F.translate(value.cast("string"), " ", "T"), F.lit("Z")).alias(name)
    if isinstance(kind, T.TimestampNTZType):
        return F.translate(value.cast("string"), " ", "T").alias(name)
    if isinstance(kind, T.BinaryType):
        return F.base64(value).alias(name)
    return value.cast("string").alias(name)


def _plain(row: Row, decimals: Sequence[int]) -> Row:
    """`row` with its decimals in full: Spark 3.5 writes 0.0000000001 as 1E-10, Spark 4 does not."""
    texts = list(row)
    for place in decimals:
        text = texts[place]
        texts[place] = format(Decimal(text), "f") if text and "E" in text else text
    return texts


@contextmanager
def _in_words() -> Iterator[None]:
    """What Spark finds wrong with a query is told in words; what is no fault of the query's goes on as it is."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise _told(error) or error from None


def _told(error: Exception) -> SluiceError | None:
    """What Spark found wrong with a query, in words without values; None for what is no fault of the query's."""
    from pyspark.errors import AnalysisException, ParseException

    words = str(error)
    if isinstance(error, AnalysisException | ParseException):
        first = re.split(r";?\n", words, maxsplit=1)[0]
        return ProblemsError("the query", [re.sub(r"\s*SQLSTATE: \w+", "", first).rstrip("; ")])
    for condition in _CONDITION.findall(words):
        known = next((told for name, told in _FAULTS.items() if condition.split(".")[0] == name), None)
        if known:
            return ProblemsError("the query", [known])
    if "AccessDenied" in words or "403 Forbidden" in words or "Status Code: 403" in words:
        return StorageDenied("a table's files: access denied; grant this role the permission and run again")
    return None
