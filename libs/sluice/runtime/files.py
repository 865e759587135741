"""Whole files of this machine into storage, streamed: however large, they are never whole in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from sluice.errors import SourceChanged, StorageError
from sluice.runtime.storage import is_s3, local_path


def put_file(path: Path, uri: str) -> bool:
    """Bring the file `path` to `uri` whole or not at all; False where something is there already.

    At most 5 GiB, which is what S3 takes in one request. Raises StorageDenied, StorageThrottled or StorageError.
    """
    return _to_s3(path, uri) if is_s3(uri) else _to_folder(path, Path(local_path(uri)))


def _to_s3(path: Path, uri: str) -> bool:
    from sluice.runtime.aws import client, ours
    from sluice.runtime.s3 import split

    bucket, key = split(uri)
    try:
        with open(path, "rb") as body:
            client("s3").put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except Exception as error:
        found = ours(error, uri)
        if isinstance(found, SourceChanged):  # the condition failed
            return False
        raise found from error
    return True


def _to_folder(path: Path, target: Path) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="._", dir=target.parent) as folder:
            draft = Path(folder, target.name)
            shutil.copyfile(path, draft)
            os.link(draft, target)  # the exclusive create that brings the whole content
    except FileExistsError:
        return False
    except OSError as error:
        raise StorageError(f"{target}: cannot be written ({error.strerror})") from error
    return True
