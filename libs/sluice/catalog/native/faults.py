"""What DuckDB finds wrong with a query, in words without values: its own quote what could not be cast."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from sluice.errors import ProblemsError, SluiceError, StorageError
from sluice.lake.commit import refusal

_FAULTS = (
    (r"[Dd]ivision by zero", "a division or remainder by zero; divide by nullif(x, 0)"),
    (r"More than one row returned by a subquery", "a subquery in place of a value has more than one row"),
    (r"Overflow in|out of range|[Oo]verflow", "a number became too large for its type; cast to a larger one first"),
    (r"square root|logarithm", "a root or logarithm of a number that has none; test its sign first"),
)
_OTHER_ENGINE = "; if Spark's SQL has it, ask with --engine spark"


@contextmanager
def in_words() -> Iterator[None]:
    """What DuckDB finds wrong is told in words; an error of ours goes on as it is."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise _told(error) from None


def _told(error: Exception) -> SluiceError:
    words = str(error)
    if refused := refusal(error, "a table's files"):  # Arrow reads for DuckDB, and DuckDB passes on what it says
        return refused
    if isinstance(error, duckdb.ConversionException):
        large = "out of range" in words or "overflow" in words.lower()
        return _problem("a value is too large for its new type; use try_cast" if large else _CAST)
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        return _problem(_first(words) + _OTHER_ENGINE)
    if isinstance(error, duckdb.OutOfMemoryException):
        return SluiceError("the query needs more memory than there is; ask for less of it, or with --engine spark")
    if isinstance(error, OSError | duckdb.IOException | duckdb.HTTPException | duckdb.PermissionException):
        return StorageError("a table's file cannot be read; was it vacuumed while we read? Run again")
    for pattern, told in _FAULTS:
        if re.search(pattern, words):
            return _problem(told)
    return _problem(f"DuckDB cannot answer it ({type(error).__name__}){_OTHER_ENGINE}")


_CAST = "a value cannot be cast; use try_cast"


def _problem(told: str) -> ProblemsError:
    return ProblemsError("the query", [told])


def _first(words: str) -> str:
    """What DuckDB says of names and types, without its picture of the text and its lists of functions."""
    kept = re.split(r"\n\s*(?:LINE \d|Candidate functions)", words)[0]
    lines = [line.strip() for line in kept.splitlines() if line.strip()]
    return re.sub(r"^(?:Binder|Catalog|Parser) Error: ", "", " ".join(lines)).rstrip(".;: ")
