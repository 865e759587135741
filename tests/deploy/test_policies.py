"""Roles may do what the code does and no more: our own rules, botocore's operations, and a linter of policies."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatchcase
from typing import Any

import botocore.session
import pytest
import yaml

from environment_files import ROOT, environment
from sluice.deploy.access import SCRIPTS
from sluice.deploy.environments import Environment, read_environment
from sluice.deploy.policies import policies, reasons
from sluice.errors import UsageError

pytestmark = pytest.mark.lane("spark-4.1")

ROLES = ("job", "deployer", "reader")
# S3's permissions are not its operations; the other services' are.
_S3 = {f"s3:{each}" for each in ("GetObject", "PutObject", "DeleteObject", "ListBucket")}
_S3 |= {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
_NO_OPERATION = {*_S3, "iam:PassRole", "cloudwatch:PutMetricData"}
_SERVICES = {"elasticmapreduce": "emr"}
_LARGEST_MANAGED_POLICY = 6144


def all_jobs(name: str, **changes: Any) -> Environment:
    """The example `name` with its own jobs, all of them."""
    data = yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text(encoding="utf-8"))
    return read_environment(yaml.safe_dump({**data, **changes}), name)


EVERY_JOB = {
    **{script: {"script": script, "dataset": "app_messages"} for script in SCRIPTS},
    "analyze": {"script": "analyze", "dataset": "app_messages", "arguments": {"analysis": "by_country"}},
    "export": {"script": "export", "dataset": "app_messages", "arguments": {"table": "app_messages"}},
    "crawl-all": {"script": "crawl", "arguments": {"report": "s3://example-sluice-lake/prod/reports/crawl.json"}},
    "crawl-exports": {"script": "crawl", "arguments": {"location": "s3://example-exports/daily"}},
    "query-all": {"script": "query"},
    "alone": {"script": "curate", "dataset": "tweets", "role": "arn:aws:iam::111122223333:role/alone"},
}
FULL = all_jobs("prod", jobs=EVERY_JOB, emr={"release": "emr-spark-8.1.0", "cluster": "j-2AXXXXXXGAPLF"})
ENVIRONMENTS = [all_jobs("dev"), all_jobs("prod"), FULL]


def statements(own: Environment, *names: str) -> list[dict[str, Any]]:
    found = policies(own)
    return [statement for name in names for statement in found[name]["Statement"]]


def may(own: Environment, role: str, action: str, resource: str) -> bool:
    """Whether the role is allowed `action` on `resource`, conditions aside."""
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in statements(own, role)
    )


@pytest.mark.parametrize("own", ENVIRONMENTS, ids=["dev", "prod", "full"])
def test_no_role_is_allowed_a_wildcard_of_actions_or_without_a_reason_of_resources(own: Environment) -> None:
    for statement in statements(own, *ROLES):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= reasons.keys()
        for resource in set(statement["Resource"]) - {"*"}:
            parts = resource.split(":", 5)
            assert len(parts) == 6
            assert "*" not in ":".join(parts[:5])
            assert re.match(r"/?\w[^*]{2,}", parts[5]), f"{resource} is open at its beginning"


@pytest.mark.parametrize("own", ENVIRONMENTS, ids=["dev", "prod", "full"])
def test_every_action_is_an_operation_that_there_is(own: Environment) -> None:
    session = botocore.session.get_session()
    for statement in statements(own, *ROLES):
        for action in set(statement["Action"]) - _NO_OPERATION:
            service, operation = action.split(":")
            assert operation in session.get_service_model(_SERVICES.get(service, service)).operation_names, action


def linted(documents: dict[str, Any]) -> list[str]:
    """What parliament says, in the environment that has it."""
    command = [str(ROOT / "scripts" / "run"), "--lane", "tools", "python", "-m", "checks.policies"]
    found = subprocess.run(command, input=json.dumps(documents), capture_output=True, text=True, check=False)
    assert found.returncode == bool(found.stdout.strip()), found.stderr
    return found.stdout.splitlines()


def test_a_linter_of_policies_finds_nothing_but_in_a_policy_that_is_wrong() -> None:
    documents = {
        f"{number}: {name}": found for number, own in enumerate(ENVIRONMENTS) for name, found in policies(own).items()
    }
    bad = {"Sid": "x", "Effect": "Allow", "Action": ["s3:GetObjekt"], "Resource": ["arn:aws:s3:::b/*"]}
    documents["wrong"] = {"Version": "2012-10-17", "Statement": [bad]}
    [told] = linted(documents)
    assert told.startswith("wrong: UNKNOWN_ACTION")


@pytest.mark.parametrize("own", ENVIRONMENTS, ids=["dev", "prod", "full"])
def test_statements_have_names_of_their_own_and_fit_into_a_managed_policy(own: Environment) -> None:
    for name, found in policies(own).items():
        if "Statement" in found:
            names = [statement["Sid"] for statement in found["Statement"]]
            assert len(names) == len(set(names)), name
            assert all(sid.isalnum() for sid in names)
            assert len(json.dumps(found, separators=(",", ":"))) <= _LARGEST_MANAGED_POLICY


def test_a_job_reads_raw_writes_tables_and_deletes_only_staged_files_and_leases() -> None:
    own = environment("dev")
    lake = "arn:aws:s3:::example-sluice-lake/dev"
    log = f"{lake}/curated/app_messages/_delta_log/00000000000000000000.json"
    staged = f"{lake}/curated/app_messages/batch=b1/1/part.parquet"
    raw = f"{lake}/raw/app_messages/2017/11/26/15/x.gz"
    assert may(own, "job", "s3:GetObject", raw)
    assert not may(own, "job", "s3:PutObject", raw)
    assert not may(own, "job", "s3:DeleteObject", raw)
    for place in (
        log,
        staged,
        f"{lake}/_sluice/app_messages/ledger/_delta_log/0.json",
        f"{lake}/docs/app_messages/index.html",
    ):
        assert may(own, "job", "s3:PutObject", place)
    assert may(own, "job", "s3:DeleteObject", staged)
    assert may(own, "job", "s3:DeleteObject", f"{lake}/quarantine/app_messages/batch=b1/1/part.parquet")
    assert may(own, "job", "s3:DeleteObject", f"{lake}/_sluice/app_messages/lease/00000000000000000001")
    for kept in (log, f"{lake}/_sluice/app_messages/ledger/part.parquet", f"{lake}/docs/app_messages/index.html"):
        assert not may(own, "job", "s3:DeleteObject", kept)
    assert not may(own, "job", "s3:GetObject", f"{lake}/raw/other/x.gz")
    assert not may(own, "job", "s3:PutObject", "arn:aws:s3:::example-sluice-artifacts/dev/sluice/0.2.0/jobs/curate.py")


def test_every_script_of_jobs_has_its_permissions() -> None:
    assert {path.stem for path in (ROOT / "jobs").glob("*.py")} <= SCRIPTS.keys()


def test_a_job_whose_script_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no permissions are known for the script curat, .*did you mean `curate`"):
        policies(environment("dev", jobs={"x": {"script": "curat", "dataset": "app_messages"}}))


LAKE = "arn:aws:s3:::example-sluice-lake/prod"
DATABASE = "arn:aws:glue:eu-west-1:111122223333:database/sluice"


def test_a_crawl_reads_raw_and_writes_nothing_but_its_report() -> None:
    for place, alone, all_ in ((f"{LAKE}/raw/app_messages/x", True, True), (f"{LAKE}/raw/other/x", False, True)):
        assert may(FULL, "job crawl", "s3:GetObject", place) == alone
        assert may(FULL, "job crawl-all", "s3:GetObject", place) == all_
    assert not may(FULL, "job crawl-all", "s3:GetObject", f"{LAKE}/curated/app_messages/x")
    assert not [s for s in statements(FULL, "job crawl") if "s3:PutObject" in s["Action"]]
    [written] = [s for s in statements(FULL, "job crawl-all") if "s3:PutObject" in s["Action"]]
    assert written["Resource"] == [f"{LAKE}/reports/crawl.json"]
    assert may(FULL, "job crawl-exports", "s3:GetObject", "arn:aws:s3:::example-exports/daily/a/b.csv")
    assert not may(FULL, "job crawl-exports", "s3:GetObject", f"{LAKE}/raw/app_messages/x")
    assert FULL.arguments("crawl")["location"] == "s3://example-sluice-lake/prod/raw/app_messages"


def test_a_query_reads_tables_and_writes_nothing() -> None:
    for job, tweets in (("job query", False), ("job query-all", True)):
        for folder in ("curated/{}", "_sluice/{}/checks"):
            assert may(FULL, job, "s3:GetObject", f"{LAKE}/{folder.format('app_messages')}/x")
            assert may(FULL, job, "s3:GetObject", f"{LAKE}/{folder.format('tweets')}/x") == tweets
        assert may(FULL, job, "s3:GetObject", "arn:aws:s3:::example-sluice-quarantine/prod/app_messages/x")
        for hidden in ("raw/app_messages/x", "_sluice/app_messages/ledger/x"):
            assert not may(FULL, job, "s3:GetObject", f"{LAKE}/{hidden}")
        actions = {action for statement in statements(FULL, job) for action in statement["Action"]}
        assert not actions & {"s3:PutObject", "s3:DeleteObject", "glue:CreateTable", "kms:GenerateDataKey"}


def test_an_analysis_reads_its_dataset_and_writes_what_is_its_own() -> None:
    assert may(FULL, "job analyze", "s3:GetObject", f"{LAKE}/curated/app_messages/x")
    assert not may(FULL, "job analyze", "s3:PutObject", f"{LAKE}/curated/app_messages/x")
    for place in ("analytics/by_country/x", "_sluice/by_country/ledger/x", "docs/by_country/index.html"):
        assert may(FULL, "job analyze", "s3:PutObject", f"{LAKE}/{place}")
    assert not may(FULL, "job analyze", "s3:GetObject", f"{LAKE}/raw/app_messages/x")
    assert may(FULL, "reader", "s3:GetObject", f"{LAKE}/analytics/by_country/x")
    assert may(FULL, "job query", "s3:GetObject", f"{LAKE}/analytics/by_country/x")


def test_an_export_writes_copies_alone() -> None:
    assert may(FULL, "job export", "s3:PutObject", f"{LAKE}/parquet/app_messages/_latest.json")
    for statement in statements(FULL, "job export"):
        if {"s3:PutObject", "s3:DeleteObject"} & set(statement["Action"]):
            assert all(each.startswith(f"{LAKE}/parquet/") for each in statement["Resource"])


def test_registering_reads_logs_of_tables_and_is_the_only_job_that_writes_the_catalog() -> None:
    assert may(FULL, "job register", "s3:GetObject", f"{LAKE}/curated/app_messages/_delta_log/0.json")
    assert may(FULL, "job register", "s3:GetObject", f"{LAKE}/raw/app_messages/2017/x.gz")  # can Athena read it?
    assert not may(FULL, "job register", "s3:GetObject", f"{LAKE}/curated/app_messages/part.parquet")
    assert not [s for s in statements(FULL, "job register") if "s3:PutObject" in s["Action"]]
    writing = [job for job in FULL.jobs if may(FULL, f"job {job}", "glue:UpdateTable", DATABASE)]
    assert writing == ["register"]
    assert FULL.arguments("register").items() >= {"target": "glue", "database": "sluice"}.items()


def test_a_job_with_a_role_of_its_own_shares_nothing() -> None:
    own = f"{LAKE}/curated/tweets/x"
    assert may(FULL, "job alone", "s3:PutObject", own)
    assert not may(FULL, "job", "s3:PutObject", own)
    assert not may(FULL, "job alone", "s3:PutObject", f"{LAKE}/curated/app_messages/x")
    assert (FULL.role("alone"), FULL.role("curate")) == ("arn:aws:iam::111122223333:role/alone", FULL.roles.job)
    [passed] = [s for s in statements(FULL, "deployer") if "iam:PassRole" in s["Action"]]
    assert passed["Resource"] == sorted({FULL.role("alone"), FULL.roles.job})


def prefixes(statement: dict[str, Any]) -> list[str]:
    return list(statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", []))


def test_the_role_that_jobs_share_may_do_what_each_of_them_does() -> None:
    for job in set(FULL.jobs) - {"alone"}:
        for statement in statements(FULL, f"job {job}"):
            for action in statement["Action"]:
                assert [each for each in statement["Resource"] if not may(FULL, "job", action, each)] == [], job
            same = [s for s in statements(FULL, "job") if s["Resource"] == statement["Resource"]]
            for wanted in prefixes(statement):
                assert any(fnmatchcase(wanted, pattern) for each in same for pattern in prefixes(each)), wanted


def test_a_reader_asks_athena_in_one_workgroup_and_keeps_results_in_one_place() -> None:
    asking = "athena:StartQueryExecution"
    assert may(FULL, "reader", asking, "arn:aws:athena:eu-west-1:111122223333:workgroup/sluice-prod")
    assert not may(FULL, "reader", asking, "arn:aws:athena:eu-west-1:111122223333:workgroup/primary")
    written = [s["Resource"] for s in statements(FULL, "reader") if "s3:PutObject" in s["Action"]]
    assert written == [["arn:aws:s3:::example-sluice-results/prod/*"]]
    assert not may(FULL, "reader", "glue:UpdateTable", DATABASE)
    assert "bucket example-sluice-results" in policies(FULL)


def test_a_reader_sees_what_is_published_and_no_record_as_it_was_received() -> None:
    own = environment("prod", athena=None, catalog_database=None)
    lake = "arn:aws:s3:::example-sluice-lake/prod"
    assert may(own, "reader", "s3:GetObject", f"{lake}/curated/app_messages/part.parquet")
    assert may(own, "reader", "s3:GetObject", f"{lake}/_sluice/app_messages/checks/part.parquet")
    for hidden in ("raw/app_messages/x", "quarantine/app_messages/x", "_sluice/app_messages/ledger/x"):
        assert not may(own, "reader", "s3:GetObject", f"{lake}/{hidden}")
    assert not may(own, "reader", "s3:GetObject", "arn:aws:s3:::example-sluice-quarantine/prod/app_messages/x")
    actions = {action for statement in statements(own, "reader") for action in statement["Action"]}
    assert actions == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}


def test_a_deployer_reads_no_data_and_deletes_no_release() -> None:
    own = environment("dev")
    for zone in ("raw", "curated", "quarantine", "_sluice", "docs"):
        assert not may(own, "deployer", "s3:GetObject", f"arn:aws:s3:::example-sluice-lake/dev/{zone}/app_messages/x")
    artifacts = "arn:aws:s3:::example-sluice-artifacts/dev/sluice"
    assert may(own, "deployer", "s3:PutObject", f"{artifacts}/0.2.0/manifest.json")
    assert not may(own, "deployer", "s3:DeleteObject", f"{artifacts}/0.2.0/manifest.json")
    assert may(own, "deployer", "s3:DeleteObject", f"{artifacts}/_environments/dev/glue/lock.json")
    assert not may(own, "deployer", "glue:UpdateJob", "arn:aws:glue:eu-west-1:111122223333:job/somebody-elses")


def test_buckets_are_listed_below_the_lake_alone() -> None:
    for own in ENVIRONMENTS:
        below = (f"{own.name}/", "dev-athena", "prod", "daily")  # results of Athena, and where FULL crawls
        for statement in statements(own, *ROLES):
            if "s3:ListBucket" in statement["Action"]:
                prefixes = statement["Condition"]["StringLike"]["s3:prefix"]
                assert prefixes
                assert all(prefix.startswith(below) for prefix in prefixes)


def test_the_key_is_used_through_s3_alone_and_only_where_there_is_one() -> None:
    assert not [s for s in statements(environment("dev"), *ROLES) if any("kms:" in each for each in s["Action"])]
    keyed = [s for s in statements(environment("prod"), *ROLES) if any("kms:" in each for each in s["Action"])]
    assert len(keyed) == 3
    for statement in keyed:
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}


def test_every_bucket_refuses_what_is_not_encrypted_on_its_way_and_encrypts_what_lies_in_it() -> None:
    found = policies(environment("prod"))
    for bucket in ("example-sluice-lake", "example-sluice-artifacts", "example-sluice-quarantine"):
        tls, key = found[f"bucket {bucket}"]["Statement"]
        assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", ["s3:*"])
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert tls["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        assert (key["Effect"], key["Action"]) == ("Deny", ["s3:PutObject"])
        [rule] = found[f"encryption {bucket}"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    [rule] = policies(environment("dev"))["encryption example-sluice-lake"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_roles_are_taken_only_from_the_own_account_and_passed_only_to_the_runtimes() -> None:
    for own in ENVIRONMENTS:
        for statement in statements(own, "job-trust", "deployer-trust", "reader-trust"):
            assert "111122223333" in json.dumps(statement["Condition"])
            assert statement["Principal"] != "*"
        every = [s for s in statements(own, "deployer") if "iam:PassRole" in s["Action"]]
        passed = next(s for s in every if s["Sid"] == "PassJobRole")
        assert {s["Sid"] for s in every} <= {"PassJobRole", "PassDeliveryRole"}
        assert set(passed["Resource"]) == {own.role(job) for job in own.jobs}
        assert set(passed["Condition"]["StringEquals"]["iam:PassedToService"]) <= {
            "glue.amazonaws.com", "emr-serverless.amazonaws.com", "elasticmapreduce.amazonaws.com",
        }  # fmt: skip
