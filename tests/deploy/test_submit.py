"""Runs are started, followed through every state, and end with the job's own exit code."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from control_planes import Account, AwsError, account
from environment_files import environment, release
from sluice.deploy import clusters, submit, submit_emr, submit_glue, submit_serverless, templates
from sluice.deploy.environments import Environment
from sluice.deploy.submit import EXIT_CODES, Outcome, Seen, exit_code, follow, job_arguments
from sluice.deploy.submit_emr import EmrSteps
from sluice.deploy.submit_glue import GlueRuns
from sluice.deploy.submit_serverless import ServerlessRuns
from sluice.errors import DatasetBusyError, SluiceError, StorageDenied, UsageError
from sluice.runtime.storage import storage_for
from submission import local
from submission.__main__ import main
from submission.arguments import parse

pytestmark = pytest.mark.lane("spark-4.1")

JOB = "curate-app-messages"
RUN = "jr_1"
GROUP = "/sluice/dev/output"


def summary(code: int = 0) -> str:
    return json.dumps({"job": "curate", "run_id": "r", "batches": 1, "seconds": 1.0, "steps": {}, "exit_code": code})


class Heard:
    """What a person would have read; `slept` is how long was waited, one by one."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.lines: list[str] = []
        self.slept: list[float] = []

    def state(self, seen: Seen) -> None:
        self.states.append(seen.state)

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def planes(monkeypatch: pytest.MonkeyPatch) -> Account:
    return account(monkeypatch)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def followed(remote: submit.Remote, run: str, heard: Heard) -> Outcome:
    """Follow on a clock that only waiting moves."""
    return follow(remote, run, heard, heard.slept.append, lambda: sum(heard.slept))


def states(*names: str) -> list[dict[str, Any]]:
    return [{"JobRunState": name} for name in names]


def test_a_glue_run_is_followed_to_its_end_and_its_summary_is_the_answer(planes: Account, heard: Heard) -> None:
    remote = GlueRuns(environment(), JOB, {"since": "2017-11-26"})
    assert remote.start() == RUN
    name = "sluice-dev-curate-app-messages"
    assert planes.glue.asked("StartJobRun") == [{"JobName": name, "Arguments": {"--since": "2017-11-26"}}]
    planes.glue.runs = states("WAITING", "STARTING", "RUNNING", "RUNNING", "STOPPING", "SUCCEEDED")
    planes.logs.streams[GROUP] = {
        RUN: ["listing", "staging: 3 of 4", "no summary: {}", summary()],
        f"{RUN}-1": ["an executor"],
        "jr_2": ["another run"],
    }
    outcome = followed(remote, RUN, heard)
    assert outcome == Outcome(outcome.seen, summary(), 0)
    assert heard.states == ["WAITING", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED"]
    assert heard.lines == ["listing", "staging: 3 of 4", "no summary: {}"]


def test_lines_are_told_once_as_they_come(planes: Account, heard: Heard) -> None:
    remote = GlueRuns(environment(), JOB, {})
    lines: list[str] = []
    planes.logs.streams[GROUP] = {f"{RUN}-driver": lines}
    told = []
    for more in (["a"], [], ["b", "c", "d"], ["e"]):
        lines += more
        told.append(list(remote.lines(RUN)))
    assert told == [["a"], [], ["b", "c", "d"], ["e"]]


def test_the_waits_grow_have_an_end_and_are_short_again_after_a_change(planes: Account, heard: Heard) -> None:
    planes.glue.runs = states(*["STARTING"] * 12, "RUNNING", "RUNNING", "SUCCEEDED")
    planes.logs.streams[GROUP] = {RUN: [summary()]}
    followed(GlueRuns(environment(), JOB, {}), RUN, heard)
    starting, running = heard.slept[:12], heard.slept[12:]
    assert starting == sorted(starting)
    assert (starting[0], starting[-1]) == (2.0, 30.0)
    assert running[0] == 2.0


@pytest.mark.parametrize(
    ("code", "expected"), [("ThrottlingException", []), ("OperationTimeoutException", []), ("SomethingNew", ["again"])]
)
def test_throttling_and_passing_errors_are_waited_out(
    planes: Account, heard: Heard, code: str, expected: list[str]
) -> None:
    planes.glue.refuse["GetJobRun"] = [AwsError(code) for _ in range(3)]
    planes.glue.runs = states("SUCCEEDED")
    planes.logs.streams[GROUP] = {RUN: [summary()]}
    assert followed(GlueRuns(environment(), JOB, {}), RUN, heard).exit_code == 0
    assert bool(heard.lines) == bool(expected)
    assert 2.0 < heard.slept[0] < heard.slept[1] < heard.slept[2]


def test_what_does_not_pass_ends_the_following(planes: Account, heard: Heard) -> None:
    planes.glue.refuse["GetJobRun"] = [AwsError("ThrottlingException") for _ in range(99)]
    with pytest.raises(SluiceError, match="run again later"):
        followed(GlueRuns(environment(), JOB, {}), RUN, heard)
    planes.glue.refuse["GetJobRun"] = [AwsError("AccessDeniedException")]
    with pytest.raises(StorageDenied):
        followed(GlueRuns(environment(), JOB, {}), RUN, heard)
    planes.glue.refuse["GetJobRun"] = [AwsError("EntityNotFoundException")]
    with pytest.raises(UsageError, match="expected it, found none"):
        followed(GlueRuns(environment(), JOB, {}), RUN, heard)


def test_a_second_run_of_a_glue_job_is_told_as_a_held_dataset_is(planes: Account) -> None:
    planes.glue.refuse["StartJobRun"] = [AwsError("ConcurrentRunsExceededException")]
    with pytest.raises(DatasetBusyError, match="another run of it is at work") as error:
        GlueRuns(environment(), JOB, {}).start()
    assert error.value.exit_code == 4


def test_a_log_that_cannot_be_read_costs_the_summary_and_not_the_run(planes: Account, heard: Heard) -> None:
    planes.glue.runs = states("RUNNING", "FAILED")
    planes.logs.refuse["DescribeLogStreams"] = [AwsError("AccessDeniedException")]
    outcome = followed(GlueRuns(environment(), JOB, {}), RUN, heard)
    assert (outcome.summary, outcome.exit_code) == (None, 1)
    assert len(heard.lines) == 1
    assert "the log cannot be read" in heard.lines[0]


def test_a_summary_that_comes_late_is_waited_for_but_not_for_ever(planes: Account, heard: Heard) -> None:
    planes.glue.runs = states("SUCCEEDED")
    lines = ["not yet"]
    planes.logs.streams[GROUP] = {RUN: lines}
    late: Callable[[float], None] = lambda s: (heard.slept.append(s), lines.append(summary(3)))[0]  # noqa: E731
    found = follow(GlueRuns(environment(), JOB, {}), RUN, heard, late, lambda: sum(heard.slept))
    assert (found.summary, found.exit_code) == (summary(3), 3)
    planes.logs.streams[GROUP] = {RUN: ["never"]}
    again = Heard()
    assert followed(GlueRuns(environment(), JOB, {}), RUN, again).summary is None
    assert sum(again.slept) <= 64


@pytest.mark.parametrize("own", [0, 1, 2, 3, 4, 5])
def test_the_exit_code_is_the_jobs_own(own: int) -> None:
    kind: submit.Kind = "failed" if own else "succeeded"
    assert exit_code(Seen("X", kind), summary(own)) == own


def test_without_a_summary_the_state_is_mapped_and_a_failure_after_a_good_summary_is_one() -> None:
    assert {kind: exit_code(Seen("X", kind), None) for kind in EXIT_CODES} == EXIT_CODES
    assert EXIT_CODES == {"succeeded": 0, "failed": 1, "cancelled": 130, "timed out": 124}
    assert exit_code(Seen("TIMEOUT", "timed out"), summary(0)) == 124
    assert exit_code(Seen("FAILED", "failed"), summary(0)) == 1


@pytest.mark.parametrize(
    ("service", "shape", "known"),
    [
        ("glue", "JobRunState", submit_glue.STATES),
        ("emr", "StepState", submit_emr.STATES),
        ("emr-serverless", "JobRunState", submit_serverless.STATES),
    ],
)
def test_every_state_that_a_service_has_means_something(service: str, shape: str, known: dict[str, str]) -> None:
    assert set(botocore.session.get_session().get_service_model(service).shape_for(shape).enum) == set(known)


def test_the_cost_of_a_glue_run_is_what_glue_reported_and_the_environments_price(planes: Account) -> None:
    def told(own: Environment, **run: Any) -> str:
        planes.glue.runs = [{"JobRunState": "SUCCEEDED", **run}]
        return GlueRuns(own, JOB, {}).look(RUN).cost

    own = environment()
    assert told(own, ExecutionTime=90, MaxCapacity=2.0) == "180 DPU seconds in 90 s, about 0.022"
    assert told(own, ExecutionTime=20, MaxCapacity=2.0) == "120 DPU seconds in 20 s, about 0.015"  # a minute at least
    scaled = told(own, DPUSeconds=7200.0, ExecutionTime=900, MaxCapacity=99.0)
    assert scaled == "7,200 DPU seconds in 900 s, about 0.880"
    assert told(environment(price_per_dpu_hour=None), ExecutionTime=90, MaxCapacity=2.0) == "180 DPU seconds in 90 s"
    assert told(own) == ""


def test_the_cost_of_a_serverless_run_is_what_is_billed(planes: Account) -> None:
    billed = {"vCPUHour": 0.5, "memoryGBHour": 2.0, "storageGBHour": 0.0}
    planes.serverless.runs = [{"state": "SUCCESS", "billedResourceUtilization": billed}, {"state": "RUNNING"}]
    remote = ServerlessRuns(environment(), JOB, {})
    assert [remote.look("a/b").cost for _ in range(2)] == ["0.500 vCPU hours, 2.000 GB hours", ""]


def deployed(planes: Account, s3_lake: str) -> Environment:
    """An environment whose templates, application and cluster are there."""
    own = environment(artifacts=f"{s3_lake}/artifacts", lake=f"{s3_lake}/lake", region="us-east-1")
    for target in ("emr", "emr-serverless"):
        templates.apply(own, release(own), target, None)  # type: ignore[arg-type]
    clusters.apply(own, clusters.planned(own))
    delta = [{"Classification": "delta-defaults", "Properties": {"delta.enabled": "true"}}]
    planes.emr.clusters["j-2AXXXXXXGAPLF"] = {
        "ReleaseLabel": "emr-spark-8.1.0", "Status": {"State": "WAITING"}, "Configurations": delta,
        "LogUri": f"s3n://{s3_lake.removeprefix('s3://')}/logs/",
    }  # fmt: skip
    return own


def test_a_serverless_run_passes_its_arguments_and_ends_with_the_jobs_code(
    planes: Account, s3_lake: str, heard: Heard
) -> None:
    remote = ServerlessRuns(deployed(planes, s3_lake), JOB, {"dry-run": "true"})
    run = remote.start()
    assert run == "00app0/00run"
    [request] = planes.serverless.asked("StartJobRun")
    assert request["jobDriver"]["sparkSubmit"]["entryPointArguments"][-2:] == ["--dry-run", "true"]
    names = ("SUBMITTED", "PENDING", "QUEUED", "SCHEDULED", "RUNNING", "FAILED")
    planes.serverless.runs = [{"state": name} for name in names]
    root = "sluice-dev/applications/00app0/jobs/00run"
    planes.logs.streams["/sluice/dev/serverless"] = {
        f"{root}/SPARK_DRIVER/stdout": [summary(3)], f"{root}/SPARK_EXECUTOR/1/stdout": ["no"],
    }  # fmt: skip
    outcome = followed(remote, run, heard)
    assert (outcome.summary, outcome.exit_code) == (summary(3), 3)
    assert heard.states == list(names)
    assert heard.lines == []


def test_a_serverless_run_that_ran_too_long_is_told_from_one_that_was_cancelled(planes: Account) -> None:
    for why, kind in (("Job run timed out: Timeout reached", "timed out"), ("by user", "cancelled")):
        planes.serverless.runs = [{"state": "CANCELLED", "stateDetails": why}]
        assert ServerlessRuns(environment(), JOB, {}).look("a/b").kind == kind


def test_a_step_is_followed_and_its_drivers_log_found_in_s3(planes: Account, s3_lake: str, heard: Heard) -> None:
    own = deployed(planes, s3_lake)
    remote = EmrSteps(own, JOB, {"dry-run": "true"}, "j-2AXXXXXXGAPLF")
    run = remote.start()
    assert run == "j-2AXXXXXXGAPLF/s-1"
    planes.emr.steps = [{"State": name} for name in ("PENDING", "RUNNING", "CANCEL_PENDING", "FAILED")]
    logs, name = f"{s3_lake}/logs/j-2AXXXXXXGAPLF", "application_1700000000000_0007"
    files = {
        "steps/s-1/stderr.gz": f"INFO Submitted application {name}\n",
        f"containers/{name}/container_1_000001/stderr.gz": "12:00:00 stage\n",
        f"containers/{name}/container_1_000001/stdout.gz": summary(4) + "\n",
        f"containers/{name}/container_1_000002/stdout.gz": "an executor\n",
        "containers/application_9_0001/container_1_000001/stdout.gz": "another run\n",
    }
    for path, text in files.items():
        storage_for(logs).put(f"{logs}/{path}", gzip.compress(text.encode()))
    outcome = followed(remote, run, heard)
    assert (outcome.summary, outcome.exit_code) == (summary(4), 4)
    assert heard.lines == ["12:00:00 stage"]
    assert heard.states == ["PENDING", "RUNNING", "CANCEL_PENDING", "FAILED"]


def test_an_interrupted_step_is_over_and_says_why(planes: Account, heard: Heard) -> None:
    planes.emr.steps = [{"State": "INTERRUPTED", "StateChangeReason": {"Message": "cluster ended"}}]
    seen = EmrSteps(environment(), JOB, {}, None).look("j-1/s-1")
    assert (seen.kind, seen.why) == ("cancelled", "cluster ended")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--since", "2017-11-26", "--dry-run", "true"], {"since": "2017-11-26", "dry-run": "true"}),
        (["--max-batch-bytes=1g"], {"max-batch-bytes": "1g"}),
        (["--reason", "-"], {"reason": "-"}),
    ],
)
def test_arguments_of_a_job_are_pairs(words: list[str], found: dict[str, str]) -> None:
    assert job_arguments(words) == found


def test_arguments_that_glue_could_not_pass_on_are_refused_all_at_once_and_secrets_unshown() -> None:
    words = [
        "stray",
        "--dry-run",
        "--since",
        "x",
        "--since",
        "y",
        "--JOB_NAME",
        "z",
        "--db-password",
        "hunter2",
        "--last",
    ]
    with pytest.raises(UsageError) as error:
        job_arguments(words)
    told = str(error.value).splitlines()
    assert told[0] == "the job's arguments: 6 problems"
    assert [re.findall(r"`stray`|--[\w-]+", line)[0] for line in told[1:]] == [
        "`stray`", "--dry-run", "--since", "--JOB_NAME", "--db-password", "--last",
    ]  # fmt: skip
    assert "hunter2" not in str(error.value)


def written(tmp_path: Path, own: Environment | None = None) -> str:
    file = tmp_path / "dev.yaml"
    file.write_text(yaml.safe_dump((own or environment()).model_dump(by_alias=True)), encoding="utf-8")
    return str(file)


def test_the_command_ends_with_the_jobs_code_and_its_summary_is_the_last_line(
    planes: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    planes.glue.runs = [{"JobRunState": "FAILED", "ErrorMessage": "SystemExit: 3"}]
    planes.logs.streams[GROUP] = {RUN: ["at work", summary(3)]}
    assert main(["--target", "glue", "--env", written(tmp_path), JOB]) == 3
    told = capsys.readouterr()
    assert told.out == summary(3) + "\n"
    assert "FAILED (SystemExit: 3)" in told.err
    assert "  | at work" in told.err


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back_and_how_to_cancel(
    planes: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    env = written(tmp_path)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(submit.time, "sleep", interrupted)
    monkeypatch.setattr("submission.__main__.follow", lambda r, run, t: follow(r, run, t, interrupted))
    planes.glue.runs = states("RUNNING")
    planes.logs.streams[GROUP] = {}
    assert main(["--target", "glue", "--env", env, JOB]) == 130
    told = capsys.readouterr().err
    assert f"come back: scripts/submit --target glue --env {env} --follow jr_1 {JOB}" in told
    assert f"cancel:    scripts/submit --target glue --env {env} --cancel jr_1 {JOB}" in told
    assert not planes.glue.asked("BatchStopJobRun")
    monkeypatch.undo()


def test_a_run_can_be_left_come_back_to_and_cancelled(
    planes: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    words = ["--target", "glue", "--env", written(tmp_path)]
    assert main([*words, "--no-wait", JOB, "--dry-run", "true"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == RUN
    planes.glue.runs = states("SUCCEEDED")
    planes.logs.streams[GROUP] = {RUN: [summary()]}
    assert main([*words, "--follow", RUN, JOB]) == 0
    assert len(planes.glue.asked("StartJobRun")) == 1
    assert main([*words, "--cancel", RUN, JOB]) == 0
    assert planes.glue.asked("BatchStopJobRun")[0]["JobRunIds"] == [RUN]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "glue", JOB], "needs --env FILE"),
        (["--target", "glue", "--env", "{env}", "curate-app-mesages"], "(did you mean `curate-app-messages`?)"),
        (["--target", "local", "--no-wait", "curate"], "a local one ends with the command"),
        (["--target", "local", "currate"], "found none (did you mean `curate`?)"),
        (["--target", "glue", "--env", "{env}", "--follow", "x", JOB, "--a", "b"], "it runs already"),
        (["--target", "local", "curate", "--dry-run"], "flags take one, too: --dry-run true"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused_before_anything_is_started(
    planes: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    env = written(tmp_path)
    assert main([word.format(env=env) if "{" in word else word for word in words]) == 2
    assert told in capsys.readouterr().err
    assert not planes.glue.calls


def test_a_local_run_gets_the_same_arguments_and_its_code_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = parse(["--target", "local", "--env", written(tmp_path), JOB, "--lake", "./lake", "--dry-run", "true"])
    assert local.command(order)[2:] == [
        "--lake", "./lake", "--dataset", "app_messages", "--max-batch-bytes", "1g", "--dry-run", "true",
    ]  # fmt: skip
    bare = parse(["--target", "local", "curate", "--lake", "./lake", "--dataset", "app_messages"])
    assert local.command(bare)[0] == "spark-submit"
    assert local.command(bare)[1].endswith("jobs/curate.py")
    started = subprocess.Popen
    monkeypatch.setattr(local.subprocess, "Popen", lambda _: started([sys.executable, "-c", "raise SystemExit(3)"]))
    assert local.run(bare) == 3
