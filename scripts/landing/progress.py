"""Progress on standard error: a bar for a terminal, a line for every tenth for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called with how many more messages are done."""

    def __call__(self, messages: int) -> None: ...


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Show that `what` goes on until `total` messages are done."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(what, total=total)
            yield lambda messages: bar.advance(task, messages)
        return
    yield _lines(what, total)


def _lines(what: str, total: int) -> Advance:
    began_at = time.monotonic()
    done, next_tenth = 0, 1

    def advance(messages: int) -> None:
        nonlocal done, next_tenth
        done += messages
        if done * 10 >= total * next_tenth:
            next_tenth = done * 10 // total + 1
            seconds = time.monotonic() - began_at
            print(f"{what}: {done:,} of {total:,} messages, {seconds:.0f} s", file=sys.stderr, flush=True)

    return advance
