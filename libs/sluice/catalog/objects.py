"""One object, or several, looked into: what format it has, and what is in it."""

from __future__ import annotations

import io
from collections.abc import Iterable

from sluice.catalog.findings import CsvDialect
from sluice.catalog.infer import Profile
from sluice.catalog.partial import Limits, Partial
from sluice.catalog.read_csv import read_csv
from sluice.catalog.read_json import read_json
from sluice.catalog.read_parquet import UnfitParquet, read_parquet
from sluice.catalog.sniff import SNIFFED_BYTES, Sniffed, sniff
from sluice.errors import SourceChanged, SourceMissing
from sluice.raw.inflate import Content, Unreadable
from sluice.runtime.storage import Reader, StoredObject, storage_for

_GONE = "was deleted or replaced while it was read"


def look_into(
    sources: Iterable[StoredObject], limits: Limits, only: str = "", dialect: CsvDialect | None = None
) -> Partial:
    """What is in `sources`; of an object that is not `only` (where given) no more than its format is told.

    `dialect` is how all CSV is to be read; by default as each object looks. StorageDenied and the like are raised;
    what is the matter with one object alone is counted.
    """
    partial = Partial()
    for source in sources:
        try:
            head = _head(source)
            found = sniff(head, whole=len(head) >= source.size_bytes)
            partial.formats[found.format] += 1
            if (not only or found.format == only) and found.format in _READERS:
                _read(source, head, found, dialect, limits, partial)
        except (SourceMissing, SourceChanged):
            partial.unreadable[_GONE] += 1
    return partial


def _head(source: StoredObject) -> bytes:
    size = min(SNIFFED_BYTES, source.size_bytes)
    return storage_for(source.uri).read(source.uri, 0, size) if size else b""


_READERS = ("json", "csv", "parquet")


def _read(
    source: StoredObject, head: bytes, found: Sniffed, dialect: CsvDialect | None, limits: Limits, partial: Partial
) -> None:
    profile = Profile(partial.root)
    partial.objects += 1
    if found.format == "parquet":
        _read_parquet(source, limits, partial, profile)
        return
    partial.compressions[found.compression] += 1
    partial.plain_gzip += found.compression == "gzip" and not source.uri.endswith(".gz")
    content = Content(lambda: _opened(source, head))

    def read(size: int) -> bytes:
        try:
            return content.read(size)
        except Unreadable as problem:
            partial.unreadable[str(problem)] += 1
        return b""

    if found.format == "json":
        read_json(read, limits, partial, profile)
    else:
        how = dialect or found.csv
        assert how is not None
        partial.dialects[how] += 1
        if found.csv is not None and found.csv.delimiter != how.delimiter:
            partial.unreadable[f"cells are divided by {found.csv.delimiter!r}, and not by {how.delimiter!r}"] += 1
        read_csv(read, how, limits, partial, profile)
    partial.bytes += content.stored_bytes


def _opened(source: StoredObject, head: bytes) -> Reader:
    """A small object is not asked for a second time."""
    if len(head) == source.size_bytes:
        return io.BytesIO(head)
    return storage_for(source.uri).open(source.uri, etag=source.etag)


def _read_parquet(source: StoredObject, limits: Limits, partial: Partial, profile: Profile) -> None:
    import pyarrow as pa

    try:
        read_parquet(source, limits, partial, profile)
    except (pa.ArrowException, OSError) as error:
        partial.unreadable[f"is no sound Parquet ({type(error).__name__})"] += 1
    except UnfitParquet as error:
        partial.unreadable[str(error)] += 1
    partial.bytes += source.size_bytes
