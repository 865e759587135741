"""Runs on EMR Serverless."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from sluice.deploy import clusters, serverless, templates
from sluice.deploy.calls import call
from sluice.deploy.environments import Environment
from sluice.deploy.logs import Tail
from sluice.deploy.submit import Kind, Seen
from sluice.errors import UsageError
from sluice.runtime.aws import client

STATES: Mapping[str, Kind] = {
    "SUBMITTED": "waiting",
    "PENDING": "waiting",
    "SCHEDULED": "waiting",
    "QUEUED": "waiting",
    "RUNNING": "running",
    "CANCELLING": "running",
    "SUCCESS": "succeeded",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}


class ServerlessRuns:
    """Runs of one job; a run's name is <application>/<run>."""

    settle_seconds = 60.0

    def __init__(self, environment: Environment, job: str, arguments: Mapping[str, str]) -> None:
        self._environment, self._job, self._arguments = environment, job, arguments
        self._tail: Tail | None = None
        self._token = uuid.uuid4().hex  # the same in every attempt, so that a repeated call starts one run

    def start(self) -> str:
        template = templates.job_template(self._environment, "emr-serverless", self._job)
        found = clusters.application(self._environment)
        if found is None:
            name = serverless.section(self._environment).application
            raise UsageError(f"EMR Serverless application {name}: expected it, found none; run scripts/deploy first")
        request = serverless.start_job_run(template, found["applicationId"], self._arguments, self._token)
        answer = call(client("emr-serverless"), "start_job_run", f"job {self._job}", **request)
        return f"{answer['applicationId']}/{answer['jobRunId']}"

    def look(self, run: str) -> Seen:
        application, number = named(run)
        request = {"applicationId": application, "jobRunId": number}
        found = call(client("emr-serverless"), "get_job_run", f"run {run}", **request)["jobRun"]
        state, why = str(found["state"]), str(found.get("stateDetails", ""))
        kind = STATES.get(state, "running")
        if kind == "cancelled" and "timeout" in why.lower().replace(" ", ""):
            kind = "timed out"  # the service cancels what ran longer than it may
        billed = found.get("billedResourceUtilization") or {}
        cost = f"{billed['vCPUHour']:.3f} vCPU hours, {billed['memoryGBHour']:.3f} GB hours" if billed else ""
        return Seen(state, kind, why if kind != "succeeded" else "", cost)

    def lines(self, run: str) -> Iterable[str]:
        if self._tail is None:
            application, number = named(run)
            prefix = f"sluice-{self._environment.name}/applications/{application}/jobs/{number}/"
            group = serverless.section(self._environment).log_group
            self._tail = Tail(group, prefix, lambda name: "SPARK_DRIVER" in name)
        return self._tail.lines()

    def cancel(self, run: str) -> None:
        application, number = named(run)
        request = {"applicationId": application, "jobRunId": number}
        call(client("emr-serverless"), "cancel_job_run", f"run {run}", **request)


def named(run: str) -> tuple[str, str]:
    """The two parts of a run's name; UsageError where it has not two."""
    first, _, second = run.partition("/")
    if not first or not second:
        raise UsageError(f"run {run}: expected two parts with a slash between, as scripts/submit told them")
    return first, second
