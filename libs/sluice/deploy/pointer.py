"""Small objects beside the releases: which templates are current, and the lock of a deployment.

Both are written on condition of what was read, so that of two writers one is told.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sluice.deploy.calls import code
from sluice.errors import SluiceError, UsageError
from sluice.runtime.aws import client, ours
from sluice.runtime.s3 import split
from sluice.runtime.storage import join, storage_for

STALE_SECONDS = 15 * 60
_CHANGED = {"412", "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404"}


def place(artifacts: str, environment: str, target: str) -> str:
    """Where pointer, lock and templates of one target lie; releases lie beside it, below their versions."""
    return join(artifacts, "sluice", "_environments", environment, target)


def read_json(uri: str) -> tuple[dict[str, Any] | None, str | None]:
    """(the object, its ETag); (None, None) where there is none."""
    bucket, key = split(uri)
    try:
        answer = client("s3").get_object(Bucket=bucket, Key=key)
        data = answer["Body"].read()
    except Exception as error:
        if code(error) in ("NoSuchKey", "404"):
            return None, None
        raise ours(error, uri) from error
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{uri}: expected a JSON object, found none; delete it, and deploy again")
    return found, answer["ETag"]


def put_json(uri: str, value: dict[str, Any], etag: str | None) -> bool:
    """Write on condition that the object still has `etag` (None: that there is none); False where it has not."""
    bucket, key = split(uri)
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    body = json.dumps(value, sort_keys=True, indent=1).encode()
    try:
        client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except Exception as error:
        if code(error) in _CHANGED:
            return False
        raise ours(error, uri) from error
    return True


@contextmanager
def locked(where: str, stale_seconds: float = STALE_SECONDS) -> Iterator[None]:
    """Only one deployment at a time goes on inside; SluiceError for the other.

    A lock that a killed deployment left is taken over after `stale_seconds`, by the store's own clock.
    """
    uri = join(where, "lock.json")
    mine = {
        "by": f"{getpass.getuser()}@{socket.gethostname()}",
        "process": os.getpid(),
        "at": f"{datetime.now(UTC):%FT%TZ}",
    }
    if not put_json(uri, mine, None):
        _take_over(uri, mine, stale_seconds)
    try:
        yield
    finally:
        # Only if it is still ours: a deployment that was stopped for long may have lost it.
        if read_json(uri)[0] == mine:
            storage_for(uri).delete(uri)


def _take_over(uri: str, mine: dict[str, Any], stale_seconds: float) -> None:
    held, etag = read_json(uri)
    bucket, key = split(uri)
    if held is not None and etag is not None:
        try:
            head = client("s3").head_object(Bucket=bucket, Key=key)
        except Exception as error:
            if code(error) in ("NoSuchKey", "404"):  # given back since it was read
                raise SluiceError(
                    f"another deployment has just ended ({uri}); run again, it shows a new plan"
                ) from error
            raise ours(error, uri) from error
        now = _store_clock(head)
        age = (now - head["LastModified"]).total_seconds()
        if age < stale_seconds:
            raise SluiceError(
                f"another deployment is at work: {held.get('by')} since {held.get('at')}; wait until it has ended. "
                f"If it was killed, deploy again in {(stale_seconds - age) / 60:.0f} minutes, or delete {uri}"
            )
    if not put_json(uri, mine, etag):
        raise SluiceError(f"another deployment has just begun ({uri}); run again when it has ended")


def _store_clock(answer: dict[str, Any]) -> datetime:
    from email.utils import parsedate_to_datetime

    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
