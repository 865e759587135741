"""The definition of a Glue job, as CreateJob and UpdateJob take it: environment and release -> request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment
from sluice.deploy.release import Lane
from sluice.deploy.sections import Glue
from sluice.deploy.spark import DELTA, conf_chain, encryption, merged
from sluice.errors import UsageError

DPU: Mapping[str, int] = {"G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}
"""Data processing units of one worker."""
MOST_ARGUMENT_BYTES = 260 << 10
# What GetJob tells and no definition of ours says: the service derives it, or it is a default.
DERIVED = frozenset({"AllocatedCapacity", "MaxCapacity", "ProfileName", "CreatedOn", "LastModifiedOn", "Name"})
DEFAULTS: Mapping[str, Any] = {"JobMode": "SCRIPT", "NonOverridableArguments": {}, "Connections": {"Connections": []}}


def job_update(environment: Environment, release: Deployable, job: str) -> dict[str, Any]:
    """The whole definition of `job` (JobUpdate): UpdateJob takes away what is not in it.

    Raises UsageError where the release lacks what the definition names.
    """
    glue = environment.section("glue")
    assert isinstance(glue, Glue)
    own, lane = environment.jobs[job], release.lane_for(f"Glue {glue.version}")
    arguments = {
        **_platform(environment, glue),
        **_dependencies(release, lane, glue),
        **{f"--{key}": value for key, value in environment.arguments(job).items()},
        # What the job estimates its cost from; with auto scaling it is the most that it may have.
        "--dpu": str(DPU[glue.workers.type] * glue.workers.count),
    }
    if environment.price_per_dpu_hour is not None:
        arguments["--price-per-dpu-hour"] = str(environment.price_per_dpu_hour)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in arguments.items())
    if size > MOST_ARGUMENT_BYTES:
        raise UsageError(f"job {job}: its arguments have {size} bytes, and Glue takes {MOST_ARGUMENT_BYTES}")
    update: dict[str, Any] = {
        "Description": f"sluice {release.version}: {own.script} {own.dataset or ''}".rstrip(),
        "Role": environment.role(job),
        "Command": {
            "Name": "glueetl",
            "PythonVersion": "3",
            "ScriptLocation": release.script(own.script),
        },
        "DefaultArguments": arguments,
        # One run at a time: a second one would only find that the dataset is held.
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "JobRunQueuingEnabled": False,
        # The ledger says what is left to do, so the next scheduled run is the retry.
        "MaxRetries": 0,
        "Timeout": glue.timeout_minutes,
        "GlueVersion": glue.version,
        "WorkerType": glue.workers.type,
        "NumberOfWorkers": glue.workers.count,
        "ExecutionClass": "STANDARD",
    }
    if glue.security_configuration:
        update["SecurityConfiguration"] = glue.security_configuration
    return update


def create_job(environment: Environment, release: Deployable, job: str) -> dict[str, Any]:
    """The request CreateJob."""
    return {
        "Name": environment.full_name(job),
        "Tags": environment.all_tags(),
        **job_update(environment, release, job),
    }


def update_job(environment: Environment, release: Deployable, job: str) -> dict[str, Any]:
    """The request UpdateJob; tags are not among it (TagResource)."""
    return {"JobName": environment.full_name(job), "JobUpdate": job_update(environment, release, job)}


def job_arn(environment: Environment, name: str) -> str:
    return f"arn:{environment.partition}:glue:{environment.region}:{environment.account}:job/{name}"


def _platform(environment: Environment, glue: Glue) -> dict[str, str]:
    conf = merged({**DELTA, **encryption(environment)}, glue.spark, "glue")
    arguments = {
        "--job-language": "python",
        "--job-bookmark-option": "job-bookmark-disable",
        "--datalake-formats": "delta",
        "--enable-glue-datacatalog": "true",
        "--enable-metrics": "true",
        "--enable-observability-metrics": "true",
        "--enable-continuous-cloudwatch-log": "true",
        "--conf": conf_chain(conf),
    }
    if glue.auto_scaling:
        arguments["--enable-auto-scaling"] = "true"
    if glue.log_group:
        arguments["--custom-logGroup-prefix"] = glue.log_group
    return arguments


def _dependencies(release: Deployable, lane: Lane, glue: Glue) -> dict[str, str]:
    """What the lane lacks on Glue, and the library, which pip takes from S3; it has no index to ask, and needs none.

    Glue's `--python-virtual-env` is not for us: it replaces the interpreter and all that Glue brings.
    """
    if glue.dependencies == "wheelhouse" and lane.wheelhouse:
        modules = [release.at(lane.wheelhouse)]
    else:
        modules = [release.at(path) for path in lane.wheels]
    if not modules:
        raise UsageError(f"release {release.version}: has no wheels for Glue {glue.version}; build it anew")
    return {
        "--additional-python-modules": ",".join([*modules, release.wheel]),
        # All versions are pinned, so that nothing has to be resolved, and the order does not matter.
        "--python-modules-installer-option": "--no-index --no-deps",
    }
