"""A Delta table for readers that do not know Delta: its columns, and each file with its partition's values.

All is from the log; paths are never parsed for values, since a lake's own files are not in folders named by them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sluice.errors import LedgerError, ProblemsError
from sluice.lake.commit import open_table
from sluice.lake.places import partition_text
from sluice.runtime.storage import join

# Features of a table that do not change what its files say to whoever reads all that the log names.
_HARMLESS = {"v2Checkpoint", "vacuumProtocolCheck"}


@dataclass(frozen=True)
class ReadableFile:
    """A data file: `path` is below the table, decoded; `values` the partition's as text, in its order."""

    uri: str
    path: str
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class Readable:
    """One version of a table: `fields` are (name, type as in Delta's JSON), in order, partition columns among them."""

    uri: str
    fields: tuple[tuple[str, Any], ...]
    partition_by: tuple[str, ...]
    files: tuple[ReadableFile, ...]
    _table: DeltaTable

    def dataset(self) -> Any:
        """A `pyarrow.dataset` of the same version, read by the same client of the store as the log was."""
        import pyarrow.dataset as ds
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        # Not delta-rs's own dataset: where a log has no bounds it says that a column is at least NULL and at most
        # NULL, which Arrow takes for "is not missing": a filter then keeps rows that it must not.
        options = self._table._storage_options
        store = DeltaStorageHandler.from_table(self._table._table, options, self._table._table.get_add_file_sizes())
        files = PyFileSystem(store)
        format = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True))
        schema = pa.schema(self._table.schema().to_arrow())
        fragments = [
            format.make_fragment(file.path, filesystem=files, partition_expression=self._partition(file, schema))
            for file in self.files
        ]
        return ds.FileSystemDataset(fragments, schema, format, files)

    def _partition(self, file: ReadableFile, schema: pa.Schema) -> Any:
        import pyarrow.compute as pc

        whole = pc.scalar(True)
        for name, text in zip(self.partition_by, file.values, strict=True):
            kind = schema.field(name).type
            if text is None:
                whole &= pc.field(name).is_null()
            else:
                whole &= pc.field(name) == pa.scalar(text + "Z" if pa.types.is_timestamp(kind) else text).cast(kind)
        return whole

    @property
    def stored(self) -> pa.Schema:
        """The columns that files have: all but the partition's."""
        fields = pa.schema(self._table.schema().to_arrow())
        return pa.schema([field for field in fields if field.name not in self.partition_by])


def readable(uri: str) -> Readable:
    """The table at `uri` as its log has it now.

    Raises ProblemsError where its files alone do not tell what its rows are, and what `open_table` raises.
    """
    try:
        table = open_table(uri)
    except DeltaError as error:
        raise _unreadable(uri, [f"its log cannot be opened ({type(error).__name__})"]) from error
    if table is None:
        raise LedgerError(f"{uri}: expected a Delta table, found none; was it deleted while we ran?")
    fields = tuple((field["name"], field["type"]) for field in json.loads(table.schema().to_json())["fields"])
    partition_by = tuple(table.metadata().partition_columns)
    problems = [*_features(table), *_types(dict(fields), partition_by)]
    if problems:
        raise _unreadable(uri, problems)
    files = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    if any("://" in path or path.startswith("/") for path in files["path"]):
        raise _unreadable(uri, ["its log names files outside of its folder, as that of a shallow clone does"])
    values = zip(*(files[f"partition.{name}"] for name in partition_by), strict=True)
    found = [
        # A log spells paths percent-encoded.
        ReadableFile(join(uri, unquote(path)), unquote(path), tuple(map(partition_text, of)))
        for path, of in zip(files["path"], values if partition_by else [()] * len(files["path"]), strict=True)
    ]
    return Readable(uri, fields, partition_by, tuple(found), table)


def _unreadable(uri: str, problems: list[str]) -> ProblemsError:
    return ProblemsError(f"{uri}: this engine cannot read the table; ask with --engine spark", problems)


def _features(table: DeltaTable) -> Iterator[str]:
    protocol = table.protocol()
    mapping = (table.metadata().configuration or {}).get("delta.columnMapping.mode") or "none"
    if mapping != "none":
        yield f"its columns are mapped (delta.columnMapping.mode is {mapping})"
    if protocol.min_reader_version > 3:
        yield f"it asks for readers of version {protocol.min_reader_version}"
    for feature in sorted(set(protocol.reader_features or ()) - _HARMLESS):
        yield f"it uses the reader feature {feature}"


def _types(fields: dict[str, Any], partition_by: tuple[str, ...]) -> Iterator[str]:
    for name in partition_by:
        if fields[name] == "binary":
            yield f"its partition column `{name}` is binary"
