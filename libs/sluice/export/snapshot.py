"""One version of a Delta table as the export sees it: columns, and files by partition."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from sluice.errors import LocationError, ProblemsError
from sluice.lake.commit import open_table
from sluice.lake.places import partition_text

Key = tuple[str | None, ...]  # a partition's values, spelled as `partition_text` does, in the columns' order

# Features of a reader protocol that change neither which rows a file has nor how they are read.
_HARMLESS = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}


@dataclass(frozen=True)
class Source:
    """A data file of the table: `path` is below the table, as it lies there; `rows` None where the log has no count."""

    path: str
    size_bytes: int
    rows: int | None


@dataclass(frozen=True)
class Partition:
    """The files of one partition; `values` are the partition's, typed as Python has them."""

    values: Mapping[str, Any]
    sources: tuple[Source, ...]

    @property
    def rows(self) -> int | None:
        """How many rows the log says the partition has; None where a file has no count."""
        counts = [source.rows for source in self.sources]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def digest(self) -> str:
        """Other where the set of files is another."""
        return hashlib.sha256("\n".join(sorted(s.path for s in self.sources)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Snapshot:
    """The table at `uri` in its `version`."""

    uri: str
    version: int
    table_id: str
    partition_columns: tuple[str, ...]
    schema: pa.Schema
    partitions: Mapping[Key, Partition]

    @property
    def columns(self) -> list[list[str]]:
        """Names and types: a copy whose columns are others is written anew."""
        return [[field.name, str(field.type)] for field in self.schema]

    def key(self, values: Mapping[str, str | None]) -> Key:
        """The key of a partition whose values are as a log spells them."""
        return tuple(_canonical(values.get(name), self.schema.field(name).type) for name in self.partition_columns)


def read_snapshot(uri: str) -> Snapshot:
    """The newest version of the table at `uri`.

    Raises LocationError where there is none, ProblemsError where its files alone do not tell its rows.
    """
    table = open_table(uri)
    if table is None:
        raise LocationError(f"{uri}: expected a Delta table, found none; was it deleted while we ran?")
    metadata, protocol = table.metadata(), table.protocol()
    _refuse(uri, metadata.configuration, protocol.reader_features or ())
    names = tuple(metadata.partition_columns)
    schema = pa.schema(pa.schema(table.schema().to_arrow()), metadata=None)
    schema = pa.schema([pa.field(field.name, field.type) for field in schema])  # comments and NOT NULL are no columns
    rows = pa.table(table.get_add_actions(flatten=False))
    wanted = [name for name in ("path", "size_bytes", "num_records", "partition") if name in rows.column_names]
    files: dict[Key, list[Source]] = defaultdict(list)
    values: dict[Key, Mapping[str, Any]] = {}
    for row in rows.select(wanted).to_pylist():
        typed = {name: (row.get("partition") or {}).get(name) for name in names}
        key = tuple(partition_text(typed[name]) for name in names)
        values[key] = typed
        files[key].append(Source(unquote(row["path"]), row["size_bytes"], row.get("num_records")))
    partitions = {key: Partition(values[key], tuple(files[key])) for key in files}
    return Snapshot(uri, table.version(), str(metadata.id), names, schema, partitions)


def _refuse(uri: str, configuration: Mapping[str, str], features: Sequence[str]) -> None:
    problems = []
    mapping = configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        problems.append(
            f"it has column mapping (by {mapping}): its files call the columns otherwise; write it anew without "
            "delta.columnMapping.mode"
        )
    if "deletionVectors" in features:
        problems.append(
            "it has deletion vectors: its files hold deleted rows; set delta.enableDeletionVectors to false, run "
            "REORG TABLE ... APPLY (PURGE), then ALTER TABLE ... DROP FEATURE deletionVectors"
        )
    others = sorted(set(features) - _HARMLESS - {"deletionVectors", "columnMapping"})
    if others:
        problems.append(f"it has reader features that the export does not know: {', '.join(others)}; drop them")
    if problems:
        raise ProblemsError(uri, problems)


def _canonical(text: str | None, kind: pa.DataType) -> str | None:
    """A log's spelling of a value -> ours. Writers spell timestamps in two ways; what cannot be told stays as it is."""
    if not text:
        return None
    if pa.types.is_timestamp(kind):
        try:
            return partition_text(datetime.fromisoformat(text))
        except ValueError:
            return text
    return text
