"""Environment files: where a release goes and what runs there. Small YAML, checked whole, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.deploy.sections import (
    RESERVED,
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
from sluice.errors import ProblemsError, UsageError

Target = Literal["glue", "emr", "emr-serverless"]
TARGETS: tuple[Target, ...] = get_args(Target)
OWNER_TAG = "sluice"

_SECRET_NAME = re.compile(r"secret|passw|credential|private.?key|access.?key|api.?key|(^|[_-])tokens?($|[_-])", re.I)
_SECRET_VALUE = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_\w{20,}")
_LOOKS_RANDOM = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[A-Za-z0-9/+]{40}")


class Environment(Section):
    """One environment file, valid. URIs have no slash at their end; `quarantine` None: in the lake.

    `catalog_database`: the one of the Glue Data Catalog that a job may register tables in; None: it registers none.
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
    price_per_dpu_hour: Annotated[float, Field(gt=0, lt=100)] | None = None
    jobs: dict[Name, Job] = Field(min_length=1)
    glue: Glue | None = None
    emr: Emr | None = None
    emr_serverless: Serverless | None = Field(default=None, alias="emr-serverless")

    @property
    def account(self) -> str:
        """The twelve digits; the job role's."""
        return str(self.roles.job).split(":")[4]

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, ...: how ARNs begin."""
        return str(self.roles.job).split(":")[1]

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(sorted({job.dataset for job in self.jobs.values()}))

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
        quarantine = {"quarantine": self.quarantine} if self.quarantine else {}
        return {"lake": self.lake, "dataset": found.dataset, **quarantine, **found.arguments}


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
    data = _read_yaml(text, problems)
    if problems.lines:
        raise ProblemsError(where, problems.lines)
    hidden = set()
    for place, key, value in _leaves(data, ""):
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
    for name, job in environment.jobs.items():
        for argument in sorted(set(job.arguments) & RESERVED):
            problems.add(f"jobs.{name}.arguments.{argument}", "is set by the environment or the runtime; leave it out")
    for tag in environment.tags:
        if tag == OWNER_TAG or tag.lower().startswith("aws:"):
            problems.add(f"tags.{tag}", "is not yours to set; leave it out")
    if not (environment.glue or environment.emr or environment.emr_serverless):
        problems.add("line 1", "expected a section `glue:`, `emr:` or `emr-serverless:`, found none")


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


def is_secret(key: str, value: str) -> bool:
    """Whether a setting or argument looks like a secret, by its name or by what it says."""
    if _SECRET_VALUE.search(value) or _LOOKS_RANDOM.fullmatch(value):
        return True
    return bool(_SECRET_NAME.search(key))


def _leaves(value: Any, place: str, key: str = "") -> Iterator[tuple[str, str, str]]:
    """(place, key, value as text) of all that is written in the file, keys among it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}" if place else str(name), str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]", key)
    else:
        yield place, key, str(value)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key `{key.value}` is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read_yaml(text: str, problems: Problems) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1"
        problems.add(place, f"not YAML: {error.problem or error.context}")
        return {}
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        problems.add("line 1", "not YAML")
        return {}
    if not isinstance(data, dict):
        problems.add("line 1", "expected an environment (form, name, region, ...), found no mapping")
        return {}
    return data
