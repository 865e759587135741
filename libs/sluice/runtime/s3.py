"""S3 behind the storage interface: conditional reads by ETag, conditional puts, reads that resume."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sluice.errors import SourceChanged, SourceMissing, StorageError
from sluice.runtime.aws import broken_connection, client, ours
from sluice.runtime.storage import Reader, StoredObject

_READ_ATTEMPTS = 6


def split(uri: str) -> tuple[str, str]:
    """`s3://bucket/a/b` -> ("bucket", "a/b")."""
    bucket, _, key = uri.split("://", 1)[1].partition("/")
    return bucket, key


class S3Storage:
    """Objects in S3; all errors are of our tree."""

    def list(self, prefix: str, start_after: str = "", until: str = "") -> Iterator[StoredObject]:
        bucket, key = split(prefix.rstrip("/") + "/")
        arguments: dict[str, Any] = {"Bucket": bucket, "Prefix": key}
        if start_after:
            arguments["StartAfter"] = key + start_after
        try:
            for page in client("s3").get_paginator("list_objects_v2").paginate(**arguments):
                for item in page.get("Contents", ()):
                    if until and item["Key"] > key + until:
                        return
                    # Not every store is exact about StartAfter. Names with a slash are markers of consoles and Hadoop.
                    if item["Key"] > key + start_after and not item["Key"].endswith("/"):
                        yield StoredObject(
                            f"s3://{bucket}/{item['Key']}", item["Size"], item["ETag"], item["LastModified"]
                        )
        except Exception as error:
            raise ours(error, prefix) from error

    def folders(self, prefix: str) -> tuple[str, ...]:
        bucket, key = split(prefix.rstrip("/") + "/")
        names: list[str] = []
        try:
            pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/")
            for page in pages:
                names += [item["Prefix"][len(key) : -1] for item in page.get("CommonPrefixes", ())]
        except Exception as error:
            raise ours(error, prefix) from error
        return tuple(names)

    def open(self, uri: str, etag: str | None = None) -> Reader:
        return _S3Reader(uri, etag)

    def read(self, uri: str, start: int = 0, size: int = -1) -> bytes:
        reader = _S3Reader(uri, None, start, size)
        parts = iter(lambda: reader.read(1 << 20), b"")
        return b"".join(parts)

    def head(self, uri: str) -> StoredObject | None:
        bucket, key = split(uri)
        try:
            head = client("s3").head_object(Bucket=bucket, Key=key)
        except Exception as error:
            found = ours(error, uri)
            if isinstance(found, SourceMissing):
                return None
            raise found from error
        return StoredObject(uri, head["ContentLength"], head["ETag"], head["LastModified"])

    def put(self, uri: str, data: bytes | memoryview, *, if_absent: bool = False, sync: bool = True) -> bool:
        bucket, key = split(uri)
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        if uri.endswith(".html"):
            condition["ContentType"] = "text/html; charset=utf-8"  # else a browser offers to save the page
        try:
            client("s3").put_object(Bucket=bucket, Key=key, Body=bytes(data), **condition)
        except Exception as error:
            found = ours(error, uri)
            if if_absent and isinstance(found, SourceChanged):
                return False
            raise found from error
        return True

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        try:
            client("s3").delete_object(Bucket=bucket, Key=key)
        except Exception as error:
            raise ours(error, uri) from error


class _S3Reader:
    """One object, opened on condition of its ETag; a broken connection resumes where it broke, on that condition.

    With `size` (not negative) it ends that many bytes behind `start`.
    """

    def __init__(self, uri: str, etag: str | None, start: int = 0, size: int = -1) -> None:
        self._uri, self._etag, self._at = uri, etag, start
        self._last = str(start + size - 1) if size >= 0 else ""
        self._body = self._get()

    def _get(self) -> Any:
        bucket, key = split(self._uri)
        arguments: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if self._etag is not None:
            arguments["IfMatch"] = self._etag
        if self._at or self._last:
            arguments["Range"] = f"bytes={self._at}-{self._last}"
        try:
            answer = client("s3").get_object(**arguments)
        except Exception as error:
            raise ours(error, self._uri) from error
        self._etag = answer["ETag"]
        return answer["Body"]

    def read(self, size: int = -1, /) -> bytes:
        for attempt in range(_READ_ATTEMPTS):
            try:
                data: bytes = self._body.read(size if size >= 0 else None)
            except broken_connection() as error:
                if attempt + 1 == _READ_ATTEMPTS:
                    raise StorageError(f"{self._uri}: the connection broke {attempt + 1} times; run again") from error
                time.sleep(0.2 * 2**attempt)
                self._body = self._get()
            else:
                self._at += len(data)
                return data
        raise AssertionError("unreachable")

    def close(self) -> None:
        self._body.close()
