"""Errors that crossed Spark: what a worker raised comes back as text inside another exception."""

from __future__ import annotations

import re

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
