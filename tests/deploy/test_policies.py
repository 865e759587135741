"""Roles may do what the code does and no more: our own rules, botocore's operations, and a linter of policies."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import botocore.session
import pytest

from environment_files import environment
from sluice.deploy.environments import Environment
from sluice.deploy.policies import policies, reasons

pytestmark = pytest.mark.lane("spark-4.1")

ROLES = ("job", "deployer", "reader")
# S3's permissions are not its operations; the other services' are.
_S3 = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:AbortMultipartUpload"}
_NO_OPERATION = {*_S3, "iam:PassRole", "cloudwatch:PutMetricData"}
_SERVICES = {"elasticmapreduce": "emr"}
_LARGEST_MANAGED_POLICY = 6144
FULL = environment("prod", catalog_database="curated", emr={"release": "emr-spark-8.1.0", "cluster": "j-2AXXXXXXGAPLF"})
ENVIRONMENTS = [environment("dev"), environment("prod"), FULL]


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


@pytest.mark.parametrize("own", ENVIRONMENTS, ids=["dev", "prod", "full"])
def test_a_linter_of_policies_finds_nothing(own: Environment) -> None:
    parliament = pytest.importorskip("parliament")
    for name, found in policies(own).items():
        if "Statement" in found and not name.endswith("-trust"):  # it knows no trusts
            told = parliament.analyze_policy_string(json.dumps(found)).findings
            assert [f"{name}: {each.issue} {each.detail}" for each in told] == []


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


def test_a_reader_sees_what_is_published_and_no_record_as_it_was_received() -> None:
    own = environment("prod")
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
        for statement in statements(own, *ROLES):
            if "s3:ListBucket" in statement["Action"]:
                prefixes = statement["Condition"]["StringLike"]["s3:prefix"]
                assert prefixes
                assert all(prefix.startswith(f"{own.name}/") for prefix in prefixes)


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
        [passed] = [s for s in statements(own, "deployer") if "iam:PassRole" in s["Action"]]
        assert passed["Resource"] == [own.roles.job]
        assert set(passed["Condition"]["StringEquals"]["iam:PassedToService"]) <= {
            "glue.amazonaws.com", "emr-serverless.amazonaws.com", "elasticmapreduce.amazonaws.com",
        }  # fmt: skip
