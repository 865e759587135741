"""A session of DuckDB's that can read the files of a query's tables and nothing else, and reads SQL as Athena does.

Starting one is opening each table's log once; from then on queries over the same tables see the same versions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from sluice.catalog.lake_tables import LakeTable
from sluice.catalog.native.faults import in_words
from sluice.catalog.native.judge import Judgement, judged
from sluice.catalog.native.macros import statements
from sluice.catalog.native.scan import by_paths, define, has_structs, literal, quoted
from sluice.catalog.native.texts import kind_of, texts
from sluice.catalog.results import Heads, Row
from sluice.lake.readable import Readable, readable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

DATABASE = "sluice"
_BATCH_ROWS = 8192
_SETTINGS = {
    # What is not in the wheel is not fetched.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    # A name is never a variable of Python's.
    "python_enable_replacements": "false",
    # As Spark: instants are UTC, NULL is the least, and what is divided by zero is an error.
    "TimeZone": "UTC",
    "default_null_order": "NULLS_FIRST_ON_ASC_LAST_ON_DESC",
    "ieee_floating_point_ops": "false",
    "memory_limit": "60%",
    "parquet_metadata_cache": "true",
}


class Query:
    """A query that was judged and bound, and has not run yet."""

    def __init__(self, relation: DuckDBPyRelation) -> None:
        self._relation = relation
        names = tuple(relation.columns)
        kinds = (kind_of(name, kind.id) for name, kind in zip(names, relation.types, strict=True))
        self.heads = Heads(names, tuple(kinds))

    def rows(self, limit: int | None = None) -> Iterator[Row]:
        """The rows as text, fetched as they are asked for; with `limit` at most one more than that.

        Raises ProblemsError where a value is not what the query takes it for.
        """
        with in_words():
            relation = self._relation if limit is None else self._relation.limit(limit + 1)
            for batch in relation.to_arrow_reader(_BATCH_ROWS):
                yield from zip(*map(texts, batch.columns), strict=True)

    def plan(self) -> str:
        """DuckDB's physical plan: what is read of how many files, by what filters."""
        return str(self._relation.explain())


class Session:
    """Answers queries over `tables`, each opened when a query first names it."""

    def __init__(self, tables: Sequence[LakeTable], database: str = DATABASE) -> None:
        self._uris = {table.name: table.uri for table in tables}
        self._database = database
        self._parser = _set(duckdb.connect(), {"enable_external_access": "false", "threads": "1"})
        self._spill = tempfile.TemporaryDirectory(prefix="sluice-query-")
        self._opened: dict[str, Readable] = {}
        self._connections: dict[Judgement, DuckDBPyConnection] = {}

    def prepare(self, sql: str) -> Query:
        """Judge and bind `sql`; ProblemsError for all but one query that only reads, and for what does not fit."""
        needs = judged(self._parser, sql, self._database, self._uris)
        for name in sorted(needs.reads - self._opened.keys()):
            self._opened[name] = readable(self._uris[name])
        if needs not in self._connections:
            with in_words():
                self._connections[needs] = self._connect(needs)
        with in_words():
            return Query(self._connections[needs].sql(sql))

    def _connect(self, needs: Judgement) -> DuckDBPyConnection:
        """A database in memory with the views that are needed, that can open these tables' files and nothing else."""
        connection = _set(duckdb.connect(), {**_SETTINGS, "temp_directory": str(Path(self._spill.name, "spill"))})
        tables = {name: self._opened[name] for name in sorted(needs.reads)}
        empty = {
            name: self._empty(name, table) if needs.joins or has_structs(table) else ""
            for name, table in tables.items()
        }
        files = [file.uri for table in tables.values() if by_paths(table) for file in table.files]
        paths = ", ".join(map(literal, [*files, *filter(None, empty.values())]))
        connection.execute(f"SET allowed_paths = [{paths}]")
        connection.execute("SET enable_external_access = false")
        connection.execute(f"CREATE SCHEMA {quoted(self._database)}")
        connection.execute(f"SET schema = {literal(self._database)}")
        for statement in statements():
            connection.execute(statement)
        for name, table in tables.items():
            define(connection, name, table, empty[name])
        connection.execute("SET lock_configuration = true")
        return connection

    def _empty(self, name: str, table: Readable) -> str:
        import pyarrow.parquet as pq

        path = str(Path(self._spill.name, f"{name}.parquet"))
        pq.write_table(table.stored.empty_table(), path)
        return path


def _set(connection: DuckDBPyConnection, settings: Mapping[str, str]) -> DuckDBPyConnection:
    for name, value in settings.items():
        connection.execute(f"SET {name} = {literal(value)}")
    return connection
