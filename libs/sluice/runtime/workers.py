"""Spark's Python workers: what one raised comes back as text inside another exception; what each task waits for."""

from __future__ import annotations

import re
import sys
import zipimport

from sluice import errors
from sluice.errors import SluiceError

_RAISED = re.compile(r"sluice\.errors\.(\w+): (.+)")


def from_spark(error: BaseException) -> SluiceError | None:
    """The error of our tree that a worker raised and Spark wrapped in `error`; None where there is none in it."""
    for name, message in reversed(_RAISED.findall(str(error))):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, SluiceError):
            return kind(message.strip())
    return None


def forget_archives() -> None:
    """Drop the finders of archives that were imported from; an import that needs one makes it anew.

    Before each task Spark clears Python's import caches, and Python 3.11 then reads every archive's directory again,
    once for each package imported from it: pyspark.zip 14 times, 0.06 s of CPU a task. Without finders nothing is read.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]
