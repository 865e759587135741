"""What Glue, EMR and EMR Serverless are asked for: valid to botocore's own models, and of one release."""

from __future__ import annotations

import functools
import json
import shlex
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from environment_files import environment, release
from sluice.deploy import emr, glue, serverless
from sluice.deploy.environments import Environment
from sluice.deploy.spark import DELTA, PYTHON
from sluice.errors import UsageError
from sluice.runtime import session

JOB = "curate-app-messages"
EXAMPLES = ("dev", "prod")


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def refused(service: str, operation: str, request: dict[str, Any]) -> str:
    """What botocore's model of the service has against a request; empty where nothing."""
    model = _model(service).operation_model(operation)
    return str(ParamValidator().validate(request, model.input_shape).generate_report())


def emr_on(label: str) -> Environment:
    return environment(emr={"release": label, "runtime_role": "arn:aws:iam::111122223333:role/steps"})


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("version", ["5.1", "6.0"])
def test_the_requests_for_a_glue_job_are_valid(name: str, version: str) -> None:
    own = environment(name, glue={**environment(name).glue.model_dump(), "version": version})  # type: ignore[union-attr]
    assert refused("glue", "CreateJob", glue.create_job(own, release(own), JOB)) == ""
    assert refused("glue", "UpdateJob", glue.update_job(own, release(own), JOB)) == ""


def test_botocore_would_tell_a_wrong_request() -> None:
    own = environment()
    request = {**glue.create_job(own, release(own), JOB), "Timeout": "60", "Tag": {}}
    told = refused("glue", "CreateJob", request)
    assert "Timeout" in told
    assert '"Tag"' in told


def test_a_glue_job_is_pinned_limited_and_of_one_release() -> None:
    own = environment("prod")
    job = glue.job_update(own, release(own), JOB)
    assert (job["GlueVersion"], job["Command"]["Name"], job["Command"]["PythonVersion"]) == ("6.0", "glueetl", "3")
    assert (job["ExecutionProperty"], job["MaxRetries"], job["Timeout"]) == ({"MaxConcurrentRuns": 1}, 0, 120)
    assert (job["WorkerType"], job["NumberOfWorkers"], job["SecurityConfiguration"]) == ("G.1X", 10, "sluice-prod")
    assert "MaxCapacity" not in job
    arguments = job["DefaultArguments"]
    assert arguments["--datalake-formats"] == "delta"
    assert arguments["--enable-glue-datacatalog"] == "true"
    assert arguments["--custom-logGroup-prefix"] == "/sluice/prod"
    assert (arguments["--dataset"], arguments["--max-batch-bytes"]) == ("app_messages", "4g")
    named = [word for word in json.dumps(job).replace(",", '"').split('"') if "/sluice/0." in word]
    assert len(named) >= 3
    assert all(word.startswith("s3://example-sluice-artifacts/prod/sluice/0.2.0/") for word in named)
    assert "MaxCapacity" not in glue.create_job(own, release(own), JOB)


def test_every_argument_of_a_glue_job_has_a_value_and_its_conf_is_one_text() -> None:
    arguments = glue.job_update(environment("prod"), release(environment("prod")), JOB)["DefaultArguments"]
    assert all(key.startswith("--") and value for key, value in arguments.items())
    words = shlex.split("--conf " + arguments["--conf"])
    assert words[::2] == ["--conf"] * (len(words) // 2)
    conf = dict(word.split("=", 1) for word in words[1::2])
    assert conf.items() >= DELTA.items()
    assert conf["spark.hadoop.fs.s3a.encryption.algorithm"] == "SSE-KMS"


def test_what_a_session_cannot_set_itself_comes_with_every_job() -> None:
    assert session._STATIC == DELTA


def test_glue_installs_what_its_lane_lacks_and_asks_nobody_on_the_internet() -> None:
    uri = "s3://example-sluice-artifacts/dev/sluice/0.2.0"
    wheel = f"{uri}/sluice-0.2.0-py3-none-any.whl"
    for version, lane in (("6.0", "spark-4.1"), ("5.1", "spark-3.5")):
        own = environment(glue={"version": version})
        arguments = glue.job_update(own, release(own), JOB)["DefaultArguments"]
        modules = arguments["--additional-python-modules"].split(",")
        assert modules == [f"{uri}/lanes/{lane}/wheels.gluewheels.zip", wheel]
        assert "--no-index" in arguments["--python-modules-installer-option"].split()
        assert "--python-virtual-env" not in arguments
    single = environment(glue={"version": "5.1", "dependencies": "wheels"})
    modules = glue.job_update(single, release(single), JOB)["DefaultArguments"]["--additional-python-modules"]
    assert modules.split(",") == [f"{uri}/lanes/spark-3.5/wheels/msgspec-1-cp311.whl", wheel]


def test_an_archive_that_the_release_lacks_is_told_before_anything_is_sent() -> None:
    own = environment(emr={"release": "emr-7.13.0"})
    with pytest.raises(UsageError, match=r"has no environment archive for emr-7\.13\.0"):
        emr.templates(own, release(own))


def test_a_runtime_that_no_lane_runs_on_is_told_with_those_that_it_runs_on() -> None:
    own = environment()
    assert release(own).lane_for("emr-7.13.0") == release(own).manifest.lanes["spark-3.5"]
    assert release(own).lane_for("emr-7.14.2") == release(own).manifest.lanes["spark-3.5"]
    for runtime in ("emr-7.11.0", "emr-7.15.0", "emr-spark-8.0.0", "emr-6.13.0", "Glue 5.0"):
        with pytest.raises(UsageError, match=f"runs on Glue 6.0, .* and not on {runtime}"):
            release(own).lane_for(runtime)


def test_a_script_that_the_release_lacks_is_told_with_the_one_it_has() -> None:
    own = environment(jobs={"x": {"script": "currate", "dataset": "app_messages"}})
    with pytest.raises(UsageError, match=r"jobs/currate.py, found none \(did you mean `jobs/curate.py`\?\)"):
        glue.job_update(own, release(own), "x")


def test_an_emr_step_is_valid_and_passes_its_arguments_as_pairs_after_the_script() -> None:
    own = emr_on("emr-spark-8.1.0")
    template = emr.templates(own, release(own))[JOB]
    request = emr.add_steps(own, template, "j-2AXXXXXXGAPLF", {"max-batch-bytes": "2g", "since": "2017-11-26"})
    assert refused("emr", "AddJobFlowSteps", request) == ""
    assert request["ExecutionRoleArn"] == "arn:aws:iam::111122223333:role/steps"
    words = request["Steps"][0]["HadoopJarStep"]["Args"]
    script = words.index("s3://example-sluice-artifacts/dev/sluice/0.2.0/jobs/curate.py")
    assert words[:5] == ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster"]
    assert words[script + 1 :] == [
        "--lake", "s3://example-sluice-lake/dev", "--dataset", "app_messages",
        "--max-batch-bytes", "2g", "--since", "2017-11-26",
    ]  # fmt: skip
    conf = dict(words[k + 1].split("=", 1) for k, word in enumerate(words[:script]) if word == "--conf")
    assert conf.items() >= DELTA.items()
    assert conf["spark.archives"].endswith("lanes/spark-4.1/environment.tar.gz#environment")
    assert conf["spark.yarn.appMasterEnv.PYSPARK_PYTHON"] == conf["spark.executorEnv.PYSPARK_PYTHON"] == PYTHON
    assert conf["spark.yarn.maxAppAttempts"] == "1"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_requests_for_emr_serverless_are_valid(name: str) -> None:
    own = environment(name)
    assert refused("emr-serverless", "CreateApplication", serverless.create_application(own, "token")) == ""
    assert refused("emr-serverless", "UpdateApplication", serverless.update_application(own, "00abc", "token")) == ""
    template = serverless.templates(own, release(own))[JOB]
    request = serverless.start_job_run(template, "00abc", {"dry-run": "true"}, "token")
    assert refused("emr-serverless", "StartJobRun", request) == ""
    spark = request["jobDriver"]["sparkSubmit"]
    assert spark["entryPointArguments"][-2:] == ["--dry-run", "true"]
    words = shlex.split(spark["sparkSubmitParameters"])
    conf = dict(word.split("=", 1) for word in words[1::2])
    assert words[::2] == ["--conf"] * len(conf)
    assert conf.items() >= DELTA.items()
    assert spark["entryPoint"].endswith("/0.2.0/jobs/curate.py")
    assert conf["spark.submit.pyFiles"].endswith("/" + conf["spark.executorEnv.PYTHONPATH"].removeprefix("./"))
    assert conf["spark.emr-serverless.driverEnv.PYSPARK_PYTHON"] == conf["spark.executorEnv.PYSPARK_PYTHON"] == PYTHON
    assert request["executionRoleArn"] == own.roles.job
    assert request["retryPolicy"] == {"maxAttempts": 1}


def test_a_template_and_its_release_are_not_changed_by_a_run() -> None:
    own = environment()
    template = serverless.templates(own, release(own))[JOB]
    before = json.dumps(template)
    serverless.start_job_run(template, "00abc", {"dry-run": "true"}, "token")
    assert json.dumps(template) == before


def test_the_environment_cannot_take_away_what_a_job_depends_on() -> None:
    own = environment(glue={"version": "6.0", "spark": {"spark.sql.extensions": "other"}})
    with pytest.raises(UsageError, match=r"sets spark\.sql\.extensions, which the job depends on"):
        glue.job_update(own, release(own), JOB)
    fine = environment(glue={"version": "6.0", "spark": {"spark.sql.shuffle.partitions": "64"}})
    assert (
        "--conf spark.sql.shuffle.partitions=64"
        in glue.job_update(fine, release(fine), JOB)["DefaultArguments"]["--conf"]
    )


def test_arguments_that_are_too_large_for_glue_are_told() -> None:
    jobs = {JOB: {"script": "curate", "dataset": "app_messages", "arguments": {"x": "y" * (260 << 10)}}}
    own = environment(jobs=jobs)
    with pytest.raises(UsageError, match="and Glue takes 266240"):
        glue.job_update(own, release(own), JOB)
