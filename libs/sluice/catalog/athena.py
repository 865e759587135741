"""One query in Athena: started, waited for, its rows paged, what it scanned and cost.

Only one SELECT is sent, as jobs/query.py takes it; what the role may do beyond that is the role's.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sluice.catalog.results import Heads, Row, TextKind
from sluice.errors import ProblemsError, SluiceError, StorageError, UsageError
from sluice.runtime.aws import client, translated

TERABYTE, MEGABYTE = 10**12, 10**6
LEAST_MEGABYTES = 10
PRICE_PER_TERABYTE = 5.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 5.0
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "float", "real", "double", "decimal")
_INSTANT = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: (UTC))?")
# What Athena says of these is about names and grammar; of others it may hold values.
_TELLS_NO_VALUES = re.compile(
    r"(SYNTAX_ERROR|COLUMN_NOT_FOUND|TABLE_NOT_FOUND|SCHEMA_NOT_FOUND|CATALOG_NOT_FOUND|FUNCTION_NOT_FOUND|TYPE_MISMATCH|"
    r"MISMATCHED_COLUMN_ALIASES|PERMISSION_DENIED|AMBIGUOUS_NAME|NOT_SUPPORTED|EXPRESSION_NOT_AGGREGATE|"
    r"FUNCTION_IMPLEMENTATION_MISSING|Insufficient (?:permissions|Lake Formation))"
)


@dataclass(frozen=True)
class Place:
    """Where a query runs: `output` is s3://bucket/prefix for results, "" where the workgroup says it."""

    database: str = "sluice"
    workgroup: str = "primary"
    output: str = ""
    catalog: str = "AwsDataCatalog"


@dataclass(frozen=True)
class Scanned:
    """What a query took: bytes read, seconds queued and at work, and its price (of the least, where less was read)."""

    query_id: str
    scanned_bytes: int
    queued_seconds: float
    seconds: float
    cost_usd: float


def check_query(sql: str) -> None:
    """Raise ProblemsError unless `sql` is one query; what Athena's dialect of sqlglot cannot parse is refused, too."""
    import logging

    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    todo = "ask one SELECT (or WITH ... SELECT, VALUES)"
    if "`" in sql:
        raise ProblemsError("the query", ['Athena quotes names with "double quotes", not with backquotes'])
    try:
        parsed = [each for each in sqlglot.parse(sql, dialect="athena") if each is not None]
    except SqlglotError as error:
        raise ProblemsError("the query", [f"it cannot be parsed: {str(error).splitlines()[0]}; {todo}"]) from None
    if len(parsed) != 1:
        raise ProblemsError("the query", [f"expected one query, found {len(parsed)}; {todo}"])
    writes = (exp.DML, exp.DDL, exp.Command, exp.Into)
    inner = [each for each in parsed[0].walk() if isinstance(each, writes) and not isinstance(each, exp.Query)]
    if inner or not isinstance(parsed[0], exp.Query | exp.Values):
        name = type(inner[0] if inner else parsed[0]).__name__.upper()
        raise ProblemsError("the query", [f"{name}: it writes, defines or is no query; {todo}"])


def run_query(
    sql: str, place: Place, wait: Callable[[float], None] = time.sleep, tell: Callable[[str], None] = lambda _: None
) -> str:
    """Start `sql` and wait until it is done; its id. An interrupt cancels it, in Athena too.

    Raises UsageError with Athena's reason where it failed for the query's fault, StorageError for any other.
    """
    check_query(sql)
    athena = client("athena")
    context = {"Database": place.database, "Catalog": place.catalog}
    more = {"ResultConfiguration": {"OutputLocation": place.output}} if place.output else {}
    try:
        started = athena.start_query_execution(
            QueryString=sql,
            ClientRequestToken=uuid.uuid4().hex,
            QueryExecutionContext=context,
            WorkGroup=place.workgroup,
            **more,
        )
    except Exception as error:
        raise _told(athena, error) from error
    query_id = str(started["QueryExecutionId"])
    tell(f"query {query_id} started")
    try:
        _wait(athena, query_id, wait)
    except KeyboardInterrupt:
        athena.stop_query_execution(QueryExecutionId=query_id)
        tell(f"query {query_id} was cancelled; what it had scanned is charged")
        raise
    return query_id


def _wait(athena: Any, query_id: str, wait: Callable[[float], None]) -> None:
    pause = _FIRST_WAIT_SECONDS
    while True:
        status = _execution(athena, query_id)["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] == "CANCELLED":
            raise StorageError(f"athena:{query_id}: was cancelled by somebody else, or by a limit of its workgroup")
        if status["State"] == "FAILED":
            raise _failure(query_id, status)
        wait(pause)
        pause = min(_LONGEST_WAIT_SECONDS, pause * 1.5)


def _failure(query_id: str, status: Any) -> SluiceError:
    """AthenaError's category 2 is the user's fault; 1 is the system's, 3 is others'."""
    reason = str(status.get("StateChangeReason", "no reason was given"))
    category = status.get("AthenaError", {}).get("ErrorCategory")
    if not _TELLS_NO_VALUES.match(reason):
        code = re.match(r"[A-Z][A-Z_]+", reason)
        reason = f"{code[0] if code else 'an error'} (the console shows the rest, which may hold values)"
    if category == 2 or _TELLS_NO_VALUES.match(reason):
        return UsageError(f"athena:{query_id}: the query failed: {reason}")
    again = "" if status.get("AthenaError", {}).get("Retryable") is False else "; run again"
    return StorageError(f"athena:{query_id}: the query failed: {reason}{again}")


def scanned(query_id: str, usd_per_terabyte: float = PRICE_PER_TERABYTE) -> Scanned:
    """What a finished query read and cost: by the megabyte, rounded up, 10 at least."""
    found = _execution(client("athena"), query_id).get("Statistics", {})
    size = int(found.get("DataScannedInBytes", 0))
    megabytes = max(LEAST_MEGABYTES, -(-size // MEGABYTE))
    return Scanned(
        query_id,
        size,
        found.get("QueryQueueTimeInMillis", 0) / 1000,
        found.get("TotalExecutionTimeInMillis", 0) / 1000,
        round(megabytes * MEGABYTE / TERABYTE * usd_per_terabyte, 6),
    )


def result(query_id: str) -> tuple[Heads, Iterator[Row]]:
    """The columns and the rows of a finished query, fetched page by page as they are asked for."""
    pages = _pages(client("athena"), query_id)
    first = next(pages)
    columns = first["ResultSetMetadata"]["ColumnInfo"]
    heads = Heads(tuple(each["Name"] for each in columns), tuple(_kind(each["Type"]) for each in columns))
    instants = [each["Type"].startswith("timestamp") for each in columns]

    def rows() -> Iterator[Row]:
        for number, page in enumerate(chain([first], pages)):
            # The first row of a SELECT's first page holds the names.
            for row in page["Rows"][1 if number == 0 else 0 :]:
                yield [
                    _text(cell.get("VarCharValue"), instant)
                    for cell, instant in zip(row["Data"], instants, strict=True)
                ]

    return heads, rows()


def _pages(athena: Any, query_id: str) -> Iterator[Any]:
    token: dict[str, str] = {}
    while True:
        try:
            page = athena.get_query_results(QueryExecutionId=query_id, MaxResults=1000, **token)
        except Exception as error:
            raise _told(athena, error) from error
        yield page["ResultSet"]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _kind(kind: str) -> TextKind:
    return "boolean" if kind == "boolean" else "number" if kind in _NUMBERS else "text"


def _text(value: str | None, instant: bool) -> str | None:
    """A cell; instants as jobs/query.py spells them, without zeros at the end of their fractions."""
    found = _INSTANT.fullmatch(value) if instant and value else None
    if not found:
        return value
    date, clock, zone = found.groups()
    if "." in clock:
        clock = clock.rstrip("0").rstrip(".")
    return f"{date}T{clock}{'Z' if zone else ''}"


def _execution(athena: Any, query_id: str) -> Any:
    try:
        return athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    except Exception as error:
        raise _told(athena, error) from error


def _told(athena: Any, error: Exception) -> SluiceError:
    if isinstance(error, athena.exceptions.InvalidRequestException):
        message = error.response.get("Error", {}).get("Message") or "the request was refused"
        return UsageError(f"athena: {message}; look at --workgroup, --database and --output-location")
    return translated(error, "athena")
