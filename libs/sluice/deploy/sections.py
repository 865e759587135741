"""The sections of an environment file: what each target needs to know, and what is allowed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# What Glue and Spark take for their own, and what the environment's other settings decide.
RESERVED = frozenset(
    "JOB_NAME JOB_ID JOB_RUN_ID TempDir conf debug mode endpoint lake dataset quarantine dpu price-per-dpu-hour "
    "extra-py-files extra-files extra-jars datalake-formats python-virtual-env additional-python-modules "
    "python-modules-installer-option scriptLocation job-language job-bookmark-option".split()
)


def _text(value: Any) -> Any:
    """YAML makes numbers and booleans of what are texts here: `6.0`, `true`."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def matching(pattern: str, what: str) -> BeforeValidator:
    """Holds a text to the form `pattern`; `what` is how problems call it."""

    def check(value: Any) -> Any:
        value = _text(value)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"expected {what}")
        return value

    return BeforeValidator(check)


Scalar = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, matching(r"[a-z][a-z0-9-]{0,39}", "1 to 40 small letters, digits and -, a letter first")]
Dataset = Annotated[str, matching(r"[a-z][a-z0-9_]{0,62}", "a dataset's name: small letters, digits and _")]
S3Uri = Annotated[
    str,
    matching(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*",
        "s3://bucket/prefix without a slash at its end",
    ),
]
RoleArn = Annotated[
    str, matching(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", "arn:aws:iam::<account>:role/<name>")
]
KeyArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", "arn:aws:kms:<region>:<account>:key/<id>, not an alias"
    ),
]
LogGroup = Annotated[str, matching(r"[A-Za-z0-9_./#-]{1,400}(?<!/)", "a log group's name without a slash at its end")]
ArgumentName = Annotated[
    str, matching(r"[a-z][a-z0-9-]*", "an argument's name without its dashes, such as max-batch-bytes")
]
SparkKey = Annotated[str, matching(r"spark\.[A-Za-z0-9_.-]+", "a Spark setting's name, spark.something")]
SparkValue = Annotated[
    str, matching(r"[^\s'\"]+", "a value without blanks and quotes, since it stands on a command line")
]
TagText = Annotated[str, matching(r"[\w .:/=+@-]{1,128}", "1 to 128 letters, digits, blanks and . : / = + @ -")]
Memory = Annotated[str, matching(r"[1-9]\d{0,3}[gm]", "memory such as 4g or 512m")]


class Section(BaseModel):
    """Unknown keys are refused, nothing is changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


ReleaseLabel = Annotated[
    str, matching(r"emr-(spark-)?\d+\.\d+\.\d+", "a release label such as emr-7.13.0 or emr-spark-8.1.0")
]
ClusterId = Annotated[str, matching(r"j-[A-Z0-9]{8,}", "a cluster's id such as j-2AXXXXXXGAPLF")]


class Roles(Section):
    """`job` runs the jobs, `deployer` uploads and defines them, `reader` reads what is published."""

    job: RoleArn
    deployer: RoleArn
    reader: RoleArn


class Job(Section):
    """One job: a script of jobs/, the dataset it is for, and arguments a run may override (names without dashes).

    `dataset` None: it is for all (crawl, query, register). `role`: one of its own, in place of `roles.job`.
    """

    script: Name
    dataset: Dataset | None = None
    role: RoleArn | None = None
    arguments: dict[ArgumentName, Scalar] = Field(default_factory=dict)


class Athena(Section):
    """Where readers ask: a workgroup, and where its results go."""

    workgroup: Annotated[str, matching(r"[A-Za-z0-9._-]{1,128}", "a workgroup's name")]
    results: S3Uri


class Workers(Section):
    type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] = "G.1X"
    count: int = Field(default=2, ge=2, le=299)


class Glue(Section):
    """`log_group` is a prefix: Glue writes to <prefix>/output and <prefix>/error.

    `dependencies`: `wheelhouse` installs the release's one archive of wheels, `wheels` each of them.
    """

    version: Annotated[Literal["5.1", "6.0"], BeforeValidator(_text)]
    workers: Workers = Workers()
    timeout_minutes: int = Field(default=60, ge=1, le=7 * 24 * 60)
    log_group: LogGroup | None = None
    security_configuration: Scalar | None = None
    auto_scaling: bool = False
    dependencies: Literal["wheelhouse", "wheels"] = "wheelhouse"
    spark: dict[SparkKey, SparkValue] = Field(default_factory=dict)


class Size(Section):
    """Of one driver or executor."""

    cores: int = Field(default=4, ge=1, le=64)
    memory: Memory = "8g"


class Emr(Section):
    """`cluster` None: templates are deployed, and the cluster is told when a job is submitted.

    `runtime_role`: the role of a step, for clusters that have runtime roles enabled.
    """

    release: ReleaseLabel
    cluster: ClusterId | None = None
    on_failure: Literal["CONTINUE", "CANCEL_AND_WAIT"] = "CONTINUE"
    runtime_role: RoleArn | None = None
    driver: Size = Size()
    executor: Size = Size()
    spark: dict[SparkKey, SparkValue] = Field(default_factory=dict)


class Capacity(Section):
    """The most an application may use at a time."""

    cpu: Annotated[str, matching(r"\d+ ?vCPU", "processors such as 16 vCPU")] = "16 vCPU"
    memory: Annotated[str, matching(r"\d+ ?GB", "memory such as 64 GB")] = "64 GB"
    disk: Annotated[str, matching(r"\d+ ?GB", "disk such as 200 GB")] | None = None


class Network(Section):
    subnets: list[Annotated[str, matching(r"subnet-[0-9a-f]+", "subnet-...")]] = Field(min_length=1)
    security_groups: list[Annotated[str, matching(r"sg-[0-9a-f]+", "sg-...")]] = Field(min_length=1)


class Serverless(Section):
    """`application` is found by its name; `log_uri` is where S3 gets the logs, beside CloudWatch's `log_group`."""

    release: ReleaseLabel
    application: Name
    maximum: Capacity = Capacity()
    idle_minutes: int = Field(default=15, ge=1, le=10080)
    timeout_minutes: int = Field(default=60, ge=5, le=1_000_000)
    log_group: LogGroup = "/aws/emr-serverless"
    log_uri: S3Uri | None = None
    network: Network | None = None
    driver: Size = Size()
    executor: Size = Size()
    delta_jars: SparkValue = (
        "/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar"  # confirmed for emr-7
    )
    spark: dict[SparkKey, SparkValue] = Field(default_factory=dict)


class Function(Section):
    """One function: the dataset of a delivery stream. Firehose waits for it up to 5 minutes."""

    dataset: Dataset
    memory_mb: int = Field(default=512, ge=256, le=10_240)
    timeout_seconds: int = Field(default=60, ge=60, le=300)


class Delivery(Section):
    """The functions that delivery streams transform records by; `role` is what they run as: it writes logs only."""

    role: RoleArn
    functions: dict[Name, Function] = Field(min_length=1)
