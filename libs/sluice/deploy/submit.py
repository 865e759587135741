"""Runs on any target: started, followed until they end, and what a shell is told in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sluice.deploy.calls import is_throttled
from sluice.deploy.written import is_secret
from sluice.errors import ProblemsError, SluiceError, StorageDenied, UsageError

Kind = Literal["waiting", "running", "succeeded", "failed", "cancelled", "timed out"]
ENDED: frozenset[Kind] = frozenset({"succeeded", "failed", "cancelled", "timed out"})
# Where a run left no summary: as shells and timeout(1) have it.
EXIT_CODES: dict[Kind, int] = {"succeeded": 0, "failed": 1, "cancelled": 130, "timed out": 124}
_FIRST_SECONDS, _LONGEST_SECONDS, _GROWTH = 2.0, 30.0, 1.5
_MOST_FAILURES = 20
# The runtimes' own, which a run must not set.
_NOT_YOURS = frozenset("JOB_NAME JOB_ID JOB_RUN_ID TempDir conf debug mode endpoint".split())


@dataclass(frozen=True)
class Seen:
    """A run at one look: the service's own word, what it means, why (if told), and the cost so far (if known)."""

    state: str
    kind: Kind
    why: str = ""
    cost: str = ""


class Remote(Protocol):
    """One target's way with runs; every method may raise an error of the tree."""

    settle_seconds: float
    """How long after a run's end its log may still be on its way."""

    def start(self) -> str:
        """Start the run; its name, by which it is found again."""

    def look(self, run: str) -> Seen: ...

    def lines(self, run: str) -> Iterable[str]:
        """Lines of the driver's log that were not told yet."""

    def cancel(self, run: str) -> None: ...


class Told(Protocol):
    """Where progress goes."""

    def state(self, seen: Seen) -> None: ...

    def line(self, text: str) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `summary` is the job's last line, as it was written, or None where it was not found."""

    seen: Seen
    summary: str | None
    exit_code: int


def job_arguments(words: Sequence[str]) -> dict[str, str]:
    """`["--key", "value", ...]` -> a map; UsageError, with all problems, for what Glue could not pass on."""
    found: dict[str, str] = {}
    problems = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) < 3:
            problems.append(f"`{word}` stands alone; every argument is a pair: --key value")
            continue
        key, given, value = word[2:].partition("=")
        if not given:
            if not rest or (rest[0].startswith("--") and len(rest[0]) > 2):
                problems.append(f"--{key}: expected a value, found none; flags take one, too: --{key} true")
                continue
            value = rest.pop(0)
        if key in found:
            problems.append(f"--{key}: is given twice")
        if key in _NOT_YOURS:
            problems.append(f"--{key}: belongs to the runtime")
        if is_secret(key, value):
            problems.append(
                f"--{key}: looks like a secret, which would stand in logs; give the role a permission instead"
            )
        found[key] = value
    if problems:
        raise ProblemsError("the job's arguments", problems)
    return found


def follow(
    remote: Remote,
    run: str,
    told: Told,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Look until the run has ended; the waits grow, and are short again when something has changed.

    Being throttled is waited out; any other error counts only if it does not pass, since the run goes on without us.
    """
    summary, seconds, failures, seen = _Summary(told), _FIRST_SECONDS, 0, None
    while True:
        try:
            now = remote.look(run)
            failures = 0
        except SluiceError as error:
            failures += 1
            if failures == _MOST_FAILURES or isinstance(error, UsageError | StorageDenied):
                raise
            if not is_throttled(error):
                told.line(f"cannot look at the run now ({error}); trying again")
            seconds = min(seconds * _GROWTH, _LONGEST_SECONDS)
            wait(seconds)
            continue
        summary.read(remote, run)
        if seen is None or now.state != seen.state:
            told.state(now)
            seconds = _FIRST_SECONDS
        seen = now
        if now.kind in ENDED:
            break
        wait(seconds)
        seconds = min(seconds * _GROWTH, _LONGEST_SECONDS)
    until = clock() + remote.settle_seconds
    while summary.found is None and not summary.unreadable and clock() < until:
        wait(min(_FIRST_SECONDS * 2, remote.settle_seconds))
        summary.read(remote, run)
    return Outcome(seen, summary.found, exit_code(seen, summary.found))


def exit_code(seen: Seen, summary: str | None) -> int:
    """The job's own code; without its summary, or where the run failed after a good one, what the state stands for."""
    own = parsed(summary).get("exit_code") if summary else None
    mapped = EXIT_CODES[seen.kind]
    if not isinstance(own, int) or isinstance(own, bool):
        return mapped
    return own or mapped


def parsed(line: str) -> dict[str, Any]:
    """The summary that a line is; empty where it is none."""
    text = line.strip()
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and {"job", "run_id", "exit_code"} <= found.keys() else {}


class _Summary:
    """Tells a log's lines, and keeps the last that is a summary: that one is the answer and no line of the log."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self.found: str | None = None
        self.unreadable = False

    def read(self, remote: Remote, run: str) -> None:
        if self.unreadable:
            return
        try:
            for line in remote.lines(run):
                if parsed(line):
                    self.found = line.strip()
                else:
                    self._told.line(line)
        except SluiceError as error:
            if not is_throttled(error):
                self.unreadable = True
                self._told.line(f"the log cannot be read: {error}")
