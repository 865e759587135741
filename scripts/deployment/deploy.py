"""scripts/deploy: arguments -> plan -> deployment -> one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from sluice import __version__
from sluice.deploy.deployment import Source, apply, built_release, check_bucket, make_plan, uploaded_release
from sluice.deploy.environments import TARGETS, Environment, load_environment
from sluice.deploy.plan import rendered
from sluice.errors import UsageError
from sluice.runtime import aws

DIST = Path(__file__).parents[2] / "dist" / "sluice"
"""Where scripts/build puts releases, each in a folder of its version."""


def run(argv: Sequence[str]) -> None:
    """Show the plan and, unless `--plan`, carry it out."""
    given = _parser().parse_args(argv)
    if given.release and given.rollback:
        raise UsageError("--release and --rollback name a release each; give one of them")
    environment = load_environment(Path(given.env))
    environment.section(given.target)
    in_region(environment)
    check_bucket(environment.artifacts, environment.region)
    source = _source(environment, given.release, given.rollback)
    plan, _ = make_plan(environment, source, given.target)
    print(rendered(plan), flush=True)
    if not given.plan and not plan.nothing:
        apply(environment, source, given.target, plan, upload)
        print("deployed", flush=True)
    counts = {kind: sum(item.kind == kind for item in plan.items) for kind in ("create", "update", "unchanged")}
    done = "planned" if given.plan else "nothing to change" if plan.nothing else "deployed"
    told = {"target": given.target, "environment": environment.name, "release": plan.version}
    print(json.dumps({"script": "deploy", "status": done, **told, **counts}), flush=True)


def upload(folder: Path, uri: str) -> None:
    """Bring the release to its prefix, which nobody has written anything else to."""
    from sluice.deploy.upload import upload as bring

    bring(folder, uri)


def in_region(environment: Environment) -> None:
    """Every client of this process speaks to the environment's region, whatever the caller's profile says."""
    os.environ["AWS_DEFAULT_REGION"] = environment.region
    aws.client.cache_clear()


def _source(environment: Environment, release: str | None, rollback: str | None) -> Source:
    if rollback:
        return uploaded_release(environment, rollback)
    if release is None:
        release = str(DIST / __version__)
        if not Path(release).is_dir():
            raise UsageError(f"expected a release at {release}, found none; run scripts/build, or give --release")
    if Path(release).is_dir():
        return built_release(environment, Path(release))
    return uploaded_release(environment, release)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/deploy",
        allow_abbrev=False,
        description="Uploads a release and points a target's jobs to it, after showing what would change.",
    )
    add = parser.add_argument
    add("--target", required=True, choices=TARGETS)
    add("--env", required=True, metavar="FILE", help="an environment file, such as environments/dev.yaml")
    add("--plan", action="store_true", help="show what would change, and stop")
    add("--release", metavar="FOLDER|VERSION", help="what scripts/build made, or a version that is uploaded already")
    add("--rollback", metavar="VERSION", help="point back to an earlier release, which is uploaded already")
    return parser
