"""Glue jobs as they are, against how they should be; and making them so."""

from __future__ import annotations

from typing import Any

from sluice.deploy import glue
from sluice.deploy.calls import call, call_or_none
from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import OWNER_TAG, Environment
from sluice.deploy.plan import Item, item
from sluice.errors import SluiceError, UsageError
from sluice.runtime.aws import client


def planned(environment: Environment, release: Deployable) -> list[Item]:
    """What would change, one item a job. Raises UsageError for a job of that name that is not this environment's."""
    return [_item(environment, release, job) for job in sorted(environment.jobs)]


def apply(environment: Environment, release: Deployable, shown: list[Item]) -> None:
    """Make the jobs as planned. Each is one call, so each names one whole release, whatever comes between.

    Raises SluiceError where a job is not any more what the plan was made of.
    """
    api = client("glue")
    for job, was in zip(sorted(environment.jobs), shown, strict=True):
        if was.kind == "unchanged":
            continue
        name = environment.full_name(job)
        if _item(environment, release, job) != was:
            raise SluiceError(f"{_what(name)}: was changed by somebody else since the plan was made; run again")
        if was.kind == "create":
            call(api, "create_job", _what(name), **glue.create_job(environment, release, job))
        else:
            call(api, "update_job", _what(name), **glue.update_job(environment, release, job))
            wanted = environment.all_tags()
            if any(change.place.startswith("Tags.") for change in was.changes):
                arn = glue.job_arn(environment, name)
                call(api, "tag_resource", _what(name), ResourceArn=arn, TagsToAdd=wanted)
        if _item(environment, release, job).kind != "unchanged":
            raise SluiceError(
                f"{_what(name)}: is not what was sent; somebody else deploys, or edits it. Run with --plan"
            )


def present(environment: Environment, job: str) -> dict[str, Any] | None:
    """The job's definition as JobUpdate and `Tags`; None where there is no such job."""
    api, name = client("glue"), environment.full_name(job)
    answer = call_or_none(api, "get_job", _what(name), JobName=name)
    if answer is None:
        return None
    tags = call(api, "get_tags", _what(name), ResourceArn=glue.job_arn(environment, name)).get("Tags", {})
    owner = tags.get(OWNER_TAG)
    if owner != environment.name:
        whose = f"environment {owner}'s" if owner else f"not sluice's (it has no tag `{OWNER_TAG}`)"
        raise UsageError(
            f"{_what(name)}: exists and is {whose}; rename the job or the environment in the environment file, "
            "or delete that job if nobody needs it"
        )
    told = {
        key: value
        for key, value in answer["Job"].items()
        if key not in glue.DERIVED and value not in (None, glue.DEFAULTS.get(key))
    }
    return {**told, "Tags": tags}


def _item(environment: Environment, release: Deployable, job: str) -> Item:
    wanted = {**glue.job_update(environment, release, job), "Tags": environment.all_tags()}
    found = present(environment, job)
    if found is not None:
        # Tags of others, as for accounting, are theirs.
        found["Tags"] = {key: value for key, value in found["Tags"].items() if key in wanted["Tags"]}
    return item(_what(environment.full_name(job)), found, wanted)


def _what(name: str) -> str:
    return f"Glue job {name}"
