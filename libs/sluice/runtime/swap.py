"""A small object that only he may replace who has read what is there: compare and swap, on S3 and in a local folder.

S3 takes the ETag as a condition. Locally a lock of the operating system is held for the moment between comparing and
renaming; who is stopped there keeps others out, and is never overtaken.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import DatasetBusyError, SourceChanged, SourceMissing, StorageDenied, StorageError
from sluice.runtime.storage import is_s3, local_path, storage_for

_LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Seen:
    """An object's bytes, and what tells whether it is still these: the store's ETag, or a hash of them."""

    data: bytes
    token: str


def look(uri: str) -> Seen | None:
    """The object at `uri`; None where there is none. Raises StorageDenied, StorageThrottled or StorageError."""
    if is_s3(uri):
        return _look_s3(uri)
    try:
        data = storage_for(uri).read(uri)
    except SourceMissing:
        return None
    return Seen(data, _hash(data))


def replace(uri: str, data: bytes, seen: Seen | None) -> bool:
    """Put `data` in the place of what was `seen` (None: of nothing), whole; False where that is not there any more.

    Raises StorageDenied, StorageThrottled or StorageError; after one of these, look again to know.
    """
    return _replace_s3(uri, data, seen) if is_s3(uri) else _replace_local(uri, data, seen)


def _look_s3(uri: str) -> Seen | None:
    from sluice.runtime.aws import client, ours
    from sluice.runtime.s3 import split

    bucket, key = split(uri)
    try:
        answer = client("s3").get_object(Bucket=bucket, Key=key)
        return Seen(answer["Body"].read(), answer["ETag"])
    except Exception as error:
        found = ours(error, uri)
        if isinstance(found, SourceMissing):
            return None
        raise found from error


def _replace_s3(uri: str, data: bytes, seen: Seen | None) -> bool:
    from sluice.runtime.aws import client, ours
    from sluice.runtime.s3 import split

    bucket, key = split(uri)
    condition = {"IfMatch": seen.token} if seen else {"IfNoneMatch": "*"}
    try:
        client("s3").put_object(Bucket=bucket, Key=key, Body=data, **condition)
    except Exception as error:
        found = ours(error, uri)
        # The client asks again where no answer came: then it may have been our own first request that changed it.
        if isinstance(found, SourceChanged | SourceMissing):
            again = look(uri)
            return again is not None and again.data == data
        raise found from error
    return True


def _replace_local(uri: str, data: bytes, seen: Seen | None) -> bool:
    path = Path(local_path(uri))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageDenied(f"{path.parent}: cannot be made ({error.strerror})") from error
    with _locked(path):
        there = look(uri)
        if (there and there.token) != (seen and seen.token):
            return False
        return storage_for(uri).put(uri, data)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StorageDenied(f"{lock}: cannot be written ({error.strerror})") from error
    try:
        _wait(handle, lock)
        yield
    finally:
        os.close(handle)  # which lets go of the lock


def _wait(handle: int, lock: Path) -> None:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise DatasetBusyError(
                    f"{lock}: another process, perhaps a stopped one, holds this lock; run again when it has ended"
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise StorageError(f"{lock}: cannot be locked ({error.strerror}); use a file system with locks") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
