"""Steps on EMR clusters."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

from sluice.deploy import clusters, emr, templates
from sluice.deploy.calls import call
from sluice.deploy.environments import Environment
from sluice.deploy.submit import Kind, Seen
from sluice.deploy.submit_serverless import named
from sluice.errors import UsageError
from sluice.runtime.aws import client
from sluice.runtime.storage import join, storage_for

STATES: Mapping[str, Kind] = {
    "PENDING": "waiting",
    "CANCEL_PENDING": "running",
    "RUNNING": "running",
    "COMPLETED": "succeeded",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "INTERRUPTED": "cancelled",  # the cluster was ended under it
}
_APPLICATION = re.compile(rb"\bapplication_\d+_\d+\b")


class EmrSteps:
    """Steps of one job; a run's name is <cluster>/<step>. The driver's log comes with the cluster's logs in S3."""

    settle_seconds = 420.0  # EMR copies logs every five minutes

    def __init__(self, environment: Environment, job: str, arguments: Mapping[str, str], cluster: str | None) -> None:
        self._environment, self._job, self._arguments, self._cluster = environment, job, arguments, cluster
        self._ended = False
        self._logs: str | None = None
        self._read: set[str] = set()

    def start(self) -> str:
        if self._cluster is None:
            raise UsageError("no cluster is named; set emr.cluster in the environment file, or give --cluster")
        template = templates.job_template(self._environment, "emr", self._job)
        clusters.check_cluster(self._environment, self._cluster)
        request = emr.add_steps(self._environment, template, self._cluster, self._arguments)
        answer = call(client("emr"), "add_job_flow_steps", f"cluster {self._cluster}", **request)
        return f"{self._cluster}/{answer['StepIds'][0]}"

    def look(self, run: str) -> Seen:
        cluster, step = named(run)
        found = call(client("emr"), "describe_step", f"step {run}", ClusterId=cluster, StepId=step)["Step"]["Status"]
        state = str(found.get("State", "?"))
        failure, reason = found.get("FailureDetails", {}), found.get("StateChangeReason", {})
        why = " ".join(text for text in (failure.get("Reason"), failure.get("Message"), reason.get("Message")) if text)
        kind = STATES.get(state, "running")
        self._ended = kind in ("succeeded", "failed")
        return Seen(state, kind, why)

    def lines(self, run: str) -> Iterable[str]:
        """Nothing before the end: until then the logs are on the cluster's machines."""
        return self._driver(run) if self._ended else ()

    def cancel(self, run: str) -> None:
        cluster, step = named(run)
        call(client("emr"), "cancel_steps", f"step {run}", ClusterId=cluster, StepIds=[step])

    def _driver(self, run: str) -> Iterator[str]:
        cluster, step = named(run)
        if self._logs is None:
            found = call(client("emr"), "describe_cluster", f"cluster {cluster}", ClusterId=cluster)["Cluster"]
            self._logs = re.sub(r"^s3n?://", "s3://", str(found.get("LogUri", ""))).rstrip("/")
        if not self._logs:
            raise UsageError(f"cluster {cluster} keeps no logs in S3 (LogUri)")
        own = join(self._logs, cluster)
        names = {
            name
            for each in storage_for(own).list(join(own, "steps", step))
            for name in _APPLICATION.findall(_text(each.uri))
        }
        for name in sorted(names):
            for each in storage_for(own).list(join(own, "containers", name.decode())):
                # The first container of an application is its master's, and in cluster mode that is the driver.
                if re.search(r"_000001/(stdout|stderr)(\.gz)?$", each.uri) and each.uri not in self._read:
                    self._read.add(each.uri)
                    yield from _text(each.uri).decode("utf-8", "replace").splitlines()


def _text(uri: str) -> bytes:
    data = storage_for(uri).read(uri)
    return zlib.decompress(data, wbits=31) if data[:2] == b"\x1f\x8b" else data
