"""The templates of EMR steps: environment and release -> what AddJobFlowSteps takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment
from sluice.deploy.sections import Emr
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


def step(environment: Environment, release: Deployable, job: str) -> dict[str, Any]:
    """A step (StepConfig) whose Args end with the job's script; the job's arguments follow when it is submitted."""
    emr = environment.section("emr")
    assert isinstance(emr, Emr)
    ours = {
        **DELTA,
        **GLUE_CATALOG,
        **encryption(environment),
        # Cluster mode alone: only there is the archive unpacked before Python starts (SPARK-36088).
        "spark.archives": f"{release.environment_of(emr.release)}#{ARCHIVE}",
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON": PYTHON,
        "spark.executorEnv.PYSPARK_PYTHON": PYTHON,
        # A second attempt of YARN's would hide the first one's exit code; the next run is the retry.
        "spark.yarn.maxAppAttempts": "1",
        "spark.yarn.submit.waitAppCompletion": "true",
        "spark.yarn.tags": environment.full_name(job),
    }
    conf = merged({**ours, **sizes(emr.driver, emr.executor)}, emr.spark, "emr")
    words = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster", "--name", environment.full_name(job)]
    # YARN puts what of --py-files is no .py on the PYTHONPATH of the driver and of all executors under its own name, so
    # the wheel is imported as the zip that it is, from the bytes that were built (SPARK's yarn.Client, setupLaunchEnv).
    words += [*conf_words(conf), "--py-files", release.wheel, release.script(environment.jobs[job].script)]
    return {
        "Name": environment.full_name(job),
        "ActionOnFailure": emr.on_failure,
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": words},
    }


def templates(environment: Environment, release: Deployable) -> dict[str, Any]:
    """All jobs of the environment: `{job: {"step": StepConfig, "arguments": {...}}}`."""
    return {
        job: {"step": step(environment, release, job), "arguments": environment.arguments(job)}
        for job in sorted(environment.jobs)
    }


def add_steps(
    environment: Environment, template: Mapping[str, Any], cluster: str, own: Mapping[str, str]
) -> dict[str, Any]:
    """The request AddJobFlowSteps of one job; `own` are the run's arguments, which go before the template's."""
    emr = environment.section("emr")
    assert isinstance(emr, Emr)
    told = template["step"]
    words = [*told["HadoopJarStep"]["Args"], *argument_words({**template["arguments"], **own})]
    request: dict[str, Any] = {
        "JobFlowId": cluster,
        "Steps": [{**told, "HadoopJarStep": {**told["HadoopJarStep"], "Args": words}}],
    }
    return {**request, "ExecutionRoleArn": emr.runtime_role} if emr.runtime_role else request
