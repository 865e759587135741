"""The policy of the role that deploys and submits: upload, define, start, follow; it reads no data."""

from __future__ import annotations

from sluice.deploy.environments import Environment
from sluice.deploy.statements import Document, Statement, allow, document, key_use, listing, log_groups, objects


def deployer(environment: Environment) -> Document:
    """What scripts/deploy and scripts/submit do."""
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
            *_deploy_functions(environment),
            _pass_role(environment),
            allow("FollowLogs", ["logs:DescribeLogStreams", "logs:GetLogEvents"], log_groups(environment))
            if log_groups(environment)
            else None,
        ]
    )


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


def _deploy_functions(environment: Environment) -> list[Statement]:
    own = environment.delivery
    if own is None:
        return []
    root = f"arn:{environment.partition}:lambda:{environment.region}:{environment.account}:function"
    actions = ["CreateFunction", "GetFunction", "TagResource", "UpdateFunctionCode", "UpdateFunctionConfiguration"]
    functions = [f"{root}:{environment.full_name(name)}" for name in own.functions]
    condition = {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}}
    return [
        allow("DeliveryFunctions", [f"lambda:{each}" for each in actions], functions),
        allow("PassDeliveryRole", ["iam:PassRole"], [own.role], condition),
    ]


def _pass_role(environment: Environment) -> Statement:
    services = ["glue.amazonaws.com"] if environment.glue else []
    services += ["emr-serverless.amazonaws.com"] if environment.emr_serverless else []
    services += ["elasticmapreduce.amazonaws.com"] if environment.emr else []
    condition = {"StringEquals": {"iam:PassedToService": services}}
    return allow("PassJobRole", ["iam:PassRole"], [environment.role(job) for job in environment.jobs], condition)
