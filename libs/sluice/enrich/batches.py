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
    """Raw rows as a reader gives them, filled; a field that the reader refused is not lacking."""
    return reduce(_filled, rules, rows)


def _filled(rows: pa.RecordBatch, rule: Enrich) -> pa.RecordBatch:
    lacking = [rows.column(field) for field, _ in rule.fill]
    if not all(column.null_count for column in lacking):
        return rows
    by = rows.column(rule.by)
    open_ = reduce(pc.and_, [*(column.is_null() for column in lacking), by.is_valid(), _not_refused(rows, rule)])
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


def _not_refused(rows: pa.RecordBatch, rule: Enrich) -> pa.Array:
    """Where the reader refused none of the rule's fields; `_bad` is `,` and each refused one with a `,` behind it."""
    bad = pc.fill_null(rows.column("_bad"), "")
    names = [*(field for field, _ in rule.fill), rule.by, rule.source]
    return pc.invert(reduce(pc.or_, (pc.match_substring(bad, f",{name},") for name in names)))
