"""`_latest.json`: which files are the copy, and of which version of the table. It is what readers trust.

The document is whole in itself and is replaced as a whole, on condition that it is the one that was read: at any
instant it names all files of exactly one version. Files are never written twice under one name, and go only when no
pointer has named them for the grace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sluice.errors import LedgerError
from sluice.export.snapshot import Key
from sluice.runtime.storage import join
from sluice.runtime.swap import Seen, look, replace

NAME = "_latest.json"
FORMAT = 1


@dataclass(frozen=True)
class CopyFile:
    """A Parquet file of the copy: `path` below it; it holds all columns, those of `partition` too."""

    path: str
    size_bytes: int
    rows: int
    partition: Mapping[str, str | None]

    def key(self) -> Key:
        return tuple(self.partition.values())


@dataclass(frozen=True)
class Gone:
    """A file that this pointer does not name any more; an earlier one did until `since` (seconds since 1970)."""

    path: str
    since: float


@dataclass(frozen=True)
class Pointer:
    """The document. `location` is the copy's folder, `sources` a digest of each partition's Delta files."""

    table: str
    table_id: str
    table_version: int
    sequence: int
    exported_at: str
    run_id: str
    location: str
    rows: int
    columns: list[list[str]]
    partition_columns: list[str]
    files: list[CopyFile]
    manifests: list[str]
    sources: list[tuple[list[str | None], str]]
    superseded: list[Gone]
    format: int = FORMAT

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def from_json(data: bytes, where: str) -> Pointer:
        try:
            found: dict[str, Any] = json.loads(data)
            if found["format"] != FORMAT:
                raise LedgerError(
                    f"{where}: expected format {FORMAT}, found {found['format']}; use the version that wrote it"
                )
            lists = {
                "files": [CopyFile(**file) for file in found["files"]],
                "superseded": [Gone(**file) for file in found["superseded"]],
                "sources": [(list(key), str(digest)) for key, digest in found["sources"]],
            }
            return Pointer(**{**found, **lists})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerError(
                f"{where}: expected a pointer of jobs/export.py, found something else ({type(error).__name__}); "
                "move it away, and the copy is made anew"
            ) from error

    def digests(self) -> dict[Key, str]:
        """The digest of each partition's Delta files, by the partition's key."""
        return {tuple(key): digest for key, digest in self.sources}

    def named(self) -> set[str]:
        """Every path that must stay: what is read, and what may still be."""
        return {file.path for file in self.files} | {file.path for file in self.superseded}


def read_pointer(folder: str) -> tuple[Pointer | None, Seen | None]:
    """The pointer of the copy in `folder`, and what is needed to replace it; (None, None) where there is no copy."""
    uri = join(folder, NAME)
    seen = look(uri)
    return (None, None) if seen is None else (Pointer.from_json(seen.data, uri), seen)


def swap_pointer(folder: str, pointer: Pointer, seen: Seen | None) -> bool:
    """Put `pointer` in the place of what was `seen`; False where another run has replaced that."""
    return replace(join(folder, NAME), pointer.to_json(), seen)
