"""A Delta table as a view of DuckDB's over an explicit list of its files; partitions are pruned before any is opened.

Files are read by their columns' names, so that a column (or a field of a struct) that an older file lacks is NULL
there. Partition values come from the log by the file's name: DuckDB works them out for each file, and leaves out those
that a filter excludes. Where DuckDB has no client for the store, Arrow reads for it, through delta-rs.

Told the columns, DuckDB opens no file before it has left out those that are not asked for; but then it takes a table
for one row, and a join's larger side for the smaller one (ten times slower), and it stumbles over a field of a struct
that a file lacks (2.0.0: INTERNAL Error). For these the files' footers are read first, and the columns told by an empty
file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sluice.lake.readable import Readable, ReadableFile
from sluice.runtime.storage import is_s3

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What leaving out files costs grows with files times names to look up: half a millisecond a file at 5,000 names.
_TOGETHER = 128
_TYPES = {
    "byte": "TINYINT", "short": "SMALLINT", "integer": "INTEGER", "long": "BIGINT", "float": "FLOAT",
    "double": "DOUBLE", "boolean": "BOOLEAN", "string": "VARCHAR", "binary": "BLOB", "date": "DATE",
    "timestamp": "TIMESTAMPTZ", "timestamp_ntz": "TIMESTAMP",
}  # fmt: skip


def by_paths(table: Readable) -> bool:
    """Whether DuckDB opens the files itself: not on S3, nor where a path would be taken for a pattern."""
    return not is_s3(table.uri) and not any(set("*?[") & set(file.uri) for file in table.files)


def has_structs(table: Readable) -> bool:
    """Whether a column of the table is a struct."""
    return any(isinstance(kind, dict) and kind["type"] == "struct" for _, kind in table.fields)


def define(connection: DuckDBPyConnection, name: str, table: Readable, empty: str = "") -> None:
    """Make the view `name` of `table` in the connection's current schema.

    With `empty`, the path of a file that has the table's columns and no rows, DuckDB counts the rows before it plans.
    """
    if not table.files:
        columns = ", ".join(f"CAST(NULL AS {duckdb_type(kind)}) AS {quoted(column)}" for column, kind in table.fields)
        body = f"SELECT {columns} WHERE false"
    elif by_paths(table):
        files = sorted(table.files, key=lambda file: [(value is not None, value or "") for value in file.values])
        parts = [files[at : at + _TOGETHER] for at in range(0, len(files), _TOGETHER)]
        body = " UNION ALL ".join(_part(table, part, empty) for part in parts)
    else:
        connection.register(f"files of {name}", table.dataset())
        columns = ", ".join(quoted(column) for column, _ in table.fields)
        body = f"SELECT {columns} FROM {quoted(f'files of {name}')}"
    connection.execute(f"CREATE VIEW {quoted(name)} AS {body}")


def _part(table: Readable, files: Sequence[ReadableFile], empty: str) -> str:
    kinds = {name: duckdb_type(kind) for name, kind in table.fields}
    partitions = {name: _partition(files, place, kinds[name]) for place, name in enumerate(table.partition_by)}
    columns = ", ".join(
        f"{partitions[name]} AS {quoted(name)}" if name in partitions else quoted(name) for name in kinds
    )
    paths = [*([empty] if empty else []), *(file.uri for file in files)]
    asked = [f"[{', '.join(map(literal, paths))}]", "hive_partitioning = false", "filename = true"]
    stored = [
        f"{literal(name)}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for name, kind in kinds.items()
        if name not in partitions
    ]
    if empty:
        asked.append("union_by_name = true")
    elif stored:
        asked.append(f"schema = MAP {{{', '.join(stored)}}}")
    return f"SELECT {columns} FROM read_parquet({', '.join(asked)})"


def _partition(files: Sequence[ReadableFile], place: int, kind: str) -> str:
    """The values of the partition column at `place`, as an expression over the file's name."""
    values = [file.values[place] for file in files]
    if len(set(values)) == 1:
        return f"CAST({literal(values[0])} AS {kind})"
    names = ", ".join(literal(file.uri) for file in files)
    return f"MAP([{names}], CAST([{', '.join(map(literal, values))}] AS {kind}[]))[filename]"


def duckdb_type(kind: Any) -> str:
    """A type as Delta's log has it -> DuckDB's: {"type": "array", "elementType": "long"} -> BIGINT[]."""
    if not isinstance(kind, dict):
        return _TYPES.get(kind) or str(kind).upper()  # decimal(p,s)
    if kind["type"] == "array":
        return f"{duckdb_type(kind['elementType'])}[]"
    if kind["type"] == "map":
        return f"MAP({duckdb_type(kind['keyType'])}, {duckdb_type(kind['valueType'])})"
    return f"STRUCT({', '.join(_members(kind))})"


def _members(kind: dict[str, Any]) -> Iterator[str]:
    for field in kind["fields"]:
        yield f"{quoted(field['name'])} {duckdb_type(field['type'])}"


def quoted(name: str) -> str:
    """`name` as SQL's identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | None) -> str:
    """`text` as SQL's literal."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
