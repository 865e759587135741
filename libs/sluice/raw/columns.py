"""Rows of the reader, gathered and turned into Arrow batches."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

import pyarrow as pa

from sluice.contract.model import RawField
from sluice.raw.damage import DIGEST_BYTES, Refused
from sluice.raw.fields import Field, fields_of, spark_columns
from sluice.raw.judge import Judgement, Reason

BATCH_ROWS = 32_000
BATCH_BYTES = 16 << 20
# Decoded rows become columns after so many, while they are still in the processor's cache.
CHUNK_ROWS = 1024

_REASON = pa.struct([(name, pa.string()) for name in ("rule", "column", "message")])
# What the reader adds to the raw fields: name, Arrow type, Spark type.
_ADDED: tuple[tuple[str, pa.DataType, str], ...] = (
    ("_source", pa.string(), "string"),
    ("_offset", pa.int64(), "bigint"),
    ("_hash", pa.binary(), "binary"),
    ("_record", pa.binary(), "binary"),
    ("_rescued", pa.string(), "string"),
    ("_reasons", pa.list_(pa.field("element", _REASON)), "array<struct<rule:string,column:string,message:string>>"),
    ("_bad", pa.string(), "string"),
    ("_account", pa.string(), "string"),
)


def arrow_schema_of(raw: Sequence[RawField]) -> pa.Schema:
    """The raw fields and what the reader adds."""
    added = [(name, arrow) for name, arrow, _ in _ADDED]
    return pa.schema([*((field.name, field.arrow) for field in fields_of(raw)), *added])


def spark_schema_of(raw: Sequence[RawField]) -> str:
    """The same as Spark DDL."""
    return ", ".join([*spark_columns(raw), *(f"{name} {type_}" for name, _, type_ in _ADDED)])


class Rows:
    """Rows of one batch in the making; `full` tells when it is time to flush.

    `empty` is a decoded row without values, for rows that are no record.
    """

    def __init__(self, fields: Sequence[Field], schema: pa.Schema, empty: Any) -> None:
        self._fields, self._schema, self._empty = fields, schema, empty
        self._hash, self._record = schema.field("_hash").type, schema.field("_record").type
        self._clear()

    def _clear(self) -> None:
        self.bytes = 0
        # The newest rows, from the place `_settled` on, as they were decoded; those before are columns already.
        self._rows: list[Any] = []
        self._records: list[bytes] = []
        self._settled = 0
        self._chunks: list[list[pa.Array]] = []
        self._starts: list[int] = []
        # Runs of rows of one source object.
        self._sources: list[tuple[str, int]] = []
        # Few rows have these; by the row's place.
        self._digests: dict[int, bytes] = {}
        self._rescued: dict[int, str] = {}
        self._reasons: dict[int, Sequence[Reason]] = {}
        self._bad: dict[int, str] = {}

    @property
    def full(self) -> bool:
        """Whether it is time to flush."""
        return len(self._starts) >= BATCH_ROWS or self.bytes >= BATCH_BYTES

    def add(self, source: str, starts: list[int], spans: list[bytes], rows: list[Any]) -> int:
        """Records as the fast way gives them, in their order; returns the place of the first."""
        if len(self._rows) >= CHUNK_ROWS:
            self._settle()
        first = len(self._starts)
        self._starts += starts
        self._records += spans
        self._rows += rows
        self.bytes += starts[-1] - starts[0] + len(spans[-1])
        count = len(rows)
        if self._sources and self._sources[-1][0] == source:
            count += self._sources.pop()[1]
        self._sources.append((source, count))
        return first

    def judge(self, place: int, judged: Judgement) -> None:
        """Adds what the judge found to the row at `place`, one of those added last."""
        self._rows[place - self._settled] = judged.row
        if judged.rescued is not None:
            self._rescued[place] = judged.rescued
            self.bytes += len(judged.rescued)
        if judged.reasons:
            self._reasons[place] = judged.reasons
        if judged.bad:
            self._bad[place] = f",{','.join(judged.bad)},"

    def add_refused(self, source: str, refused: Refused) -> None:
        """A row that is no record."""
        place = self.add(source, [refused.start], [refused.kept], [self._empty])
        self._digests[place] = refused.digest
        self._reasons[place] = [Reason(refused.rule, "", refused.message)]

    def flush(self) -> pa.RecordBatch | None:
        """The batch of what was added since the last one; None if there is nothing."""
        if not self._starts:
            return None
        self._settle()
        *fields, digests, records = map(pa.concat_arrays, zip(*self._chunks, strict=True))
        reasons = {p: [(r.rule, r.column or None, r.message) for r in found] for p, found in self._reasons.items()}
        columns = [
            *fields,
            pa.concat_arrays([pa.repeat(pa.scalar(source, pa.string()), rows) for source, rows in self._sources]),
            pa.array(self._starts, pa.int64()),
            digests,
            records,
            self._sparse("_rescued", self._rescued),
            self._sparse("_reasons", reasons),
            self._sparse("_bad", self._bad),
            pa.nulls(len(self._starts), pa.string()),
        ]
        self._clear()
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _settle(self) -> None:
        """Make columns of the newest rows."""
        digests = [sha256(record).digest()[:DIGEST_BYTES] for record in self._records]
        for place, digest in self._digests.items():
            digests[place - self._settled] = digest
        self._chunks.append(
            [
                *map(self._column, self._fields),
                pa.array(digests, self._hash),
                pa.array(self._records, self._record),
            ]
        )
        self._settled = len(self._starts)
        self._rows, self._records, self._digests = [], [], {}

    def _column(self, field: Field) -> pa.Array:
        values = map(attrgetter(field.attribute), self._rows)
        if field.to_arrow is not None:
            values = map(field.to_arrow, values)
        return pa.array(list(values), field.arrow)

    def _sparse(self, name: str, found: dict[int, Any]) -> pa.Array:
        type_, count = self._schema.field(name).type, len(self._starts)
        if not found:
            return pa.nulls(count, type_)
        values: list[Any] = [None] * count
        for place, value in found.items():
            values[place] = value
        return pa.array(values, type_)


def account_batch(schema: pa.Schema, accounts: Sequence[tuple[str, str]]) -> pa.RecordBatch:
    """One row per source object: its path and its account, all else NULL."""
    given = {
        "_source": pa.array([source for source, _ in accounts], pa.string()),
        "_account": pa.array([account for _, account in accounts], pa.string()),
    }
    columns = [given.get(field.name) for field in schema]
    nulls = [pa.nulls(len(accounts), field.type) if c is None else c for field, c in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(nulls, schema=schema)
