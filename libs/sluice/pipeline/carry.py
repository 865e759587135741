"""Columns that Spark has nothing to decide about go past the JVM, from the reader's worker to the writer's.

Both run in one task, hence on one machine, and Spark keeps the order of a task's rows between them. So the reader
leaves each of its batches in a local file, gives Spark only what expressions and rules look at, and the writer puts
both together again, by the file's name and the row's number in it; that the numbers run on is checked. A file is
removed when the writer opens it; what a killed worker leaves behind lies in the machine's temporary folder.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.model import Contract
from sluice.errors import AccountingError
from sluice.lake.tables import HASH, RESCUED
from sluice.runtime.workers import forget_archives

_WORD = re.compile(r"\w+")
MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]

# What Spark is told of each row beside raw fields: what kind of row it is, and where the rest of it lies.
_KINDS = "_bad string, _no_record boolean, _is_account boolean, _file bigint, _row int"


def looked_at(contract: Contract, also: Collection[str] = ()) -> list[str]:
    """Names of the raw fields that Spark is given: whichever an expression, a filter or a rule could name.

    `also` are columns of the curated table that the suite's row-level checks look at.
    A name counts as named where it is a word of the text (be it in a string), and one that is no plain word where it is
    a part of it: a field too many costs a little, one too few would be wrong.
    """
    texts = [*also, *(filter_.expression for filter_ in contract.filters)]
    for column in contract.columns:
        texts += [column.expression or "", *column.sources] if column.expression else []
        if column.required or column.partition_position is not None or column.key_position is not None:
            texts.append(column.name)
    all_texts = "\n".join(texts).lower()
    words = set(_WORD.findall(all_texts))
    named = ((name, name.lower()) for name in (field.name for field in contract.raw))
    return [name for name, lower in named if (lower in words if _WORD.fullmatch(lower) else lower in all_texts)]


def told_schema(contract: Contract, also: Collection[str] = ()) -> str:
    """DDL of the columns that `leaving` gives to Spark."""
    types = {field.name: field.ddl for field in contract.raw} | {RESCUED: "string"}
    return ", ".join([*(f"`{name}` {types[name]}" for name in _going(contract, also)), _KINDS])


def _going(contract: Contract, also: Collection[str]) -> list[str]:
    return [*looked_at(contract, also), *([RESCUED] if RESCUED in also else [])]


def leaving(read: MapInArrow, contract: Contract, also: Collection[str] = ()) -> MapInArrow:
    """`read`, a reader of raw rows, with its batches left in files and only `told_schema` going on."""
    names = _going(contract, also)

    def leave(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_archives()
        for rows in read(batches):
            yield _told(rows, names, _put(rows))

    return leave


def _told(rows: pa.RecordBatch, names: list[str], file: int) -> pa.RecordBatch:
    bad, count = rows.column("_bad"), rows.num_rows
    columns = {name: rows.column(name) for name in names}
    columns["_bad"] = bad
    columns["_no_record"] = pc.and_(rows.column("_reasons").is_valid(), bad.is_null())
    columns["_is_account"] = rows.column("_account").is_valid()
    columns["_file"] = pa.repeat(pa.scalar(file, pa.int64()), count)
    columns["_row"] = pa.array(range(count), pa.int32())
    return pa.RecordBatch.from_pydict(columns)


def rejoined(contract: Contract) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Decided rows as Spark gives them -> the same rows with what was left in files; for the writer."""
    from_raw = {field.name.lower(): field.name for field in contract.raw}
    carried = {c.name: from_raw[c.name.lower()] for c in contract.columns if c.expression is None}
    fields = set(from_raw.values())

    def join(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_archives()
        open_file, left = -1, pa.RecordBatch.from_pydict({})
        for batch in batches:
            for rows in _by_file(batch):
                file = rows.column("_file")[0].as_py()
                if file != open_file:
                    open_file, left = file, _take(file)
                yield _whole(rows, left, carried, fields)

    return join


def _by_file(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """`batch` cut where the file changes; a batch seldom spans more than two."""
    files = np.asarray(batch.column("_file"))
    starts = [0, *(np.flatnonzero(files[1:] != files[:-1]) + 1), len(files)]
    for start, end in pairwise(starts):
        if end > start:
            yield batch.slice(start, end - start)


def _whole(
    rows: pa.RecordBatch, left: pa.RecordBatch, carried: dict[str, str], fields: Collection[str]
) -> pa.RecordBatch:
    places = np.asarray(rows.column("_row"))
    first, end = int(places[0]), int(places[0]) + rows.num_rows
    if end > left.num_rows or not np.array_equal(places, np.arange(first, end)):
        raise AccountingError("rows came out of Spark in another order than they went in; nothing was published")
    rest = left.slice(first, rows.num_rows)
    columns = {name: rows.column(name) for name in rows.schema.names if name not in ("_file", "_row")}
    columns |= {name: rest.column(raw) for name, raw in carried.items() if name not in columns}
    columns[HASH] = rest.column("_hash")
    added = [name for name in rest.schema.names if name.startswith("_") and name not in fields]  # `_id` may be a field
    columns |= {name: rest.column(name) for name in added if name not in columns}
    return pa.RecordBatch.from_pydict(columns)


def _put(rows: pa.RecordBatch) -> int:
    file = secrets.randbits(63)
    with pa.OSFile(_path(file), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return file


def _take(file: int) -> pa.RecordBatch:
    path = _path(file)
    rows = pa.ipc.open_file(pa.memory_map(path)).get_batch(0)
    os.unlink(path)  # the mapping stays
    return rows


def _path(file: int) -> str:
    return os.path.join(tempfile.gettempdir(), f"sluice-{file:016x}.arrow")
