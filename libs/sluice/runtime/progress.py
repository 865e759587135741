"""What a run says while it works: steps with their times for people, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class Progress:
    """Tells each step as it begins and remembers how long it took; `seconds` is by step, summed over batches.

    On a terminal the current step is one changing line; a log file gets one line per step.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell or _to_stderr
        self._step = ""
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def at(self, step: str, detail: str = "") -> None:
        """The run is at `step` from now on; its boundaries are where a run may be killed with nothing half-done."""
        now = time.monotonic()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self._step, self._since = step, now
        if step:
            self._tell(f"{step}{': ' if detail else ''}{detail}")

    def tell(self, line: str) -> None:
        """Something worth knowing that is no step."""
        self._tell(line)

    def rounded(self) -> dict[str, float]:
        """Seconds by step, to the millisecond."""
        self.at("")
        return {step: round(seconds, 3) for step, seconds in self.seconds.items()}


def _to_stderr(line: str) -> None:
    stamp = time.strftime("%H:%M:%S", time.gmtime())
    print(f"{stamp} {line}", file=sys.stderr, flush=True)
