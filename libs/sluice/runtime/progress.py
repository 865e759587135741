"""What a run says while it works, on standard error: a bar on a terminal, a line per step in a log file."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

Tasks = Callable[[], tuple[int, int]]


class Progress:
    """Tells each step as it begins and remembers how long it took; `seconds` is by step, summed over batches."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell or _to_stderr
        self._bar = _Bar() if tell is None and sys.stderr.isatty() else None
        self._step = ""
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def at(self, step: str, detail: str = "") -> None:
        """The run is at `step` from now on; its boundaries are where a run may be killed with nothing half-done."""
        now = time.monotonic()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self._step, self._since = step, now
        line = f"{step}{': ' if detail else ''}{detail}"
        if self._bar is not None:
            self._bar.show(line)
        elif step:
            self._tell(line)

    def follow(self, tasks: Tasks) -> None:
        """`tasks` tells how many tasks of the work at hand are done, and of how many; the bar asks it now and then."""
        if self._bar is not None:
            self._bar.tasks = tasks

    def tell(self, line: str) -> None:
        """Something worth knowing that is no step."""
        self._tell(line)

    def rounded(self) -> dict[str, float]:
        """Seconds by step, to the millisecond; ends the bar."""
        self.at("")
        return {step: round(seconds, 3) for step, seconds in self.seconds.items()}


class _Bar:
    """One line on a terminal: the step, the share of its Spark tasks that are done, the time."""

    def __init__(self) -> None:
        self.tasks: Tasks | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def show(self, line: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        if not line:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None
            return
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(line, total=None)
            self._bar.start()
            threading.Thread(target=self._ask, name="progress", daemon=True).start()
        assert self._task is not None
        self._bar.update(self._task, description=line, completed=0, total=None)

    def _ask(self) -> None:
        while (bar := self._bar) is not None and self._task is not None:
            time.sleep(0.5)
            if self.tasks is None:
                continue
            try:
                done, total = self.tasks()
            except Exception:  # noqa: BLE001 - Spark may be stopping; a bar must never end a run
                return
            bar.update(self._task, completed=done, total=total or None)


def _to_stderr(line: str) -> None:
    stamp = time.strftime("%H:%M:%S", time.gmtime())
    print(f"{stamp} {line}", file=sys.stderr, flush=True)
