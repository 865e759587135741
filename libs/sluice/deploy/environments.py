"""Environment files: where a release goes and what runs there. Small YAML, checked whole, without secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.deploy.sections import (
    RESERVED,
    Athena,
    Delivery,
    Emr,
    Glue,
    Job,
    KeyArn,
    Name,
    Roles,
    S3Uri,
    Section,
    Serverless,
    TagText,
    matching,
)
from sluice.deploy.written import is_secret, leaves, read_yaml
from sluice.errors import ProblemsError, UsageError
from sluice.runtime.storage import join

Target = Literal["glue", "emr", "emr-serverless", "delivery"]
TARGETS: tuple[Target, ...] = get_args(Target)
# Those that jobs are submitted to.
RUNTIMES = tuple(target for target in TARGETS if target != "delivery")
OWNER_TAG = "sluice"
ANALYZE, CURATE, CRAWL, REGISTER = "analyze", "curate", "crawl", "register"


class Environment(Section):
    """One environment file, valid. URIs have no slash at their end; `quarantine` None: in the lake.

    `catalog_database`: the one of the Glue Data Catalog that jobs/register.py registers tables in, for readers to find.
    """

    form: Literal[1]
    name: Name
    region: Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")]
    artifacts: S3Uri
    lake: S3Uri
    quarantine: S3Uri | None = None
    kms_key: KeyArn | None = None
    roles: Roles
    catalog_database: Annotated[str, matching(r"[a-z][a-z0-9_]{0,254}", "a database's name")] | None = None
    tags: dict[TagText, TagText] = Field(default_factory=dict, max_length=40)
    athena: Athena | None = None
    price_per_dpu_hour: Annotated[float, Field(gt=0, lt=100)] | None = None
    jobs: dict[Name, Job] = Field(min_length=1)
    glue: Glue | None = None
    emr: Emr | None = None
    emr_serverless: Serverless | None = Field(default=None, alias="emr-serverless")
    delivery: Delivery | None = None

    @property
    def account(self) -> str:
        """The twelve digits; roles.job's."""
        return str(self.roles.job).split(":")[4]

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, ...: how ARNs begin."""
        return str(self.roles.job).split(":")[1]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Those that jobs name."""
        return tuple(sorted({job.dataset for job in self.jobs.values() if job.dataset}))

    @property
    def analyses(self) -> tuple[str, ...]:
        """Those that jobs keep."""
        kept = {job.arguments.get("analysis", "") for job in self.jobs.values() if job.script == ANALYZE}
        return tuple(sorted(kept - {""}))

    def role(self, job: str) -> str:
        """The role that `job` runs as."""
        return self.jobs[job].role or self.roles.job

    def section(self, target: Target) -> Section:
        """The target's section; UsageError where the file has none."""
        found: Section | None = getattr(self, target.replace("-", "_"))
        if found is None:
            raise UsageError(
                f"environment {self.name}: has no section `{target}:`; write one, or choose another target"
            )
        return found

    def all_tags(self) -> dict[str, str]:
        """The file's tags and the one that says whose a thing is."""
        return {**self.tags, OWNER_TAG: self.name}

    def full_name(self, job: str) -> str:
        """What `job` is called where all environments share a list of names."""
        return f"sluice-{self.name}-{job}"

    def arguments(self, job: str) -> dict[str, str]:
        """The arguments of a job, without what a run adds: `{"lake": ..., "dataset": ..., ...}`."""
        found = self.jobs[job]
        told = {"lake": self.lake}
        if found.dataset:
            told["dataset"] = found.dataset
        if self.quarantine:
            told["quarantine"] = self.quarantine
        if found.script == CRAWL and found.dataset:
            told["location"] = join(self.lake, "raw", found.dataset)
        if found.script == REGISTER and self.catalog_database:
            told |= {"target": "glue", "database": self.catalog_database}
        return {**told, **found.arguments}


def load_environment(path: Path) -> Environment:
    """The environment of a file. Raises ProblemsError with all problems, and UsageError where there is no file."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemsError(str(path), [f"byte {error.start}: not UTF-8"]) from error
    except OSError as error:
        near = did_you_mean(path.name, (each.name for each in path.parent.glob("*.yaml")))
        raise UsageError(f"--env {path}: expected an environment file, found none{near}") from error
    return read_environment(text, str(path))


def read_environment(text: str, where: str) -> Environment:
    """Text -> environment; ProblemsError with all problems, none of which shows what may be a secret."""
    problems = Problems()
    data = read_yaml(text, problems)
    if problems.lines:
        raise ProblemsError(where, problems.lines)
    hidden = set()
    for place, key, value in leaves(data, ""):
        if is_secret(key, value):
            problems.add(place, "looks like a secret, which has no place here; give the role a permission instead")
            hidden.add(place)
    environment: Environment | None = None
    try:
        environment = Environment.model_validate(data)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            place = _place(found["loc"])
            if place not in hidden:
                problems.add(place, _told(found))
    if environment is not None:
        _check_together(environment, problems)
    if problems.lines or environment is None:
        raise ProblemsError(where, problems.lines)
    return environment


def _check_together(environment: Environment, problems: Problems) -> None:
    """What no field can tell alone."""
    for place, uri in (("lake", environment.lake), ("quarantine", environment.quarantine)):
        if uri and _overlap(uri, environment.artifacts):
            problems.add(place, f"expected a place apart from artifacts, {environment.artifacts}, since roles differ")
    for name, arn in environment.roles:
        if arn.split(":")[4] != environment.account:
            problems.add(f"roles.{name}", f"expected a role of account {environment.account}, as roles.job")
    if environment.kms_key and environment.kms_key.split(":")[3] != environment.region:
        problems.add("kms_key", f"expected a key in {environment.region}, the environment's region")
    if environment.delivery and environment.delivery.role.split(":")[4] != environment.account:
        problems.add("delivery.role", f"expected a role of account {environment.account}, as roles.job")
    for name, job in environment.jobs.items():
        _check_job(environment, name, job, problems)
    for tag in environment.tags:
        if tag == OWNER_TAG or tag.lower().startswith("aws:"):
            problems.add(f"tags.{tag}", "is not yours to set; leave it out")
    if not (environment.glue or environment.emr or environment.emr_serverless):
        problems.add("line 1", "expected a section `glue:`, `emr:` or `emr-serverless:`, found none")


def _check_job(environment: Environment, name: str, job: Job, problems: Problems) -> None:
    place = f"jobs.{name}"
    own = RESERVED | ({"target", "database"} if job.script == REGISTER else set())
    for argument in sorted(set(job.arguments) & own):
        problems.add(f"{place}.arguments.{argument}", "is set by the environment or the runtime; leave it out")
    if job.script in (CURATE, ANALYZE) and job.dataset is None:
        problems.add(f"{place}.dataset", "expected this setting, found none")
    if job.script == ANALYZE and not {"analysis"} & job.arguments.keys():
        problems.add(f"{place}.arguments.analysis", "expected this setting, found none")
    if job.script == REGISTER and environment.catalog_database is None:
        problems.add(
            place, "registers tables, but there is no `catalog_database:`; name a database of the Data Catalog"
        )
    if job.role and job.role.split(":")[4] != environment.account:
        problems.add(f"{place}.role", f"expected a role of account {environment.account}, as roles.job")


def _overlap(one: str, other: str) -> bool:
    return (one + "/").startswith(other + "/") or (other + "/").startswith(one + "/")


def _told(found: Any) -> str:
    kind, place = found["type"], found["loc"]
    if kind == "extra_forbidden":
        return f"there is no such setting{did_you_mean(str(place[-1]), _settings(place[:-1]))}"
    if kind == "missing":
        return "expected this setting, found none"
    if kind == "literal_error":
        known = re.findall(r"'([^']+)'", found["ctx"]["expected"]) or [found["ctx"]["expected"]]
        return f"expected {', '.join(known)}, found {shown(found['input'])}{did_you_mean(str(found['input']), known)}"
    message = found["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return f"{message}, found {shown(found['input'])}"


def _settings(place: tuple[Any, ...]) -> list[str]:
    """The settings that the section at `place` knows."""
    model: Any = Environment
    for part in place:
        known = {field.alias or key: field.annotation for key, field in model.model_fields.items()}
        model = _section(known.get(part)) if part in known else model
        if model is None:
            return []
    return [field.alias or key for key, field in model.model_fields.items()]


def _section(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section(part)) is not None), None)


def _place(loc: tuple[int | str, ...]) -> str:
    place = ""
    for part in loc:
        if part != "[key]":
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    return place or "line 1"
