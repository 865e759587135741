"""Templates of EMR steps and EMR Serverless runs: immutable objects, and a pointer that names the current one.

EMR has no job definitions, so this is what takes their place: `current.json` is replaced on condition of what was read,
and names one file of templates, which names one release.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sluice.deploy import emr, serverless
from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment, Target
from sluice.deploy.plan import Item, item
from sluice.deploy.pointer import place, put_json, read_json
from sluice.errors import SluiceError, UsageError
from sluice.runtime.storage import join, storage_for

CURRENT = "current.json"


def wanted(environment: Environment, release: Deployable, target: Target) -> dict[str, Any]:
    """The templates of all jobs for `target`, with the release they belong to."""
    jobs = (emr if target == "emr" else serverless).templates(environment, release)
    return {"form": 1, "target": target, "environment": environment.name, "version": release.version, "jobs": jobs}


def current(environment: Environment, target: Target) -> tuple[dict[str, Any] | None, str | None]:
    """(the templates that are current, the pointer's ETag); (None, None) where nothing is deployed yet."""
    uri = join(place(environment.artifacts, environment.name, target), CURRENT)
    pointer, etag = read_json(uri)
    if pointer is None:
        return None, None
    named = str(pointer.get("templates", ""))
    found, _ = read_json(named) if named.startswith("s3://") else (None, None)
    if found is None:
        raise UsageError(f"{uri}: names templates that are not there; delete it, and deploy again")
    return found, etag


def job_template(environment: Environment, target: Target, job: str) -> dict[str, Any]:
    """The current template of `job`; UsageError where it is not deployed."""
    found, _ = current(environment, target)
    template: dict[str, Any] | None = (found or {}).get("jobs", {}).get(job)
    if template is None:
        raise UsageError(
            f"{job}: is not deployed for {target} in environment {environment.name}; "
            f"run scripts/deploy --target {target} first"
        )
    return template


def planned(environment: Environment, release: Deployable, target: Target) -> tuple[Item, str | None]:
    """What would change, and the pointer's ETag that it was seen with."""
    found, etag = current(environment, target)
    return item(
        f"{target} templates ({', '.join(sorted(environment.jobs))})", found, wanted(environment, release, target)
    ), etag


def apply(environment: Environment, release: Deployable, target: Target, etag: str | None) -> None:
    """Write the templates, then point to them. Raises SluiceError where somebody else has pointed meanwhile."""
    value = wanted(environment, release, target)
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    folder = place(environment.artifacts, environment.name, target)
    uri = join(folder, f"{release.version}-{digest[:16]}.json")
    storage_for(uri).put(uri, json.dumps(value, sort_keys=True, indent=1).encode(), if_absent=True)
    pointer = {"form": 1, "version": release.version, "templates": uri}
    if not put_json(join(folder, CURRENT), pointer, etag):
        raise SluiceError(f"{folder}: somebody else deployed since the plan was made; run again, it shows a new plan")
