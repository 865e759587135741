"""EMR Serverless: an application's settings, and the template of a job run: environment and release -> requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment
from sluice.deploy.sections import Serverless
from sluice.deploy.spark import (
    ARCHIVE,
    DELTA,
    GLUE_CATALOG,
    PYTHON,
    argument_words,
    conf_words,
    encryption,
    merged,
    sizes,
)
from sluice.errors import UsageError

MOST_PARAMETERS, MOST_ARGUMENTS = 102_400, 1024


def section(environment: Environment) -> Serverless:
    found = environment.section("emr-serverless")
    assert isinstance(found, Serverless)
    return found


def application(environment: Environment) -> dict[str, Any]:
    """The settings that CreateApplication and UpdateApplication share; both want a clientToken, too."""
    own = section(environment)
    maximum = {"cpu": own.maximum.cpu, "memory": own.maximum.memory}
    if own.maximum.disk:
        maximum["disk"] = own.maximum.disk
    settings: dict[str, Any] = {
        "releaseLabel": own.release,
        "architecture": "X86_64",  # what the release's native libraries are built for
        "maximumCapacity": maximum,
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": own.idle_minutes},
    }
    if own.network:
        settings["networkConfiguration"] = {
            "subnetIds": list(own.network.subnets),
            "securityGroupIds": list(own.network.security_groups),
        }
    return settings


def create_application(environment: Environment, token: str) -> dict[str, Any]:
    """The request CreateApplication; `token` makes a repeated call one."""
    return {
        "name": section(environment).application,
        "type": "SPARK",
        "tags": environment.all_tags(),
        "clientToken": token,
        **application(environment),
    }


def update_application(environment: Environment, application_id: str, token: str) -> dict[str, Any]:
    """The request UpdateApplication; name, type and tags are not among it."""
    return {"applicationId": application_id, "clientToken": token, **application(environment)}


def job_run(environment: Environment, release: Deployable, job: str) -> dict[str, Any]:
    """StartJobRun without application, token and arguments, which are told when the job is submitted."""
    own = section(environment)
    ours = {
        **DELTA,
        **GLUE_CATALOG,
        **encryption(environment),
        "spark.jars": own.delta_jars,
        "spark.archives": f"{release.environment_of(own.release)}#{ARCHIVE}",
        "spark.submit.pyFiles": release.wheel,
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": PYTHON,
        "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": PYTHON,
        "spark.executorEnv.PYSPARK_PYTHON": PYTHON,
        # Executors get the wheel as a file, and look for modules only in zip, egg and jar, so they are told.
        "spark.executorEnv.PYTHONPATH": f"./{release.wheel.rsplit('/', 1)[1]}",
    }
    parameters = " ".join(conf_words(merged({**ours, **sizes(own.driver, own.executor)}, own.spark, "emr-serverless")))
    if len(parameters) > MOST_PARAMETERS:
        raise UsageError(f"job {job}: its Spark parameters have {len(parameters)} characters of {MOST_PARAMETERS}")
    return {
        "name": environment.full_name(job),
        "executionRoleArn": environment.role(job),
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": release.script(environment.jobs[job].script),
                "sparkSubmitParameters": parameters,
            }
        },
        "configurationOverrides": {"monitoringConfiguration": _monitoring(environment, own)},
        "executionTimeoutMinutes": own.timeout_minutes,
        "retryPolicy": {"maxAttempts": 1},
        "tags": environment.all_tags(),
    }


def templates(environment: Environment, release: Deployable) -> dict[str, Any]:
    """All jobs of the environment: `{job: {"run": StartJobRun, "arguments": {...}}}`."""
    return {
        job: {"run": job_run(environment, release, job), "arguments": environment.arguments(job)}
        for job in sorted(environment.jobs)
    }


def start_job_run(
    template: Mapping[str, Any], application_id: str, own: Mapping[str, str], token: str
) -> dict[str, Any]:
    """The request StartJobRun of one job; `own` are the run's arguments, which go before the template's."""
    told = template["run"]
    words = argument_words({**template["arguments"], **own})
    if len(words) > MOST_ARGUMENTS:
        raise UsageError(f"{len(words)} words of arguments, and EMR Serverless takes {MOST_ARGUMENTS}; give fewer")
    spark = {**told["jobDriver"]["sparkSubmit"], "entryPointArguments": words}
    return {**told, "applicationId": application_id, "clientToken": token, "jobDriver": {"sparkSubmit": spark}}


def _monitoring(environment: Environment, own: Serverless) -> dict[str, Any]:
    key = {"encryptionKeyArn": environment.kms_key} if environment.kms_key else {}
    told: dict[str, Any] = {
        "cloudWatchLoggingConfiguration": {
            "enabled": True,
            "logGroupName": own.log_group,
            "logStreamNamePrefix": f"sluice-{environment.name}",
            "logTypes": {"SPARK_DRIVER": ["STDOUT", "STDERR"]},
            **key,
        }
    }
    if own.log_uri:
        told["s3MonitoringConfiguration"] = {"logUri": own.log_uri + "/", **key}
    return told
