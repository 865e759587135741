"""Spark's Python workers: what one raised comes back as text inside another exception; what each task waits for."""

from __future__ import annotations

import re
import sys
import zipimport

from sluice import errors
from sluice.errors import SluiceError, StorageDenied, StorageThrottled

_RAISED = re.compile(r"sluice\.errors\.(\w+): (.+)")
# What Spark's own S3 client (S3A) and EMR's say; their places are all that is told of it.
_DENIED = re.compile(r"AccessDeniedException: (s3[an]?://[^\s:]+)|Status Code: 403|No AWS Credentials provided|"
                     r"NoAwsCredentialsException|NoAuthWithAWSException")  # fmt: skip
_THROTTLED = re.compile(r"AWSServiceThrottledException|Status Code: 503|SlowDown")


def from_spark(error: BaseException) -> SluiceError | None:
    """The error of our tree that a worker raised and Spark wrapped in `error`, or that S3A's own error stands for.

    None where there is none in it.
    """
    for name, message in reversed(_RAISED.findall(str(error))):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, SluiceError):
            return kind(message.strip())
    return _from_s3a(str(error)) if type(error).__module__.startswith(("py4j.", "pyspark.")) else None


def _from_s3a(words: str) -> SluiceError | None:
    if denied := _DENIED.search(words):
        return StorageDenied(
            f"{denied[1] or 'S3'}: access denied to Spark's own S3 client, which knows keys of the environment and the "
            "machine's role alone; grant this role the permission and run again"
        )
    if _THROTTLED.search(words):
        return StorageThrottled("S3: still throttled after all retries of Spark's own S3 client; run again later")
    return None


def forget_archives() -> None:
    """Drop the finders of archives that were imported from; an import that needs one makes it anew.

    Before each task Spark clears Python's import caches, and Python 3.11 then reads every archive's directory again,
    once for each package imported from it: pyspark.zip 14 times, 0.06 s of CPU a task. Without finders nothing is read.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]
