"""Least privilege: the policy and the trust of each role, and the policy of each bucket, for one environment.

Each statement is what the code does, no more (`access` has it for the jobs). Wildcards stand where a name cannot be
known before; see `reasons`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sluice.deploy.access import access, together
from sluice.deploy.deployer import deployer
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

MOST_CHARACTERS = 6144
"""Of a managed policy, blanks aside."""
_CATALOG_READ = ("glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions")
_CATALOG_WRITE = ("glue:GetDatabase", "glue:CreateDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable")

reasons = {
    "cloudwatch:PutMetricData": "knows no resources; held to Glue's own namespace by a condition",
    "emr-serverless:CreateApplication": "knows no resources; held to our tag by a condition",
    "emr-serverless:ListApplications": "lists all of an account, or nothing",
}
"""Why an action is allowed on all resources."""


def policies(environment: Environment) -> dict[str, Document]:
    """All documents by name: `job`, `job <name>`, `job-trust`, ..., `bucket <name>`, `encryption <name>`.

    `job` is for the role that all jobs share; `job <name>` for one that a job has alone (`jobs.<name>.role`).
    """
    sharing = [name for name, each in environment.jobs.items() if each.role is None]
    found: dict[str, Document] = {
        **({"job": job(environment, *sharing)} if sharing else {}),
        **{f"job {name}": job(environment, name) for name in environment.jobs},
        "job-trust": job_trust(environment),
        "deployer": deployer(environment),
        "deployer-trust": account_trust(environment),
        "reader": reader(environment),
        "reader-trust": account_trust(environment),
    }
    if environment.delivery:
        condition = {"StringEquals": {"aws:SourceAccount": environment.account}}
        lambda_ = {"Service": ["lambda.amazonaws.com"]}
        found["delivery"] = delivery(environment)
        found["delivery-trust"] = document([_trust("Lambda", lambda_, ["sts:AssumeRole"], condition)])
    for uri in _buckets(environment):
        found[f"bucket {split(uri)[0]}"] = bucket(environment, uri)
        found[f"encryption {split(uri)[0]}"] = encryption(environment)
    return found


def job(environment: Environment, *only: str) -> Document:
    """What the environment's jobs do, or those named alone: read, write tables and pages, register, write their log.

    Raises UsageError for a job whose script `access` does not know.
    """
    named = only or tuple(environment.jobs)
    does = together(access(environment, name) for name in named)
    read, written, deleted = (_arns(environment, places) for places in (does.read, does.written, does.deleted))
    return document(
        [
            *_listings(environment, does.listed),
            _allow_any("ReadData", ["s3:GetObject"], read),
            # Conditional writes (If-None-Match, If-Match) are PutObject, and If-Match wants GetObject.
            _allow_any("WriteTables", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], written),
            _allow_any("SweepStagedFilesAndLeases", ["s3:DeleteObject"], deleted),
            allow("ReadReleases", ["s3:GetObject"], objects(environment, environment.artifacts, "sluice/*")),
            listing(environment, "ListReleases", environment.artifacts, "sluice"),
            key_use(environment, "kms:Decrypt", *(["kms:GenerateDataKey"] if written else [])),
            default_database(environment),
            catalog(environment, "RegisterTables", *_CATALOG_WRITE) if does.registers else None,
            _job_logs(environment),
            _metrics(environment),
            _serverless_logs(environment),
        ]
    )


def reader(environment: Environment) -> Document:
    """All that is published, and checks and pages; neither raw nor quarantine, which hold records as received."""
    seen = [f"{zone}/{name}" for name in environment.datasets for zone in ("curated", "docs")]
    seen += [f"{zone}/{name}" for name in environment.analyses for zone in ("analytics", "docs")]
    seen += [f"_sluice/{name}/checks" for name in (*environment.datasets, *environment.analyses)]
    seen += [f"parquet/{job.dataset}" for job in environment.jobs.values() if job.script == "export" and job.dataset]
    return document(
        [
            listing(environment, "ListPublished", environment.lake, *seen),
            allow("ReadPublished", ["s3:GetObject"], objects(environment, environment.lake, *(f"{s}/*" for s in seen))),
            key_use(environment, "kms:Decrypt", *(["kms:GenerateDataKey"] if environment.athena else [])),
            catalog(environment, "ReadCatalog", *_CATALOG_READ),
            *_athena(environment),
        ]
    )


def delivery(environment: Environment) -> Document:
    """What the delivery stream's functions do: they write their own logs, and see nothing but their event."""
    root = f"arn:{environment.partition}:logs:{environment.region}:{environment.account}:log-group:/aws/lambda/"
    functions = environment.delivery.functions if environment.delivery else ()
    groups = [f"{root}{environment.full_name(name)}:*" for name in functions]
    return document([allow("WriteLogs", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], groups)])


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


def _arns(environment: Environment, places: Iterable[tuple[str, str]]) -> list[str]:
    return [arn for uri, pattern in places for arn in objects(environment, uri, pattern)]


def _allow_any(sid: str, actions: list[str], resources: list[str]) -> Statement | None:
    return allow(sid, actions, resources) if resources else None


def _listings(environment: Environment, folders: Iterable[str]) -> list[Statement]:
    """ListBucket for the folders, one statement a bucket."""
    by_bucket = defaultdict(set)
    for uri in folders:
        bucket, key = split(uri)
        by_bucket[bucket].add(key)
    return [
        listing(environment, f"ListData{number or ''}", f"s3://{bucket}", *keys)
        for number, (bucket, keys) in enumerate(sorted(by_bucket.items()))
    ]


def _buckets(environment: Environment) -> list[str]:
    results = environment.athena.results if environment.athena else None
    uris = [environment.artifacts, environment.lake, environment.quarantine, results]
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


def _athena(environment: Environment) -> list[Statement]:
    """Queries in the environment's workgroup, whose results Athena writes and reads in the asker's name."""
    own = environment.athena
    if own is None:
        return []
    region, account = environment.region, environment.account
    root = f"arn:{environment.partition}:glue:{region}:{account}"
    workgroup = f"arn:{environment.partition}:athena:{region}:{account}:workgroup/{own.workgroup}"
    actions = ["GetQueryExecution", "GetQueryResults", "GetWorkGroup", "StartQueryExecution", "StopQueryExecution"]
    s3 = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return [
        allow("Query", [f"athena:{each}" for each in actions], [workgroup]),
        # Athena looks at this one whatever a query names.
        allow("StartQueries", ["glue:GetDatabase"], [f"{root}:catalog", f"{root}:database/default"]),
        allow("KeepResults", s3, objects(environment, own.results, "*")),
        allow("FindResults", ["s3:GetBucketLocation"], [bucket_arn(environment, own.results)]),
        listing(environment, "ListResults", own.results, ""),
    ]
