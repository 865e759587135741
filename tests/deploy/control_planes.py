"""Glue, EMR, EMR Serverless and CloudWatch Logs in memory, behind botocore's own clients.

They hook in where botocore's Stubber does: requests and answers are held against the services' models, errors arrive as
ClientError, and nothing leaves the process. Unlike a Stubber they remember.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from sluice.runtime import aws

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class AwsError(Exception):
    """What a service answers instead."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


@dataclass
class _Http:
    status_code: int


class Service:
    """`calls` is what was asked, in order; `refuse[operation]` are errors for the next calls of it."""

    name = ""

    def __init__(self) -> None:
        keys = {"aws_access_key_id": "stub", "aws_secret_access_key": "stub"}
        self.client = boto3.client(self.name, region_name="eu-west-1", **keys)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, list[AwsError]] = {}
        self.client.meta.events.register_first("before-parameter-build.*.*", self._note)
        self.client.meta.events.register_first("before-call.*.*", self._answer)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.calls if name == operation]

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append((model.name, copy.deepcopy(params)))

    def _answer(self, model: Any, **_: Any) -> tuple[_Http, dict[str, Any]]:
        request = self.calls[-1][1]
        try:
            if self.refuse.get(model.name):
                raise self.refuse[model.name].pop(0)
            body = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", model.name).lower())(**request) or {}
        except AwsError as error:
            told = {"Error": {"Code": error.code, "Message": error.message}, "ResponseMetadata": {}}
            return _Http(error.status), told
        if model.output_shape is not None:
            problems = ParamValidator().validate(body, model.output_shape)
            assert not problems.has_errors(), problems.generate_report()
        return _Http(200), {**copy.deepcopy(body), "ResponseMetadata": {"HTTPStatusCode": 200}}


class Glue(Service):
    name = "glue"

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.runs: list[dict[str, Any]] = []  # what GetJobRun answers, one after the other; the last one stays

    def get_job(self, JobName: str) -> Any:
        if JobName not in self.jobs:
            raise AwsError("EntityNotFoundException")
        return {"Job": {"Name": JobName, "CreatedOn": NOW, "LastModifiedOn": NOW, **self.jobs[JobName]}}

    def get_tags(self, ResourceArn: str) -> Any:
        return {"Tags": self.tags.get(ResourceArn.rsplit("/", 1)[1], {})}

    def create_job(self, Name: str, Tags: dict[str, str], **definition: Any) -> Any:
        if Name in self.jobs:
            raise AwsError("AlreadyExistsException")
        self._keep(Name, definition)
        self.tags[Name] = Tags
        return {"Name": Name}

    def update_job(self, JobName: str, JobUpdate: dict[str, Any]) -> Any:
        self._keep(JobName, JobUpdate)
        return {"JobName": JobName}

    def tag_resource(self, ResourceArn: str, TagsToAdd: dict[str, str]) -> None:
        self.tags[ResourceArn.rsplit("/", 1)[1]].update(TagsToAdd)

    def _keep(self, name: str, definition: dict[str, Any]) -> None:
        # As the service does: what is not told takes its default, capacity is derived from workers.
        derived = {
            "MaxCapacity": float(definition["NumberOfWorkers"]),
            "AllocatedCapacity": definition["NumberOfWorkers"],
        }
        self.jobs[name] = {"JobMode": "SCRIPT", "NonOverridableArguments": {}, **definition, **derived}

    def start_job_run(self, **_: Any) -> Any:
        return {"JobRunId": "jr_1"}

    def get_job_run(self, JobName: str, RunId: str) -> Any:
        found = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        return {"JobRun": {"Id": RunId, "JobName": JobName, **found}}

    def batch_stop_job_run(self, **_: Any) -> Any:
        return {}


class EmrServerless(Service):
    name = "emr-serverless"

    def __init__(self) -> None:
        super().__init__()
        self.applications: dict[str, dict[str, Any]] = {}
        self.runs: list[dict[str, Any]] = []

    def list_applications(self, **_: Any) -> Any:
        fields = ("id", "name", "arn", "releaseLabel", "type", "state", "createdAt", "updatedAt")
        told = [{**each, "id": each["applicationId"]} for each in self.applications.values()]
        return {"applications": [{key: each[key] for key in fields} for each in told]}

    def get_application(self, applicationId: str) -> Any:
        return {"application": self.applications[applicationId]}

    def create_application(self, clientToken: str, type: str, name: str, **settings: Any) -> Any:
        number = f"00app{len(self.applications)}"
        arn = f"arn:aws:emr-serverless:eu-west-1:111122223333:/applications/{number}"
        capacity = {"disk": "2000 GB", **settings["maximumCapacity"]}  # the service adds what was not told
        own = {"applicationId": number, "arn": arn, "state": "CREATED", "name": name, "type": "Spark"}
        self.applications[number] = {
            **own, **settings, "maximumCapacity": capacity, "createdAt": NOW, "updatedAt": NOW,
        }  # fmt: skip
        return {key: own[key] for key in ("applicationId", "name", "arn")}

    def update_application(self, applicationId: str, clientToken: str, **settings: Any) -> Any:
        found = self.applications[applicationId]
        if found["state"] not in ("CREATED", "STOPPED"):
            raise AwsError("ValidationException", "must be in CREATED or STOPPED")
        found.update(settings)
        return {"application": found}

    def tag_resource(self, resourceArn: str, tags: dict[str, str]) -> None:
        self.applications[resourceArn.rsplit("/", 1)[1]]["tags"].update(tags)

    def start_job_run(self, applicationId: str, **_: Any) -> Any:
        return {"applicationId": applicationId, "jobRunId": "00run", "arn": "arn:aws:emr-serverless:::x" + "y" * 60}

    def get_job_run(self, applicationId: str, jobRunId: str) -> Any:
        found = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        own = {"applicationId": applicationId, "jobRunId": jobRunId, "arn": "arn:aws:emr-serverless:::x" + "y" * 60}
        own |= {
            "createdBy": "arn:aws:iam::1" + "0" * 11 + ":user/x",
            "createdAt": NOW,
            "updatedAt": NOW,
            "executionRole": "arn:aws:iam::111122223333:role/j",
        }
        return {
            "jobRun": {
                **own,
                "stateDetails": "-",
                "releaseLabel": "emr-spark-8.1.0",
                "jobDriver": {"sparkSubmit": {"entryPoint": "x"}},
                **found,
            }
        }


class Emr(Service):
    name = "emr"

    def __init__(self) -> None:
        super().__init__()
        self.clusters: dict[str, dict[str, Any]] = {}
        self.steps: list[dict[str, Any]] = []

    def describe_cluster(self, ClusterId: str) -> Any:
        if ClusterId not in self.clusters:
            raise AwsError("InvalidRequestException", f"Cluster id '{ClusterId}' is not valid.")
        return {"Cluster": {"Id": ClusterId, **self.clusters[ClusterId]}}

    def add_job_flow_steps(self, **_: Any) -> Any:
        return {"StepIds": ["s-1"]}

    def describe_step(self, ClusterId: str, StepId: str) -> Any:
        found = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return {"Step": {"Id": StepId, "Status": found}}


class Logs(Service):
    """`streams[group][stream]` are the lines so far; a page holds two of them."""

    name = "logs"

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, dict[str, list[str]]] = {}

    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str, **_: Any) -> Any:
        if logGroupName not in self.streams:
            raise AwsError("ResourceNotFoundException")
        names = [name for name in self.streams[logGroupName] if name.startswith(logStreamNamePrefix)]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(self, logGroupName: str, logStreamName: str, nextToken: str = "0", **_: Any) -> Any:
        lines, at = self.streams[logGroupName][logStreamName], int(nextToken)
        page = lines[at : at + 2]
        return {"events": [{"message": line} for line in page], "nextForwardToken": str(at + len(page))}


@dataclass
class Account:
    """All control planes of one account; S3 is the real server of the tests, where one runs."""

    glue: Glue
    emr: Emr
    serverless: EmrServerless
    logs: Logs

    def client(self, service: str) -> Any:
        known = {each.name: each.client for each in (self.glue, self.emr, self.serverless, self.logs)}
        return known[service] if service in known else aws.client(service)


def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An empty account, which the modules of sluice.deploy speak to."""
    import importlib

    found = Account(Glue(), Emr(), EmrServerless(), Logs())
    for module in ("jobs", "clusters", "submit", "submit_glue", "submit_emr", "submit_serverless", "logs"):
        try:
            loaded = importlib.import_module(f"sluice.deploy.{module}")
        except ModuleNotFoundError:
            continue
        if hasattr(loaded, "client"):
            monkeypatch.setattr(loaded, "client", found.client)
    return found
