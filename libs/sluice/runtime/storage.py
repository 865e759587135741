"""Files and objects behind one small interface: a local folder or S3, chosen by the URI.

What the rest of the library needs of storage is only this: list below a prefix, open exactly the object that was
listed, put (also: put if absent), look, delete. Tables are not read or written here.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlparse

from sluice.errors import LocationError, SourceChanged, SourceMissing, StorageDenied, StorageError


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it: `etag` is the store's, or made of the modification time where there is none."""

    uri: str
    size_bytes: int
    etag: str
    modified_at: datetime


class Reader(Protocol):
    """A stream of an object's bytes as stored; raises SourceChanged where the object is replaced while it is read."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Storage(Protocol):
    """See the module; every method may raise StorageDenied, StorageThrottled or StorageError."""

    def list(self, prefix: str, start_after: str = "", until: str = "") -> Iterator[StoredObject]:
        """All objects below `prefix` (a folder), in the order of their keys.

        Only keys after `start_after` below it, and only up to `until` (included), where these are given.
        """

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Names of the folders right below `prefix` (a folder), in order; what lies deeper is not looked at."""

    def open(self, uri: str, etag: str | None = None) -> Reader:
        """The object at `uri`; SourceMissing if there is none, SourceChanged if its ETag is not `etag`."""

    def read(self, uri: str, start: int = 0, size: int = -1) -> bytes:
        """The object's bytes from the place `start` on, `size` (at least 1) of them or all."""

    def head(self, uri: str) -> StoredObject | None: ...

    def put(self, uri: str, data: bytes | memoryview, *, if_absent: bool = False, sync: bool = True) -> bool:
        """Whole or not at all; False where `if_absent` and there is one already. `sync`: also survive a power cut."""

    def delete(self, uri: str) -> None:
        """Nothing happens where there is none."""


def is_s3(uri: str) -> bool:
    """Whether `uri` is an S3 location rather than a local folder."""
    return uri.startswith(("s3://", "s3a://"))


def storage_for(uri: str) -> Storage:
    """The storage that `uri` lives in; LocationError for a scheme we do not know."""
    if is_s3(uri):
        from sluice.runtime.s3 import S3Storage

        return S3Storage()
    if "://" in uri and not uri.startswith("file://"):
        raise LocationError(f"{uri}: expected a local folder or s3://bucket/prefix; this scheme is not supported")
    return LocalStorage()


def join(base: str, *parts: str) -> str:
    """`base` and `parts` with one slash between; `base` may be a local path or a URI."""
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def normal_uri(uri: str) -> str:
    """One spelling for one place: s3:// for S3, an absolute path without `file://` for local folders."""
    if is_s3(uri):
        return "s3://" + uri.split("://", 1)[1].rstrip("/")
    if "://" in uri and not uri.startswith("file://"):
        raise LocationError(f"{uri}: expected a local folder or s3://bucket/prefix; this scheme is not supported")
    return str(Path(local_path(uri)).absolute())


def local_path(uri: str) -> str:
    """The path a local `uri` names; plain paths are themselves."""
    return unquote(urlparse(uri).path) if uri.startswith("file://") else uri


class LocalStorage:
    """Local files; the ETag is the modification time in nanoseconds, since files have no other."""

    def list(self, prefix: str, start_after: str = "", until: str = "") -> Iterator[StoredObject]:
        root = local_path(prefix).rstrip("/")
        for stored in self._walk(root, "", start_after):
            if until and stored.uri[len(root) + 1 :] > until:
                return
            yield stored

    def _walk(self, root: str, below: str, start_after: str) -> Iterator[StoredObject]:
        try:
            entries = list(os.scandir(os.path.join(root, below)))
        except FileNotFoundError:
            return
        except PermissionError as error:
            raise StorageDenied(f"{os.path.join(root, below)}: may not be read; change its permissions") from error
        # A folder sorts by its name and a slash, so that the order is that of the whole keys, as on S3.
        for name, entry in sorted((e.name + ("/" if e.is_dir() else ""), e) for e in entries):
            key = below + name
            if name.endswith("/"):
                if key >= start_after or start_after.startswith(key):
                    yield from self._walk(root, key, start_after)
            elif key > start_after:
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                yield _stored(os.path.join(root, key), stat)

    def folders(self, prefix: str) -> tuple[str, ...]:
        root = local_path(prefix)
        try:
            return tuple(sorted(entry.name for entry in os.scandir(root) if entry.is_dir()))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except PermissionError as error:
            raise StorageDenied(f"{root}: may not be read; change its permissions") from error

    def open(self, uri: str, etag: str | None = None) -> Reader:
        return _LocalReader(local_path(uri), etag)

    def read(self, uri: str, start: int = 0, size: int = -1) -> bytes:
        reader = _LocalReader(local_path(uri), None, start)
        try:
            return reader.read(size)
        finally:
            reader.close()

    def head(self, uri: str) -> StoredObject | None:
        path = local_path(uri)
        return _stored(path, os.stat(path)) if os.path.isfile(path) else None

    def put(self, uri: str, data: bytes | memoryview, *, if_absent: bool = False, sync: bool = True) -> bool:
        path = local_path(uri)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix="._", dir=os.path.dirname(path))
        except OSError as error:
            raise StorageDenied(f"{path}: cannot be written ({error.strerror})") from error
        try:
            os.chmod(
                temporary, 0o666 & ~_umask()
            )  # mkstemp's files are for their owner alone; a lake is for its readers
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                if sync:
                    stream.flush()
                    os.fsync(stream.fileno())
            if not if_absent:
                os.replace(temporary, path)
                return True
            try:
                # A hard link is the exclusive create that also brings the whole content.
                os.link(temporary, path)
            except FileExistsError:
                return False
            return True
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror})") from error
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def delete(self, uri: str) -> None:
        try:
            os.unlink(local_path(uri))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageDenied(f"{uri}: cannot be deleted ({error.strerror})") from error


@functools.cache
def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _stored(path: str, stat: os.stat_result) -> StoredObject:
    return StoredObject(path, stat.st_size, _local_etag(stat), datetime.fromtimestamp(stat.st_mtime, UTC))


def _local_etag(stat: os.stat_result) -> str:
    return f"mtime-{stat.st_mtime_ns}"


class _LocalReader:
    """Reads one file and looks at its size and time before the first byte and after the last."""

    def __init__(self, path: str, etag: str | None, start: int = 0) -> None:
        self._path, self._etag = path, etag
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - the caller closes it
            self._file.seek(start)
        except FileNotFoundError as error:
            raise SourceMissing(f"{path}: expected a file, found none") from error
        except PermissionError as error:
            raise StorageDenied(f"{path}: may not be read; change its permissions") from error
        except OSError as error:
            raise StorageError(f"{path}: cannot be read ({error.strerror})") from error
        self._check()

    def _check(self) -> None:
        if self._etag is not None and _local_etag(os.fstat(self._file.fileno())) != self._etag:
            raise SourceChanged(f"{self._path}: was changed after it was listed")

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        if len(data) < size or size < 0:
            self._check()
        return data

    def close(self) -> None:
        self._file.close()
