"""What lies in `_rescued` of staged files: which top-level fields, and of what kinds their values are.

Kinds: integer (exact as a double, too), large integer (of 64 bits), number (a fraction or an exponent, exact as a
double), boolean, string, other. A null is of no kind. Keys with `.` or `[` are left out: `_rescued` names fields within
structs by their places (`page.author`), which cannot be told from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.lake.commit import DataFile
from sluice.lake.tables import RESCUED
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_READ_ROWS = 32_000
# A task tells of no more names than this: what has so many keys has data for keys.
_MOST_NAMES = 10_000
_EXACT, _BIGINT = 1 << 53, 1 << 63
_SURE_DIGITS = 15

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def kinds_in(spark: SparkSession, table_uri: str, files: Sequence[DataFile]) -> dict[str, set[str]]:
    """Kinds of the values by top-level name, in `_rescued` of `files`, which lie below `table_uri`; one Spark job."""
    holding = [file for file in files if json.loads(file.stats)["nullCount"].get(RESCUED) != _rows(file)]
    if not holding:
        return {}
    tasks = min(len(holding), spark.sparkContext.defaultParallelism)
    places = [[(join(table_uri, file.path), file.size_bytes) for file in holding[n::tasks]] for n in range(tasks)]
    found: dict[str, set[str]] = {}
    for row in spark.range(0, tasks, 1, tasks).mapInArrow(_finder(places), "name string, kind string").collect():
        found.setdefault(row["name"], set()).add(row["kind"])
    return found


def _rows(file: DataFile) -> int:
    return int(json.loads(file.stats)["numRecords"])


def _finder(
    places: Sequence[Sequence[tuple[str, int]]],
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def find(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found: dict[str, set[str]] = {}
            for number in batch.column("id").to_pylist():
                for uri, size in places[number]:
                    _look(uri, size, found)
            pairs = [{"name": name, "kind": kind} for name, kinds in found.items() for kind in kinds]
            yield pa.RecordBatch.from_pylist(pairs, schema=pa.schema([("name", pa.string()), ("kind", pa.string())]))

    return find


def _look(uri: str, size: int, found: dict[str, set[str]]) -> None:
    with pq.ParquetFile(RangedFile(uri, size), pre_buffer=True) as source:
        for batch in source.iter_batches(_READ_ROWS, columns=[RESCUED]):
            for text in batch.column(RESCUED).drop_null().to_pylist():
                for name, value in _members(text).items():
                    kind = kind_of(bytes(value).decode())
                    if kind and not {".", "["} & set(name) and (name in found or len(found) < _MOST_NAMES):
                        found.setdefault(name, set()).add(kind)


def kind_of(text: str) -> str:
    """The kind of one JSON value; "" for null."""
    first = text[0]
    if first in "ntf":
        return "" if first == "n" else "boolean"
    if first in "[{":
        return "other"
    if first == '"':
        return "string" if string(text) is not None else "other"
    if (whole := integer(text)) is not None:
        return "integer" if abs(whole) <= _EXACT else "large integer"
    return "number" if number(text) is not None else "other"


def integer(text: str) -> int | None:
    """A JSON number without fraction and exponent that 64 bits hold; None for any other value."""
    if not text.removeprefix("-").isdigit() or len(text) > 20:
        return None
    found = int(text)
    return found if -_BIGINT <= found < _BIGINT else None


def number(text: str) -> float | None:
    """A JSON number that a double holds as it is written, digit by digit; None for any other value."""
    if text[0] not in "-0123456789":
        return None
    found = float(text)
    if len(text) <= _SURE_DIGITS and "e" not in text.lower():
        return found
    return found if isfinite(found) and Decimal(repr(found)) == Decimal(text) else None


def boolean(text: str) -> bool | None:
    """true or false; None for any other value."""
    return {"true": True, "false": False}.get(text)


def string(text: str) -> str | None:
    """A JSON string that is Unicode; None for any other value (an escaped half of a surrogate pair is none)."""
    if text[0] != '"':
        return None
    if "\\" not in text:
        return text[1:-1]
    try:
        return str(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
