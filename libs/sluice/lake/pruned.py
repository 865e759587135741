"""Reading a few rows of a small table with a long history: only the files that may hold them, told by statistics.

delta-rs makes a dataset of all files before it reads one, in time that grows with the history; and it reads by itself,
so that what storage refuses comes out as an error without a name. Here storage is asked as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sluice.runtime.storage import join, storage_for

# Lowest and highest value of a column that is looked for; None is no bound.
Within = Mapping[str, tuple[Any, Any]]


def files_newest_first(
    table: DeltaTable,
    uri: str,
    schema: pa.Schema,
    order: str,
    within: Within,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """The rows, as `schema` has them, of each file that may hold some `within` the bounds, by greatest `order` first.

    A column that was added later is NULL in older files, and so is what is not among `columns`, which are read alone.
    """
    files = pa.table(table.get_add_actions(flatten=True))
    for name, (low, high) in within.items():
        for bound, side, compare in ((low, "max", pc.greater_equal), (high, "min", pc.less_equal)):
            if bound is not None and f"{side}.{name}" in files.column_names:
                may = compare(files.column(f"{side}.{name}"), pa.scalar(bound))
                files = files.filter(pc.fill_null(may, True))
    if files.num_rows:
        files = files.sort_by([(f"max.{order}", "descending")])
    for path in files.column("path").to_pylist():
        data = pa.BufferReader(storage_for(uri).read(join(uri, path)))
        source = pq.ParquetFile(data)
        there = [name for name in source.schema_arrow.names if columns is None or name in columns]
        yield _fitted(source.read(there), schema)


def rows_within(
    table: DeltaTable,
    uri: str,
    schema: pa.Schema,
    order: str,
    within: Within,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """All rows `within` the bounds, which are inclusive; a NULL is within none. See `files_newest_first`."""
    wanted = pc.scalar(True)
    for name, (low, high) in within.items():
        wanted &= pc.field(name) >= low if low is not None else pc.scalar(True)
        wanted &= pc.field(name) <= high if high is not None else pc.scalar(True)
    found = [part.filter(wanted) for part in files_newest_first(table, uri, schema, order, within, columns)]
    return pa.concat_tables(found) if found else schema.empty_table()


def _fitted(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(rows.column_names)
    arrays = [
        rows.column(field.name).cast(field.type) if field.name in there else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
