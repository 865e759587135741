"""Deploying: what is shown is what is done, and whatever happens, a job names one whole release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from control_planes import Account, AwsError, account
from deployment.__main__ import main
from environment_files import built, contents, environment
from sluice.deploy import deployment, pointer, templates
from sluice.deploy.deployment import Source, apply, built_release, check_bucket, make_plan, uploaded_release
from sluice.deploy.environments import Environment, Target
from sluice.deploy.plan import Plan, rendered
from sluice.deploy.upload import upload
from sluice.errors import SluiceError, StorageDenied, UsageError
from sluice.runtime import aws
from sluice.runtime.storage import storage_for
from support.s3 import S3Server

pytestmark = pytest.mark.lane("spark-4.1")

JOB = "curate-app-messages"
NAME = f"sluice-dev-{JOB}"


@pytest.fixture
def planes(monkeypatch: pytest.MonkeyPatch) -> Account:
    return account(monkeypatch)


@pytest.fixture
def own(s3_lake: str) -> Environment:
    return environment(artifacts=f"{s3_lake}/artifacts", lake=f"{s3_lake}/lake", region="us-east-1")


def deploy(
    own: Environment, source: Source, target: Target = "glue", bring: Callable[[Path, str], Any] = upload
) -> Plan:
    plan, _ = make_plan(own, source, target)
    apply(own, source, target, plan, bring)
    return plan


def script(planes: Account) -> str:
    return str(planes.glue.jobs[NAME]["Command"]["ScriptLocation"])


def objects(own: Environment) -> list[str]:
    return [
        each.uri.removeprefix(own.artifacts + "/sluice/") for each in storage_for(own.artifacts).list(own.artifacts)
    ]


def test_a_plan_writes_nothing_and_a_deployment_leaves_nothing_to_plan(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    source = built_release(own, built(tmp_path / "r"))
    plan, _ = make_plan(own, source, "glue")
    assert [each.kind for each in plan.items] == ["create"]
    assert plan.upload is not None
    assert plan.upload[0] == len(contents("0.2.0")) + 1
    assert not planes.glue.jobs
    assert not objects(own)
    apply(own, source, "glue", plan, upload)
    assert script(planes) == f"{own.artifacts}/sluice/0.2.0/jobs/curate.py"
    assert planes.glue.tags[NAME] == {"stage": "dev", "sluice": "dev"}
    again, _ = make_plan(own, built_release(own, tmp_path / "r"), "glue")
    assert again.nothing
    assert rendered(again).splitlines()[-1] == "nothing to change"
    assert not [path for path in objects(own) if "lock" in path]


def test_a_change_is_shown_field_by_field_and_only_it_is_made(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    deploy(own, built_release(own, built(tmp_path / "r")))
    changed = {**own.model_dump(by_alias=True), "tags": {"stage": "test"}, "price_per_dpu_hour": None}
    changed["glue"] = {**changed["glue"], "timeout_minutes": 45, "spark": {"spark.sql.shuffle.partitions": "8"}}
    other = Environment.model_validate(changed)
    source = built_release(other, tmp_path / "r")
    plan, _ = make_plan(other, source, "glue")
    assert rendered(plan) == "\n".join(
        [
            "glue, environment dev: release 0.2.0",
            f"  ~ update Glue job {NAME}",
            "      DefaultArguments --conf spark.sql.shuffle.partitions: 8",
            "      DefaultArguments.--price-per-dpu-hour: 0.44 -> (none)",
            "      Tags.stage: dev -> test",
            "      Timeout: 30 -> 45",
            "0 to create, 1 to update, 0 unchanged",
        ]
    )
    apply(other, source, "glue", plan, upload)
    assert (planes.glue.jobs[NAME]["Timeout"], planes.glue.tags[NAME]["stage"]) == (45, "test")
    assert "Tags" not in planes.glue.asked("UpdateJob")[0]["JobUpdate"]  # UpdateJob knows none
    assert make_plan(other, source, "glue")[0].nothing


def test_what_somebody_set_by_hand_is_shown_and_taken_back_but_never_what_may_be_a_secret(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    deploy(own, built_release(own, built(tmp_path / "r")))
    planes.glue.jobs[NAME]["DefaultArguments"] |= {"--db-password": "hunter2", "--lake": "s3://elsewhere"}
    planes.glue.jobs[NAME]["MaintenanceWindow"] = "Sun:10"
    planes.glue.tags[NAME]["accounting"] = "somebody else's"
    plan = deploy(own, built_release(own, tmp_path / "r"))
    told = rendered(plan)
    assert "hunter2" not in told
    assert "DefaultArguments.--db-password: (not shown) -> (none)" in told
    assert f"DefaultArguments.--lake: s3://elsewhere -> {own.lake}" in told
    assert "MaintenanceWindow: Sun:10 -> (none)" in told
    assert "accounting" not in told
    assert "--db-password" not in planes.glue.jobs[NAME]["DefaultArguments"]


@pytest.mark.parametrize(
    ("tags", "whose"), [({}, "not sluice's (it has no tag `sluice`)"), ({"sluice": "prod"}, "environment prod's")]
)
def test_a_foreign_job_of_the_same_name_is_refused_before_anything_is_uploaded(
    planes: Account, own: Environment, tmp_path: Path, tags: dict[str, str], whose: str
) -> None:
    planes.glue.jobs[NAME], planes.glue.tags[NAME] = {"Role": "r"}, tags
    with pytest.raises(UsageError) as error:
        deploy(own, built_release(own, built(tmp_path / "r")))
    assert f"Glue job {NAME}: exists and is {whose}; rename" in str(error.value)
    assert planes.glue.jobs[NAME] == {"Role": "r"}
    assert not objects(own)


def test_a_rollback_points_to_an_earlier_release_and_can_be_rolled_forward(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    for version in ("0.2.0", "0.3.0"):
        deploy(own, built_release(own, built(tmp_path / version, version)))
    assert "/0.3.0/" in script(planes)
    plan = deploy(own, uploaded_release(own, "0.2.0"))
    assert plan.upload is None
    assert "0.3.0/jobs/curate.py -> " in rendered(plan)
    assert "/0.2.0/" in script(planes)
    assert "0.3.0" not in json.dumps(planes.glue.jobs[NAME])
    deploy(own, uploaded_release(own, "0.3.0"))
    assert "0.2.0" not in json.dumps(planes.glue.jobs[NAME])
    with pytest.raises(UsageError, match=r"release 0\.1\.0: is not at .*; there are: 0\.2\.0, 0\.3\.0"):
        uploaded_release(own, "0.1.0")


def test_another_release_of_the_same_version_is_refused(planes: Account, own: Environment, tmp_path: Path) -> None:
    deploy(own, built_release(own, built(tmp_path / "one")))
    with pytest.raises(UsageError, match=r"holds another release 0\.2\.0 \(commit c{12}, not d{12}\)"):
        built_release(own, built(tmp_path / "two", commit="d" * 40))


def test_a_release_whose_files_are_not_those_that_were_built_is_refused(own: Environment, tmp_path: Path) -> None:
    folder = built(tmp_path / "r")
    (folder / "jobs" / "curate.py").write_bytes(b"x" * len(b"jobs/curate.py of 0.2.0"))
    with pytest.raises(UsageError, match=r"jobs/curate\.py: its content is not the one that was built"):
        built_release(own, folder)


def test_an_upload_that_breaks_off_changes_no_job_and_the_next_deployment_finishes_it(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    deploy(own, built_release(own, built(tmp_path / "old", "0.2.0")))
    before = json.dumps(planes.glue.jobs)
    folder = built(tmp_path / "new", "0.3.0")

    def breaks(_: Path, uri: str) -> None:
        storage_for(uri).put(f"{uri}/jobs/curate.py", (folder / "jobs/curate.py").read_bytes())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(own, built_release(own, folder), bring=breaks)
    assert json.dumps(planes.glue.jobs) == before
    with pytest.raises(UsageError, match="is not at"):
        uploaded_release(own, "0.3.0")
    deploy(own, built_release(own, folder))
    assert "/0.3.0/" in script(planes)


def test_a_release_with_a_missing_file_is_never_named(planes: Account, own: Environment, tmp_path: Path) -> None:
    deploy(own, built_release(own, built(tmp_path / "r")))
    gone = f"{own.artifacts}/sluice/0.2.0/lanes/spark-4.1/environment.tar.gz"
    storage_for(gone).delete(gone)
    with pytest.raises(UsageError, match=r"is not complete: 1 of 9 files .*\(lanes/spark-4\.1/environment\.tar\.gz\)"):
        uploaded_release(own, "0.2.0")


def test_of_two_deployments_at_once_the_second_is_told_and_a_killed_ones_lock_is_taken_over(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    source = built_release(own, built(tmp_path / "r"))
    where = pointer.place(own.artifacts, "dev", "glue")
    with pointer.locked(where), pytest.raises(SluiceError, match=r"another deployment is at work: .* or delete s3://"):
        deploy(own, source)
    assert not planes.glue.jobs
    storage_for(where).put(f"{where}/lock.json", b'{"by": "killed"}')
    with pytest.raises(SluiceError, match="killed"), pointer.locked(where):
        pass
    with pointer.locked(where, stale_seconds=0):
        assert pointer.read_json(f"{where}/lock.json")[0] != {"by": "killed"}
    assert pointer.read_json(f"{where}/lock.json") == (None, None)


def test_a_lock_that_is_given_back_while_it_is_looked_at_is_told_as_that(
    own: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = pointer.place(own.artifacts, "dev", "glue")
    lock, read = f"{where}/lock.json", pointer.read_json

    def vanishing(uri: str) -> tuple[dict[str, Any] | None, str | None]:
        found = read(uri)
        storage_for(uri).delete(uri)
        return found

    storage_for(lock).put(lock, b'{"by": "x"}')
    monkeypatch.setattr(pointer, "read_json", vanishing)
    with pytest.raises(SluiceError, match="another deployment has just ended"), pointer.locked(where):
        pass


def test_a_job_that_changed_since_the_plan_is_left_as_it_is(planes: Account, own: Environment, tmp_path: Path) -> None:
    source = built_release(own, built(tmp_path / "r"))
    deploy(own, source)
    planes.glue.jobs[NAME]["Timeout"] = 1
    plan, _ = make_plan(own, source, "glue")
    planes.glue.jobs[NAME]["Timeout"] = 2
    with pytest.raises(SluiceError, match="somebody else deployed since the plan was made"):
        apply(own, uploaded_release(own, "0.2.0"), "glue", plan, upload)
    assert planes.glue.jobs[NAME]["Timeout"] == 2


@pytest.mark.parametrize(
    ("operation", "code", "told"),
    [
        ("GetJob", "AccessDeniedException", "access denied (GetJob: AccessDeniedException); the role lacks it"),
        ("CreateJob", "AccessDeniedException", "access denied (CreateJob: AccessDeniedException); the role lacks it"),
        ("CreateJob", "ConcurrentModificationException", "somebody else changes it at this moment"),
        ("CreateJob", "AlreadyExistsException", "was made by somebody else meanwhile"),
        ("CreateJob", "InvalidInputException", "was refused (CreateJob: InvalidInputException): no"),
        (
            "CreateJob",
            "ResourceNumberLimitExceededException",
            "CreateJob failed (ResourceNumberLimit",
        ),
    ],
)
def test_an_error_of_glue_is_told_in_words_and_leaves_no_lock(
    planes: Account, own: Environment, tmp_path: Path, operation: str, code: str, told: str
) -> None:
    planes.glue.refuse[operation] = [AwsError(code)]
    with pytest.raises(SluiceError) as error:
        deploy(own, built_release(own, built(tmp_path / "r")))
    assert f"Glue job {NAME}: {told}" in str(error.value)
    assert not [path for path in objects(own) if "lock" in path]


def test_a_role_that_may_not_write_is_told_by_the_server_itself(
    planes: Account, own: Environment, tmp_path: Path, s3_service: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_service.environment("reader").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it found first
    aws.client.cache_clear()
    with pytest.raises(StorageDenied, match="access denied"):
        deploy(own, built_release(own, built(tmp_path / "r")))
    assert not planes.glue.jobs


def test_a_bucket_that_is_missing_or_in_another_region_is_told(
    own: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_bucket(own.artifacts, "us-east-1")
    with pytest.raises(UsageError, match="bucket no-such-bucket-here: expected a bucket, found none"):
        check_bucket("s3://no-such-bucket-here/x", "us-east-1")

    class Elsewhere:
        def head_bucket(self, Bucket: str) -> dict[str, str]:
            return {"BucketRegion": "eu-central-1"}

    monkeypatch.setattr(deployment, "client", lambda _: Elsewhere())
    with pytest.raises(UsageError, match="bucket b: is in eu-central-1, and the environment in us-east-1; choose"):
        check_bucket("s3://b/x", "us-east-1")


def test_a_role_that_may_list_a_prefix_alone_is_told_the_region_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def head_bucket(self, Bucket: str) -> None:
            headers = {"x-amz-bucket-region": "eu-central-1"}
            told = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPHeaders": headers}}
            raise ClientError(told, "HeadBucket")

    monkeypatch.setattr(deployment, "client", lambda _: Refusing())
    check_bucket("s3://b/x", "eu-central-1")
    with pytest.raises(UsageError, match="bucket b: is in eu-central-1"):
        check_bucket("s3://b/x", "us-east-1")


def test_emr_templates_are_pointed_to_and_of_two_pointers_one_is_refused(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    source = built_release(own, built(tmp_path / "r"))
    with pytest.raises(UsageError, match="is not deployed for emr in environment dev; run scripts/deploy --target emr"):
        templates.job_template(own, "emr", JOB)
    plan = deploy(own, source, "emr")
    assert plan.notes == ("no cluster is named (emr.cluster); give --cluster when a job is submitted",)
    assert "/0.2.0/" in json.dumps(templates.job_template(own, "emr", JOB))
    newer = built_release(own, built(tmp_path / "n", "0.3.0"))
    upload(tmp_path / "n", newer.release.uri)
    _, seen = templates.planned(own, newer.release, "emr")
    deploy(own, newer, "emr")
    with pytest.raises(SluiceError, match="somebody else deployed since the plan was made"):
        templates.apply(own, source.release, "emr", seen)
    assert "0.2.0" not in json.dumps(templates.job_template(own, "emr", JOB))
    told = rendered(deploy(own, uploaded_release(own, "0.2.0"), "emr"))
    assert "  ~ update emr templates (curate-app-messages)" in told
    assert "      version: 0.3.0 -> 0.2.0" in told
    assert "0.3.0" not in json.dumps(templates.job_template(own, "emr", JOB))
    assert make_plan(own, uploaded_release(own, "0.2.0"), "emr")[0].nothing


def test_a_cluster_that_cannot_run_the_release_is_told_with_all_that_is_wrong(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    cluster = "j-2AXXXXXXGAPLF"
    named = own.model_copy(update={"emr": own.emr.model_copy(update={"cluster": cluster})})  # type: ignore[union-attr]
    source = built_release(named, built(tmp_path / "r"))
    planes.emr.clusters[cluster] = {"ReleaseLabel": "emr-7.13.0", "Status": {"State": "TERMINATED"}}
    with pytest.raises(UsageError) as error:
        make_plan(named, source, "emr")
    assert str(error.value).startswith(f"cluster {cluster}: 3 problems")
    delta = [{"Classification": "delta-defaults", "Properties": {"delta.enabled": "true"}}]
    planes.emr.clusters[cluster] = {
        "ReleaseLabel": "emr-spark-8.1.0", "Status": {"State": "WAITING"}, "Configurations": delta,
    }  # fmt: skip
    assert make_plan(named, source, "emr")[0].notes == ()


def test_an_emr_serverless_application_is_made_changed_when_stopped_and_never_somebody_elses(
    planes: Account, own: Environment, tmp_path: Path
) -> None:
    source = built_release(own, built(tmp_path / "r"))
    plan = deploy(own, source, "emr-serverless")
    assert [each.kind for each in plan.items] == ["create", "create"]
    assert make_plan(own, uploaded_release(own, "0.2.0"), "emr-serverless")[0].nothing
    [found] = planes.serverless.applications.values()
    assert found["maximumCapacity"]["cpu"] == "16 vCPU"
    section = own.emr_serverless.model_copy(update={"idle_minutes": 7})  # type: ignore[union-attr]
    other = own.model_copy(update={"emr_serverless": section})
    found["state"] = "STARTED"
    with pytest.raises(UsageError, match="is STARTED, and only a stopped one can be changed; wait until it stops"):
        deploy(other, uploaded_release(other, "0.2.0"), "emr-serverless")
    found["state"] = "STOPPED"
    told = rendered(deploy(other, uploaded_release(other, "0.2.0"), "emr-serverless"))
    assert "autoStopConfiguration.idleTimeoutMinutes: 5 -> 7" in told
    assert found["autoStopConfiguration"]["idleTimeoutMinutes"] == 7
    found["tags"] = {}
    with pytest.raises(UsageError, match="exists and is not this environment's"):
        make_plan(own, uploaded_release(own, "0.2.0"), "emr-serverless")


def test_the_command_shows_the_plan_carries_it_out_and_says_so_on_its_last_line(
    planes: Account,
    own: Environment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import yaml

    file = tmp_path / "dev.yaml"
    file.write_text(yaml.safe_dump(own.model_dump(by_alias=True)), encoding="utf-8")
    folder = built(tmp_path / "r")
    words = ["deploy", "--target", "glue", "--env", str(file)]
    outcomes = []
    for more in (["--release", str(folder), "--plan"], ["--release", str(folder)], ["--release", "0.2.0"]):
        assert main([*words, *more]) == 0
        outcomes.append(json.loads(capsys.readouterr().out.splitlines()[-1])["status"])
    assert outcomes == ["planned", "deployed", "nothing to change"]
    assert main([*words, "--rollback", "0.1.0"]) == 2
    assert "scripts/deploy: release 0.1.0: is not at" in capsys.readouterr().err
    assert main([*words, "--rollback", "0.1.0", "--release", "0.2.0"]) == 2
    assert main(["policies", "--env", str(file), "--for", "jop"]) == 2
    assert "(did you mean `job`?)" in capsys.readouterr().err
    assert main(["policies", "--env", str(file), "--for", "job-trust"]) == 0
    assert json.loads(capsys.readouterr().out)["Version"] == "2012-10-17"
