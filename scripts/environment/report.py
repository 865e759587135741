"""What the set-up tells a person, on standard error, and the error that ends it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class SetupError(Exception):
    """Raised when an environment cannot be made; the message says what was expected, what was found and what to do."""


def say(text: str) -> None:
    print(f"[set-up] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announces a step, and afterwards how long it took."""
    say(f"{text} ...")
    started = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - started:.0f} s")
