"""IAM statements: the words that all policies here are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sluice.deploy.environments import Environment
from sluice.runtime.s3 import split

Statement = dict[str, Any]
Document = dict[str, Any]


def document(statements: Iterable[Statement | None]) -> Document:
    """A policy of the statements that there are."""
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each is not None]}


def allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None
) -> Statement:
    """An Allow; actions and resources sorted, so that a policy reads the same whatever made it."""
    found: Statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": sorted(set(resources))}
    return {**found, "Condition": dict(condition)} if condition else found


def objects(environment: Environment, uri: str, *below: str) -> list[str]:
    """ARNs of objects: `s3://bucket/lake` and `raw/x/*` -> `arn:aws:s3:::bucket/lake/raw/x/*`."""
    bucket, key = split(uri)
    prefix = f"{key}/" if key else ""
    return [f"arn:{environment.partition}:s3:::{bucket}/{prefix}{each}" for each in below]


def bucket_arn(environment: Environment, uri: str) -> str:
    return f"arn:{environment.partition}:s3:::{split(uri)[0]}"


def listing(environment: Environment, sid: str, uri: str, *below: str) -> Statement:
    """ListBucket, for these folders alone."""
    _, key = split(uri)
    paths = ["/".join(part for part in (key, each) if part) for each in below]
    folders = sorted({text for path in paths for text in (path, f"{path}/*" if path else "*")})
    condition = {"StringLike": {"s3:prefix": folders}}
    return allow(sid, ["s3:ListBucket"], [bucket_arn(environment, uri)], condition)


def key_use(environment: Environment, *actions: str) -> Statement | None:
    """Use of the environment's key through S3 alone; None where S3's own keys encrypt."""
    if environment.kms_key is None:
        return None
    suffix = "amazonaws.com.cn" if environment.partition == "aws-cn" else "amazonaws.com"
    condition = {"StringEquals": {"kms:ViaService": f"s3.{environment.region}.{suffix}"}}
    return allow("UseKeyThroughS3", actions, [environment.kms_key], condition)


def catalog(environment: Environment, sid: str, *actions: str) -> Statement | None:
    """Glue Data Catalog: the environment's database and its tables; None where it names none."""
    if environment.catalog_database is None:
        return None
    root, name = (
        f"arn:{environment.partition}:glue:{environment.region}:{environment.account}",
        environment.catalog_database,
    )
    return allow(sid, actions, [f"{root}:catalog", f"{root}:database/{name}", f"{root}:table/{name}/*"])


def default_database(environment: Environment) -> Statement:
    """Spark's Hive catalog asks for these two when it starts, and makes the first where an account has none yet."""
    root = f"arn:{environment.partition}:glue:{environment.region}:{environment.account}"
    databases = [f"{root}:database/default", f"{root}:database/global_temp"]
    return allow("StartHiveCatalog", ["glue:CreateDatabase", "glue:GetDatabase"], [f"{root}:catalog", *databases])


def log_groups(environment: Environment) -> list[str]:
    """ARNs of the log groups that the environment's targets write to, with their streams."""
    root = f"arn:{environment.partition}:logs:{environment.region}:{environment.account}:log-group"
    names = []
    if environment.glue:
        prefix = environment.glue.log_group or "/aws-glue/jobs"
        names += [f"{prefix}/output", f"{prefix}/error"]
        if environment.glue.security_configuration:
            # With a security configuration Glue puts role and configuration into the group's name.
            names.append(f"{prefix}-*")
    if environment.emr_serverless:
        names.append(environment.emr_serverless.log_group)
    return [f"{root}:{name}{end}" for name in names for end in ("", ":*")]
