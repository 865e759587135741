"""Least privilege: the policy and the trust of each role, and the policy of each bucket, for one environment.

Each statement is what the code does, no more: raw is read, tables are written, and deleted are only staged files that
no table names, and leases. Wildcards stand where a name cannot be known before; see `reasons`.
"""

from __future__ import annotations

from typing import Any

from sluice.deploy.environments import Environment
from sluice.deploy.statements import (
    Document,
    Statement,
    allow,
    bucket_arn,
    catalog,
    default_database,
    document,
    key_use,
    listing,
    log_groups,
    objects,
)
from sluice.runtime.s3 import split
from sluice.runtime.storage import join

_CATALOG_READ = ("glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions")

reasons = {
    "cloudwatch:PutMetricData": "knows no resources; held to Glue's own namespace by a condition",
    "emr-serverless:CreateApplication": "knows no resources; held to our tag by a condition",
    "emr-serverless:ListApplications": "lists all of an account, or nothing",
}
"""Why an action is allowed on all resources."""


def policies(environment: Environment) -> dict[str, Document]:
    """All documents by name: `job`, `job-trust`, ..., `bucket <name>`, `encryption <name>`."""
    found: dict[str, Document] = {
        "job": job(environment),
        "job-trust": job_trust(environment),
        "deployer": deployer(environment),
        "deployer-trust": account_trust(environment),
        "reader": reader(environment),
        "reader-trust": account_trust(environment),
    }
    for uri in _buckets(environment):
        found[f"bucket {split(uri)[0]}"] = bucket(environment, uri)
        found[f"encryption {split(uri)[0]}"] = encryption(environment)
    return found


def job(environment: Environment) -> Document:
    """What a job does: read raw, write tables and pages, register tables, write its log."""
    lake, quarantine = environment.lake, environment.quarantine or join(environment.lake, "quarantine")
    names = environment.datasets
    written = [f"{zone}/{name}" for name in names for zone in ("curated", "_sluice", "docs")]
    tables = [
        *objects(environment, lake, *(f"{folder}/*" for folder in written)),
        *objects(environment, quarantine, *(f"{name}/*" for name in names)),
    ]
    gone = [
        # Staged files of attempts that no commit names, and leases; no log, no ledger, nothing in raw.
        *objects(environment, lake, *(f"curated/{name}/batch=*" for name in names)),
        *objects(environment, lake, *(f"_sluice/{name}/lease/*" for name in names)),
        *objects(environment, quarantine, *(f"{name}/batch=*" for name in names)),
    ]
    raw = [f"raw/{name}" for name in names]
    return document(
        [
            listing(environment, "ListLake", lake, *raw, *written),
            listing(environment, "ListQuarantine", quarantine, *names),
            allow("ReadRaw", ["s3:GetObject"], objects(environment, lake, *(f"{each}/*" for each in raw))),
            # Conditional writes (If-None-Match, If-Match) are PutObject, and If-Match wants GetObject.
            allow("WriteTables", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], tables),
            allow("SweepStagedFilesAndLeases", ["s3:DeleteObject"], gone),
            allow("ReadReleases", ["s3:GetObject"], objects(environment, environment.artifacts, "sluice/*")),
            listing(environment, "ListReleases", environment.artifacts, "sluice"),
            key_use(environment, "kms:Decrypt", "kms:GenerateDataKey"),
            default_database(environment),
            catalog(environment, "RegisterTables", *_CATALOG_READ, "glue:CreateTable", "glue:UpdateTable"),
            _job_logs(environment),
            _metrics(environment),
            _serverless_logs(environment),
        ]
    )


def deployer(environment: Environment) -> Document:
    """What scripts/deploy and scripts/submit do: upload, define, start, follow; read no data."""
    beside = f"sluice/_environments/{environment.name}"
    return document(
        [
            listing(environment, "ListReleases", environment.artifacts, "sluice"),
            allow(
                "WriteReleases",
                ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
                objects(environment, environment.artifacts, "sluice/*"),
            ),
            allow("Unlock", ["s3:DeleteObject"], objects(environment, environment.artifacts, f"{beside}/*/lock.json")),
            key_use(environment, "kms:Decrypt", "kms:GenerateDataKey"),
            *_deploy_glue(environment),
            *_deploy_emr(environment),
            *_deploy_serverless(environment),
            _pass_role(environment),
            allow("FollowLogs", ["logs:DescribeLogStreams", "logs:GetLogEvents"], log_groups(environment))
            if log_groups(environment)
            else None,
        ]
    )


def reader(environment: Environment) -> Document:
    """Curated tables, checks and pages; neither raw nor quarantine, which hold records as received."""
    seen = [f"{zone}/{name}" for name in environment.datasets for zone in ("curated", "docs")]
    seen += [f"_sluice/{name}/checks" for name in environment.datasets]
    return document(
        [
            listing(environment, "ListPublished", environment.lake, *seen),
            allow("ReadPublished", ["s3:GetObject"], objects(environment, environment.lake, *(f"{s}/*" for s in seen))),
            key_use(environment, "kms:Decrypt"),
            catalog(environment, "ReadCatalog", *_CATALOG_READ),
        ]
    )


def job_trust(environment: Environment) -> Document:
    """Glue and EMR Serverless take the job's role, for this account alone; EMR on EC2 by a cluster's own role."""
    services = ["glue.amazonaws.com"] if environment.glue else []
    services += ["emr-serverless.amazonaws.com"] if environment.emr_serverless else []
    statements: list[Statement | None] = []
    if services:
        condition = {"StringEquals": {"aws:SourceAccount": environment.account}}
        statements.append(_trust("Runtimes", {"Service": services}, ["sts:AssumeRole"], condition))
    if environment.emr:
        # A cluster's instance profile takes it (runtime roles); its name is the cluster's affair, its account ours.
        root = f"arn:{environment.partition}:iam::{environment.account}:root"
        held = {
            "StringLike": {"aws:PrincipalArn": f"arn:{environment.partition}:iam::{environment.account}:role/*EMR*"}
        }
        statements.append(_trust("ClustersOfEmr", {"AWS": root}, ["sts:AssumeRole", "sts:TagSession"], held))
    return document(statements)


def account_trust(environment: Environment) -> Document:
    """The account's own people and roles that IAM allows to take the role; nobody from outside."""
    root = f"arn:{environment.partition}:iam::{environment.account}:root"
    own = {"StringEquals": {"aws:PrincipalAccount": environment.account}}
    return document([_trust("OwnAccount", {"AWS": root}, ["sts:AssumeRole"], own)])


def bucket(environment: Environment, uri: str) -> Document:
    """TLS alone (AWS itself refuses versions before 1.2), and no other key than the environment's."""
    arn = bucket_arn(environment, uri)
    both = [arn, f"{arn}/*"]
    statements: list[Statement | None] = [
        _deny("TlsOnly", ["s3:*"], both, {"Bool": {"aws:SecureTransport": "false"}}),
    ]
    if environment.kms_key:
        # A request without a key takes the bucket's, which is ours.
        header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
        other = {"ArnNotEquals": {header: environment.kms_key}, "Null": {header: "false"}}
        statements.append(_deny("NoOtherKey", ["s3:PutObject"], [f"{arn}/*"], other))
    return document(statements)


def encryption(environment: Environment) -> Document:
    """What put-bucket-encryption takes."""
    rule: dict[str, Any] = {"SSEAlgorithm": "AES256"}
    if environment.kms_key:
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": environment.kms_key}
    own_key = {"BucketKeyEnabled": True} if environment.kms_key else {}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": rule, **own_key}]}


def _buckets(environment: Environment) -> list[str]:
    uris = [environment.artifacts, environment.lake, environment.quarantine]
    return list({split(uri)[0]: uri for uri in uris if uri}.values())


def _trust(sid: str, principal: dict[str, Any], actions: list[str], condition: dict[str, Any]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions, "Condition": condition}


def _deny(sid: str, actions: list[str], resources: list[str], condition: dict[str, Any]) -> Statement:
    found = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resources}
    return {**found, "Condition": condition}


def _job_logs(environment: Environment) -> Statement | None:
    groups = log_groups(environment)
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    if environment.glue and environment.glue.security_configuration:
        actions.append("logs:AssociateKmsKey")
    return allow("WriteLogs", actions, groups) if groups else None


def _metrics(environment: Environment) -> Statement | None:
    if environment.glue is None:
        return None
    condition = {"StringEquals": {"cloudwatch:namespace": ["Glue", "AWS/Glue"]}}
    return allow("WriteMetrics", ["cloudwatch:PutMetricData"], ["*"], condition)


def _serverless_logs(environment: Environment) -> Statement | None:
    if environment.emr_serverless is None:
        return None
    groups = log_groups(environment)
    return allow("DescribeLogStreams", ["logs:DescribeLogStreams"], groups)


def _deploy_glue(environment: Environment) -> list[Statement]:
    if environment.glue is None:
        return []
    root = f"arn:{environment.partition}:glue:{environment.region}:{environment.account}"
    actions = [
        "CreateJob",
        "GetJob",
        "GetJobRun",
        "GetTags",
        "StartJobRun",
        "BatchStopJobRun",
        "TagResource",
        "UpdateJob",
    ]
    jobs = [f"{root}:job/{environment.full_name(job)}" for job in environment.jobs]
    return [allow("GlueJobs", [f"glue:{each}" for each in actions], jobs)]


def _deploy_emr(environment: Environment) -> list[Statement]:
    if environment.emr is None:
        return []
    root = f"arn:{environment.partition}:elasticmapreduce:{environment.region}:{environment.account}"
    cluster = f"{root}:cluster/{environment.emr.cluster or '*'}"
    actions = ["AddJobFlowSteps", "CancelSteps", "DescribeCluster", "DescribeStep"]
    # Where the file names no cluster, the tag does.
    tagged = {"StringEquals": {"aws:ResourceTag/sluice": environment.name}}
    condition = None if environment.emr.cluster else tagged
    return [allow("EmrSteps", [f"elasticmapreduce:{each}" for each in actions], [cluster], condition)]


def _deploy_serverless(environment: Environment) -> list[Statement]:
    if environment.emr_serverless is None:
        return []
    root = f"arn:{environment.partition}:emr-serverless:{environment.region}:{environment.account}:"
    tagged = {"StringEquals": {"aws:ResourceTag/sluice": environment.name}}
    asked = {"StringEquals": {"aws:RequestTag/sluice": environment.name}}
    runs = ["CancelJobRun", "GetApplication", "GetJobRun", "StartJobRun", "UpdateApplication"]
    resources = [f"{root}/applications/*", f"{root}/applications/*/jobruns/*"]
    return [
        allow("FindApplications", ["emr-serverless:ListApplications"], ["*"]),
        allow("MakeApplication", ["emr-serverless:CreateApplication"], ["*"], asked),
        allow("UseApplication", [f"emr-serverless:{each}" for each in runs], resources, tagged),
        allow("TagWhatIsOurs", ["emr-serverless:TagResource"], resources, asked),
    ]


def _pass_role(environment: Environment) -> Statement:
    services = ["glue.amazonaws.com"] if environment.glue else []
    services += ["emr-serverless.amazonaws.com"] if environment.emr_serverless else []
    services += ["elasticmapreduce.amazonaws.com"] if environment.emr else []
    condition = {"StringEquals": {"iam:PassedToService": services}}
    return allow("PassJobRole", ["iam:PassRole"], [environment.roles.job], condition)
