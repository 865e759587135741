"""A job's frame: run id, lazily started Spark, the summary on the last line, and what the process ends with."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sluice import __version__
from sluice.errors import SluiceError
from sluice.runtime.cost import estimate
from sluice.runtime.progress import Progress
from sluice.runtime.session import build_session
from sluice.runtime.workers import from_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Run:
    """One execution of a job. `spark` starts the session when first asked for: a run with nothing to do needs none."""

    job: str
    progress: Progress = field(default_factory=Progress)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    run_id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}")

    @cached_property
    def spark(self) -> SparkSession:
        self.progress.tell("starting Spark")
        session = build_session(f"sluice-{self.job}")
        self.progress.follow(lambda: running_tasks(session))
        return session

    @property
    def code_version(self) -> str:
        """The version of the library."""
        return __version__


def running_tasks(session: SparkSession) -> tuple[int, int]:
    """Tasks done, and tasks in all, of the stages that Spark is working on."""
    tracker = session.sparkContext.statusTracker()
    stages = [info for stage in tracker.getActiveStageIds() if (info := tracker.getStageInfo(stage)) is not None]
    return sum(info.numCompletedTasks for info in stages), sum(info.numTasks for info in stages)


class _Terminated(BaseException):
    """Raised where the process is told to end (SIGTERM), so that leases are given back and a summary is written."""


def _heed_termination() -> Any:
    """Make SIGTERM end the job as Ctrl-C does; the handler before, None where signals are not ours to handle."""

    def stop(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second time at once
        raise _Terminated

    return signal.signal(signal.SIGTERM, stop) if threading.current_thread() is threading.main_thread() else None


def main(job: str, argv: Sequence[str], body: Callable[[Run, Sequence[str]], Mapping[str, Any]]) -> None:
    """Run `body`; its summary is the last line of standard output.

    Returns normally on success, which is what every runtime takes for it. A SluiceError is told in words and ends the
    process with its exit code; anything else is a fault of ours, told with its trace, exit code 1.
    """
    run = Run(job)
    started = time.monotonic()
    summary: dict[str, Any] = {"job": job, "run_id": run.run_id, "code_version": run.code_version}
    code = 0
    before = _heed_termination()
    try:
        summary.update(body(run, argv))
        code = int(summary.pop("exit_code", 0))
        if "error" in summary:
            print(f"{job}: {summary['error']}", file=sys.stderr, flush=True)
    except SystemExit:  # --help
        raise
    except (KeyboardInterrupt, _Terminated) as stopped:
        code = 143 if isinstance(stopped, _Terminated) else 130
        summary["error"] = "interrupted; the next run finishes what this one began"
    except Exception as error:  # noqa: BLE001 - the frame of a job: whatever it is must be told and end the process
        ours = error if isinstance(error, SluiceError) else from_spark(error)
        if ours is None:
            traceback.print_exc()
        code = ours.exit_code if ours else 1
        summary["error"] = str(ours) if ours else f"unexpected {type(error).__name__}; this is a fault of the job's"
        print(f"{job}: {summary['error']}", file=sys.stderr, flush=True)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    took = time.monotonic() - started
    seconds = {"seconds": round(took, 3), **estimate(argv, took)}
    steps = run.progress.rounded()
    print(json.dumps({**summary, **seconds, "steps": steps, "exit_code": code}, ensure_ascii=False), flush=True)
    if code:
        sys.exit(code)
