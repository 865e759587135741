"""The same as `fill`, for Arrow's columns in Spark's workers: only rows that lack something are looked at.

Looked up once per distinct value of a batch, in the pass that reads: a broadcast join would take the text through the
JVM, which a message otherwise goes past, and would know names by equality alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.model import Enrich
from sluice.enrich.fill import answers, source_of

MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def enriching(read: MapInArrow, rules: Sequence[Enrich]) -> MapInArrow:
    """`read`, a reader of raw rows, with fields filled as `rules` say; itself where there are none."""
    if not rules:
        return read

    def read_enriched(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in read(batches):
            yield enriched(rows, rules)

    return read_enriched


def enriched(rows: pa.RecordBatch, rules: Sequence[Enrich]) -> pa.RecordBatch:
    """Raw rows as a reader gives them, filled. Records that the reader refuses anything of stay as they are."""
    return reduce(_filled, rules, rows)


def _filled(rows: pa.RecordBatch, rule: Enrich) -> pa.RecordBatch:
    lacking = [rows.column(field) for field, _ in rule.fill]
    if not all(column.null_count for column in lacking):
        return rows
    by = rows.column(rule.by)
    tests = [*(column.is_null() for column in lacking), by.is_valid(), rows.column("_reasons").is_null()]
    open_ = reduce(pc.and_, tests)
    if not pc.any(open_).as_py():
        return rows
    asked = pc.if_else(open_, by, pa.scalar(None, by.type)).dictionary_encode()
    found = answers(rule, asked.dictionary.to_pylist())
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    for place, (field, _) in enumerate(rule.fill):
        values = pa.array([None if one is None else one[place] for one in found], columns[field].type)
        columns[field] = pc.coalesce(columns[field], values.take(asked.indices))
    answered = pa.array([one is not None for one in found], pa.bool_()).take(asked.indices)
    source = columns[rule.source]
    filled = pc.if_else(pc.fill_null(answered, False), pa.scalar(source_of(rule), source.type), source)
    return pa.RecordBatch.from_pydict({**columns, rule.source: filled})
