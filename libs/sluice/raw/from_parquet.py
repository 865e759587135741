"""Parquet -> rows: each row is read as the JSON object that it is, so that one judge says the same of every format.

Of a row's JSON (see `raw.parquet_json`) `_record` and `_hash` are made. The declared fields are decoded from it, dates,
instants and binaries from their texts: a value of another kind is `wrong_type` (NaN and infinities, too), one that its
column cannot hold `not_convertible` (an instant finer than a microsecond or outside the years 1 to 9999). A row with
text that is not UTF-8 is `malformed_parquet`, and its record has that column's texts as base64. Safe casts of
top-level columns are made before: a floating value without a fraction for an integer, binary that is UTF-8 for a
string. Row groups are streamed, a part of a column chunk at a time; the offset of a row is its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.contract.model import Contract
from sluice.errors import SourceChanged, SourceMissing
from sluice.raw.account import Account
from sluice.raw.csv_rows import refused_row
from sluice.raw.damage import Refused
from sluice.raw.fields import FAULTS, INTEGER_BITS, Field, decoder, fields_of, row_type
from sluice.raw.judge import Judge
from sluice.raw.layout import HEAD_BYTES, foreign
from sluice.raw.parquet_json import Plain, bare, encode, is_list, is_text, plain
from sluice.raw.scan import WHITE
from sluice.raw.spans import Taken
from sluice.raw.text import GONE, Opened
from sluice.runtime.ranges import RangedFile

MALFORMED_PARQUET = "malformed_parquet"
_MAGIC = b"PAR1"
_ROWS = 1024
# Uncompressed bytes of rows that are made at a time, as the footer tells.
_BATCH_BYTES = 8 << 20
_READ_BYTES = 1 << 20


class _Unfit(ValueError):
    """Raised for a file that is sound Parquet and cannot be told as JSON."""


@dataclass(frozen=True)
class _Column:
    """A column of a file: what makes JSON of a value, and what makes that for decoding, where it differs."""

    name: str
    type: pa.DataType
    plain: Plain | None
    cast: Callable[[Any], Any] | None


class ParquetFormat:
    """Reads source objects of Parquet."""

    def __init__(self, contract: Contract) -> None:
        self.fields: Sequence[Field] = fields_of(contract.raw)
        self._types = {field.name: field.type for field in self.fields}
        self._longest = contract.max_record_bytes
        rows = row_type(self.fields, forbid_unknown=True)
        self.empty: Any = rows()
        self._decode = decoder(rows).decode
        self._judge = Judge(self.fields, contract.unknown_fields, contract.max_nesting)

    def events(self, opened: Opened, account: Account) -> Iterator[Taken | Refused]:
        """All that is in one source object, in its order; the object is looked at again after its last row."""
        account.layout_name = "parquet"
        source = opened.source
        try:
            account.changed = self._changed(opened)
            if not account.changed:
                yield from self._events(opened, account)
                account.changed = self._changed(opened)
        except SourceChanged:
            account.changed = True
        except SourceMissing:
            yield Refused.unreadable(0, GONE)
        account.stored_bytes = source.size_bytes

    def _changed(self, opened: Opened) -> bool:
        found = opened.storage.head(opened.uri)
        if found is None:
            raise SourceMissing(f"{opened.uri}: expected a source object, found none")
        listed = opened.source
        return found.size_bytes != listed.size_bytes or listed.etag not in (None, found.etag)

    def _events(self, opened: Opened, account: Account) -> Iterator[Taken | Refused]:
        size, done = opened.source.size_bytes, 0
        if (other := _not_parquet(RangedFile(opened.uri, size), size)) is not None:
            yield Refused.unreadable(0, other)
            return
        try:
            file = pq.ParquetFile(
                RangedFile(opened.uri, size),
                pre_buffer=False,
                buffer_size=_READ_BYTES,
                coerce_int96_timestamp_unit="us",
            )
            columns = self._columns(file.schema_arrow)
            account.bytes, account.compression, rows = _sizes(file.metadata)
            for batch in file.iter_batches(batch_size=rows, use_threads=False):
                yield from self._taken(batch, columns, done)
                done += batch.num_rows
        except (pa.ArrowException, OSError, ValueError) as error:
            yield Refused.unreadable(
                done, f"expected sound Parquet, found damage or what cannot be read ({_kind(error)})"
            )

    def _columns(self, schema: pa.Schema) -> list[_Column]:
        if len(set(schema.names)) < len(schema.names):
            raise _Unfit("two columns of one name")
        return [
            _Column(field.name, field.type, plain(field.type), self._cast(field.name, field.type)) for field in schema
        ]

    def _cast(self, name: str, type_: pa.DataType) -> Callable[[Any], Any] | None:
        wanted = self._types.get(name)
        if wanted is not None and wanted.kind in INTEGER_BITS and pa.types.is_floating(type_):
            return _whole
        if wanted is not None and wanted.kind == "string" and _is_binary(type_):
            return _utf8
        return None

    def _taken(self, batch: pa.RecordBatch, columns: list[_Column], first: int) -> Iterator[Taken | Refused]:
        faults: dict[int, str] = {}
        values = [_values(column, batch.column(place), faults) for place, column in enumerate(columns)]
        said = spans = _texts(columns, values, batch.num_rows)
        if any(column.cast for column in columns):
            cast = [
                found if (make := column.cast) is None else [value if value is None else make(value) for value in found]
                for column, found in zip(columns, values, strict=True)
            ]
            said = _texts(columns, cast, batch.num_rows)
        starts = list(range(first, first + len(spans)))
        begin = 0
        longest = f"expected a record of at most {self._longest} bytes, found a longer one"
        for place, span in enumerate(spans):
            why = longest if len(span) > self._longest else faults.get(place)
            if why:
                if place > begin:
                    yield self._decoded(starts[begin:place], spans[begin:place], said[begin:place])
                yield refused_row(starts[place], span, why, MALFORMED_PARQUET)
                begin = place + 1
        if begin < len(spans):
            yield self._decoded(starts[begin:], spans[begin:], said[begin:])

    def _decoded(self, starts: list[int], spans: list[bytes], said: list[bytes]) -> Taken:
        rows: list[Any] = []
        judged = {}
        for text in said:
            try:
                rows.append(self._decode(text))
            except FAULTS:
                judged[len(rows)] = self._judge(text)
                rows.append(None)
        return Taken(starts, spans, rows, judged)


def _values(column: _Column, found: pa.Array, faults: dict[int, str]) -> list[Any]:
    """Values of one column of a batch, ready to be encoded; `faults` takes what is wrong, by the row's place."""
    wanted = bare(column.type)
    plainer = found if found.type == wanted else found.cast(wanted)
    bad: set[int] = set()
    try:
        values: list[Any] = plainer.to_pylist()
    except UnicodeDecodeError:
        values = [_told(plainer[place], place, bad) for place in range(len(plainer))]
        faults |= dict.fromkeys(bad, "expected text in UTF-8, found other bytes")
    if column.plain is None:
        return values
    make = column.plain
    return [value if value is None or place in bad else make(value) for place, value in enumerate(values)]


def _told(scalar: pa.Scalar, place: int, bad: set[int]) -> Any:
    """A value; where its text is not UTF-8, the same with bytes for texts, and its place among the `bad`."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        bad.add(place)
        value = scalar.cast(_bytes_for_texts(scalar.type)).as_py()
        # What JSON can have no names of becomes pairs.
        return [list(pair) for pair in value] if pa.types.is_map(scalar.type) else value


def _bytes_for_texts(type_: pa.DataType) -> pa.DataType:
    """A (bare) type with binary for text, at every depth."""
    if is_text(type_):
        return pa.binary()
    if pa.types.is_map(type_):
        return pa.map_(_bytes_for_texts(type_.key_type), _bytes_for_texts(type_.item_type))
    if is_list(type_):
        return pa.list_(_bytes_for_texts(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_bytes_for_texts(field.type)) for field in type_])
    return type_


def _texts(columns: list[_Column], values: list[list[Any]], count: int) -> list[bytes]:
    """Each row as JSON."""
    names = [column.name for column in columns]
    if not names:
        return [b"{}"] * count
    return [encode(dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _utf8(value: bytes) -> Any:
    """Its text; where it is none, an array, which is no string either."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return []


def _is_binary(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(type_)
        or pa.types.is_large_binary(type_)
        or pa.types.is_fixed_size_binary(type_)
        or (pa.types.is_dictionary(type_) and _is_binary(type_.value_type) and not is_text(type_.value_type))
    )


def _sizes(metadata: pq.FileMetaData) -> tuple[int, str, int]:
    """Bytes without compression, the codecs' names, and how many rows to read at a time."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    codecs = {group.column(0).compression.lower() for group in groups if group.num_columns}
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=1)
    named = "+".join(sorted(codecs)).replace("uncompressed", "none") or "none"
    return size, named, max(1, min(_ROWS, _BATCH_BYTES // max(widest, 1)))


def _not_parquet(file: RangedFile, size: int) -> str | None:
    """What the object is instead of Parquet, as a message; None where it begins and ends like Parquet."""
    head = file.read(HEAD_BYTES)
    file.seek(max(0, size - len(_MAGIC)))
    if not head.startswith(_MAGIC):
        return f"expected Parquet, found {_named(head)}"
    if size < 12 or file.read(len(_MAGIC)) != _MAGIC:
        return "expected the end of the Parquet data, found the end of the source object; deliver it again"
    return None


def _named(head: bytes) -> str:
    if not head:
        return "an empty object"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.lstrip(WHITE)[:1] in (b"{", b"["):
        return "JSON"
    return foreign(head) or "text or other bytes"


def _kind(error: BaseException) -> str:
    """Words of our own, else the error's kind alone: its message may quote values."""
    return str(error) if isinstance(error, _Unfit) else type(error).__name__
