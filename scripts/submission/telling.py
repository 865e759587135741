"""How a run's way is told: a line that changes on a terminal, lines with a time elsewhere; the log passes through."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sluice.deploy.submit import Seen

if TYPE_CHECKING:
    from rich.status import Status


class Teller:
    """Progress on standard error, since standard output is the summary's."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._status = _status(what) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()

    def state(self, seen: Seen) -> None:
        text = " ".join(part for part in (seen.state, f"({seen.why})" if seen.why else "") if part)
        if self._status is not None:
            from rich.markup import escape

            self._status.update(f"{escape(self._what)}: {escape(text)}")
        self._print(f"{time.strftime('%H:%M:%S', time.gmtime())} {self._what}: {text}")

    def line(self, text: str) -> None:
        self._print(f"  | {text}")

    def _print(self, text: str) -> None:
        if self._status is not None:
            self._status.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def _status(what: str) -> Status:
    from rich.console import Console
    from rich.status import Status

    return Status(what, console=Console(stderr=True))
