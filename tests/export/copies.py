"""Tables to be copied, the copies as their readers see them, and a storage that can fail like a killed process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from killing import as_nobody
from lakes import NoSpark, quiet
from sluice.export.copy import Options, export
from sluice.lake.commit import open_table
from sluice.runtime.storage import LocalStorage, join, storage_for

TABLE = "visits"


class Killed(BaseException):
    """Raised by every write from some moment on, so that nothing of the run survives that moment."""


def copied(lake: str, **options: Any) -> Mapping[str, Any]:
    """One run of the export, which may not start Spark; its summary."""
    return export(NoSpark("export", quiet()), lake, options.pop("table", TABLE), Options(**options))


def place(lake: str, table: str = TABLE) -> str:
    return join(lake, "parquet", table)


def table_uri(lake: str) -> str:
    return join(lake, "curated", TABLE)


def table_rows(uri: str, version: int | None = None) -> list[dict[str, Any]]:
    """All rows of a table, or of one version of it, in an order of their own."""
    table = open_table(uri)
    assert table is not None
    if version is not None:
        table.load_as_version(version)
    return in_order(table.to_pyarrow_table())


def in_order(rows: pa.Table) -> list[dict[str, Any]]:
    # Of each row by the names' order: columns of a partition come last in some readers.
    return sorted(({name: row[name] for name in sorted(row)} for row in rows.to_pylist()), key=repr)


def pointer(lake: str, table: str = TABLE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(storage_for(lake).read(join(place(lake, table), "_latest.json")))
    return found


def copy_rows(lake: str, table: str = TABLE) -> list[dict[str, Any]]:
    """What a reader has who knows Parquet, and reads the files that the pointer names: each has all columns."""
    return in_order(read_files(pointer(lake, table)))


def read_files(latest: Mapping[str, Any]) -> pa.Table:
    storage = storage_for(latest["location"])
    parts = []
    for file in latest["files"]:
        data = storage.read(join(latest["location"], file["path"]))
        part = pq.read_table(pa.BufferReader(data))
        assert (len(data), part.num_rows) == (file["size_bytes"], file["rows"])
        assert part.column_names == [name for name, _ in latest["columns"]]
        parts.append(part)
    return pa.concat_tables(parts) if parts else pa.table({})


def symlink_rows(lake: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of each partition as a reader of symlink manifests has them, by the manifest's folder."""
    root = Path(place(lake), "manifests/symlink")
    found = {}
    for manifest in sorted(root.rglob("manifest")):
        lines = manifest.read_text(encoding="utf-8").splitlines()
        parts = [pq.read_table(line.removeprefix("file://")) for line in lines]
        found[str(manifest.parent.relative_to(root))] = in_order(pa.concat_tables(parts))
    return found


def data_files(lake: str, table: str = TABLE) -> set[str]:
    """Every Parquet file that lies in the copy, named or not."""
    base = place(lake, table)
    return {stored.uri[len(base) + 1 :] for stored in storage_for(lake).list(join(base, "data"))}


@contextmanager
def watched_storage(seen: Callable[[], None]) -> Iterator[None]:
    """Calls `seen` before every write and every deletion of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("put", "delete"):
            patch.setattr(LocalStorage, name, _around(getattr(LocalStorage, name), seen))
        yield


def _around(original: Any, seen: Callable[[], None]) -> Any:
    def watched(self: LocalStorage, *args: Any, **kwargs: Any) -> Any:
        seen()
        return original(self, *args, **kwargs)

    return watched


def killed_at(lake: str, write: int, **options: Any) -> bool:
    """A run that is no more from its `write`-th write on; False where it ended before that."""
    count = [0]

    def seen() -> None:
        count[0] += 1
        if count[0] >= write:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, watched_storage(seen):
        as_nobody(patch)
        try:
            copied(lake, **options)
        except Killed:
            return True
    return False


def version_of(uri: str) -> int:
    return int(DeltaTable(uri).version())
