"""A lake's tables in the catalog of a Spark session: in memory, a Hive metastore or the Glue Data Catalog, one code.

What is registered is a name and a location. Columns, comments and properties are read from the Delta log whenever the
table is used, so they cannot grow old; no data and no log is changed, here or by a repair, which drops an entry of the
catalog (of an external table: never data) and makes it anew.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sluice.catalog.lake_tables import LakeTable
from sluice.errors import LedgerError, ProblemsError
from sluice.lake.commit import open_table
from sluice.lake.places import spark_uri
from sluice.runtime.storage import is_s3, normal_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATABASE = "sluice"


@dataclass(frozen=True)
class Registered:
    """What was done for one table: `why` tells what a repair has mended."""

    name: str
    uri: str
    done: Literal["new", "unchanged", "repaired"]
    why: str = ""


@dataclass(frozen=True)
class _Entry:
    """A table as the catalog has it; `location` is spelt as ours are."""

    kind: str
    provider: str
    location: str
    schema: list[tuple[str, str]]


def register(spark: SparkSession, tables: Sequence[LakeTable], database: str = DATABASE) -> list[Registered]:
    """Make the catalog's `database` hold `tables` as they are in the lake; others in it are left alone.

    Raises ProblemsError, before anything is changed, where a name is taken by what is no external Delta table.
    """
    entries = {table.name: _entry(spark, database, table.name) for table in tables}
    _refuse_foreign(database, entries)
    _ensure_database(spark, database)
    return [_one(spark, database, table, entries[table.name]) for table in tables]


def is_hive(spark: SparkSession) -> bool:
    """Whether the session's catalog is a metastore (Hive's, or Glue's behind its interface), which outlives it."""
    return bool(spark.conf.get("spark.sql.catalogImplementation", "in-memory") == "hive")


def _one(spark: SparkSession, database: str, table: LakeTable, entry: _Entry | None) -> Registered:
    why = "" if entry is None else _difference(table, entry)
    if entry is not None and not why:
        return Registered(table.name, table.uri, "unchanged")
    name = f"`{database}`.`{table.name}`"
    if entry is not None:
        spark.sql(f"DROP TABLE {name}")
    location = _location(spark, table.uri).replace("\\", "\\\\").replace("'", "\\'")
    spark.sql(f"CREATE TABLE {name} USING DELTA LOCATION '{location}'")
    return Registered(table.name, table.uri, "new" if entry is None else "repaired", why)


def _difference(table: LakeTable, entry: _Entry) -> str:
    """What is wrong with the catalog's entry of `table`; "" where nothing is."""
    if entry.location != table.uri:
        return f"its location was {entry.location}"
    if not entry.schema:  # as Spark writes it: the log is asked
        return ""
    delta = open_table(table.uri)
    if delta is None:
        raise LedgerError(f"{table.uri}: expected a Delta table, found none; was it deleted while we ran?")
    fields = json.loads(delta.schema().to_json())["fields"]
    return "" if entry.schema == _columns(fields) else "its columns were not the table's"


def _columns(fields: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(field["name"], json.dumps(_bare(field["type"]), sort_keys=True)) for field in fields]


def _bare(kind: Any) -> Any:
    """A type as JSON without what is no type: comments, and whether NULL is allowed."""
    if isinstance(kind, dict):
        kept = {key: _bare(value) for key, value in kind.items() if key not in ("metadata", "nullable")}
        return {key: value for key, value in kept.items() if not key.endswith("ContainsNull") and key != "containsNull"}
    return [_bare(each) for each in kind] if isinstance(kind, list) else kind


def _entry(spark: SparkSession, database: str, name: str) -> _Entry | None:
    # Spark's SQL resolves a table to describe it, which fails where its location is wrong: the catalog itself is asked.
    catalog = spark._jsparkSession.sharedState().externalCatalog()
    if not (catalog.databaseExists(database) and catalog.tableExists(database, name)):
        return None
    found = catalog.getTable(database, name)
    provider, location = found.provider(), found.storage().locationUri()
    return _Entry(
        kind=str(found.tableType().name()),
        provider=str(provider.get()).lower() if provider.isDefined() else "",
        location=_spelt(location.get()) if location.isDefined() else "",
        schema=_columns(json.loads(found.schema().json())["fields"]),
    )


def _spelt(location: Any) -> str:
    """A `java.net.URI` as our URIs are spelt: the path decoded, s3a as s3, local folders without a scheme."""
    scheme, authority, path = location.getScheme() or "file", location.getAuthority() or "", location.getPath()
    return normal_uri(path if scheme == "file" else f"{scheme}://{authority}{path}")


def _location(spark: SparkSession, uri: str) -> str:
    """`uri` for the catalog: a metastore is read by Athena, too, which knows s3:// alone; Spark here may need S3A."""
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    if is_s3(uri) and is_hive(spark) and hadoop.get("fs.s3.impl"):
        return uri
    return spark_uri(uri)


def _refuse_foreign(database: str, entries: dict[str, _Entry | None]) -> None:
    problems = [
        f"`{name}`: expected an external Delta table or none, found a table of type {entry.kind}"
        f"{f' in the format {entry.provider}' if entry.provider else ''}; it is not ours to replace: "
        "drop or rename it, or give another --database"
        for name, entry in entries.items()
        if entry is not None and (entry.kind != "EXTERNAL" or entry.provider != "delta")
    ]
    if problems:
        raise ProblemsError(f"database `{database}`", problems)


def _ensure_database(spark: SparkSession, database: str) -> None:
    """Make the database where there is none. It never holds data: its tables are external."""
    if spark._jsparkSession.sharedState().externalCatalog().databaseExists(database):
        return
    # A catalog in memory makes the database's folder, and would do so below the working directory.
    place = "" if is_hive(spark) else f" LOCATION '{tempfile.mkdtemp(prefix='sluice-catalog-')}'"
    words = "tables of a lake, registered by sluice; their data lies in the lake"
    spark.sql(f"CREATE DATABASE IF NOT EXISTS `{database}` COMMENT '{words}'{place}")
