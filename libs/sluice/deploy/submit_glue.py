"""Runs of Glue jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.deploy.calls import call, code, told
from sluice.deploy.environments import Environment
from sluice.deploy.logs import Tail
from sluice.deploy.sections import Glue
from sluice.deploy.submit import Kind, Seen
from sluice.errors import DatasetBusyError
from sluice.runtime.aws import client
from sluice.runtime.cost import LEAST_SECONDS

STATES: Mapping[str, Kind] = {
    "STARTING": "waiting",
    "WAITING": "waiting",  # queued, until a run of the account ends
    "RUNNING": "running",
    "STOPPING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "ERROR": "failed",
    "STOPPED": "cancelled",
    "TIMEOUT": "timed out",
    "EXPIRED": "timed out",  # waited too long to be started
}


class GlueRuns:
    """Runs of one job; a run's name is Glue's own."""

    settle_seconds = 60.0

    def __init__(self, environment: Environment, job: str, arguments: Mapping[str, str]) -> None:
        self._environment, self._arguments = environment, arguments
        self._name = environment.full_name(job)
        self._what = f"Glue job {self._name}"
        self._tail: Tail | None = None

    def start(self) -> str:
        arguments = {f"--{key}": value for key, value in self._arguments.items()}
        try:
            answer = client("glue").start_job_run(JobName=self._name, Arguments=arguments)
        except Exception as error:
            if code(error) == "ConcurrentRunsExceededException":
                raise DatasetBusyError(
                    f"{self._what}: another run of it is at work, and one at a time is allowed; wait until it has ended"
                ) from error
            raise told(error, self._what) from error
        return str(answer["JobRunId"])

    def look(self, run: str) -> Seen:
        found = call(client("glue"), "get_job_run", f"{self._what}, run {run}", JobName=self._name, RunId=run)["JobRun"]
        if self._tail is None and found.get("LogGroupName"):
            group = f"{str(found['LogGroupName']).rstrip('/')}/output"
            # Executors write to streams of their own, <run>-<number>; the summary is the driver's.
            self._tail = Tail(group, run, lambda name: name == run or name.endswith("driver"))
        state = str(found.get("JobRunState", "?"))
        why = str(found.get("ErrorMessage") or found.get("StateDetail") or "")
        return Seen(state, STATES.get(state, "running"), why, cost(self._environment, found))

    def lines(self, run: str) -> Iterable[str]:
        if self._tail is None:
            glue = self._environment.section("glue")
            assert isinstance(glue, Glue)
            prefix = glue.log_group or "/aws-glue/jobs"
            self._tail = Tail(f"{prefix}/output", run, lambda name: name == run or name.endswith("driver"))
        return self._tail.lines()

    def cancel(self, run: str) -> None:
        call(client("glue"), "batch_stop_job_run", f"{self._what}, run {run}", JobName=self._name, JobRunIds=[run])


def cost(environment: Environment, run: Mapping[str, Any]) -> str:
    """`1,234 DPU seconds in 617 s, about 0.151`, from a JobRun; empty before it runs.

    Glue tells DPUSeconds of runs with auto scaling alone; of others they are ExecutionTime times MaxCapacity, a minute
    at least. The price is the environment's, and so are its currency and its tax.
    """
    seconds = float(run.get("ExecutionTime") or 0)
    billed = max(seconds, LEAST_SECONDS) if seconds else 0
    dpu_seconds = float(run.get("DPUSeconds") or billed * run.get("MaxCapacity", 0))
    if not dpu_seconds:
        return ""
    told = f"{dpu_seconds:,.0f} DPU seconds in {seconds:,.0f} s"
    price = environment.price_per_dpu_hour
    return told if price is None else f"{told}, about {dpu_seconds / 3600 * price:.3f}"
