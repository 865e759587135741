"""Evolved fields on their way from the reader to Spark: read as any JSON value, then made values of their types.

A value that is not of its field's type goes back to where it would be without the column: into `_rescued`, as received.
What runs here runs in Spark's workers, so that nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa

from sluice.contract.arrow import arrow_type
from sluice.contract.model import Contract, RawField
from sluice.contract.types import JSON, parse_type
from sluice.lake.rescued import boolean, integer, number, string
from sluice.lake.tables import RESCUED

MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]
_READ: dict[str, Callable[[str], Any]] = {"bigint": integer, "double": number, "boolean": boolean, "string": string}


def reading(contract: Contract) -> Contract:
    """What the reader is to follow: evolved fields as any JSON value, so that none of them refuses a record."""
    as_text = "string" if contract.raw_format == "csv" else JSON
    raw = tuple(replace(field, type=as_text) if field.evolved else field for field in contract.raw)
    return replace(contract, raw=raw)


def typed(read: MapInArrow, contract: Contract) -> MapInArrow:
    """`read`, which follows `reading(contract)`, with evolved fields of their types; what does not fit is rescued."""
    fields = [field for field in contract.raw if field.evolved and field.type in _READ]
    if not fields or contract.raw_format == "csv":
        return read

    def read_typed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in read(batches):
            yield _typed(rows, fields)

    return read_typed


def _typed(rows: pa.RecordBatch, fields: Sequence[RawField]) -> pa.RecordBatch:
    columns = {name: rows.column(name) for name in rows.schema.names}
    misfits: dict[int, dict[str, str]] = {}
    for field in fields:
        as_type, values = _READ[field.type], []
        for row, text in enumerate(columns[field.name].to_pylist()):
            value = None if text is None else as_type(text)
            values.append(value)
            if value is None and text is not None:
                misfits.setdefault(row, {})[field.name] = text
        columns[field.name] = pa.array(values, arrow_type(parse_type(field.type)))
    if misfits:
        rescued = columns[RESCUED].to_pylist()
        for row, members in misfits.items():
            rescued[row] = _with(rescued[row], members)
        columns[RESCUED] = pa.array(rescued, pa.string())
    return pa.RecordBatch.from_pydict(columns)


def _with(rescued: str | None, members: dict[str, str]) -> str:
    """`rescued`, the text of an object, with more members, whose values are JSON text."""
    more = ",".join(f"{msgspec.json.encode(name).decode()}:{text}" for name, text in members.items())
    return f"{rescued[:-1]},{more}}}" if rescued else f"{{{more}}}"
