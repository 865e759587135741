"""The command line of scripts/submit: its own options first, then the job, then the job's arguments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.contract.problems import did_you_mean
from sluice.deploy.environments import RUNTIMES, Environment, load_environment
from sluice.deploy.submit import job_arguments
from sluice.errors import UsageError

LOCAL = "local"


@dataclass(frozen=True)
class Order:
    """One command line, understood. `run` is a run to come back to, or to cancel."""

    target: str
    env: str | None
    environment: Environment | None
    job: str
    arguments: dict[str, str]
    run: str | None
    cancel: bool
    wait: bool
    cluster: str | None


def parse(argv: Sequence[str]) -> Order:
    """The order of a command line. Raises UsageError for what does not fit together."""
    given = _parser().parse_args(argv)
    environment = load_environment(Path(given.env)) if given.env else None
    if given.follow and given.cancel:
        raise UsageError("--follow and --cancel name a run each; give one of them")
    run = given.follow or given.cancel
    if given.target == LOCAL:
        if run or given.no_wait:
            raise UsageError(
                "--follow, --cancel and --no-wait are for runs elsewhere; a local one ends with the command"
            )
    elif environment is None:
        raise UsageError(f"--target {given.target}: needs --env FILE, an environment such as environments/dev.yaml")
    else:
        environment.section(given.target)
    if environment is not None and given.job not in environment.jobs and (given.target != LOCAL):
        known = ", ".join(environment.jobs)
        raise UsageError(
            f"job {given.job}: is not in {given.env}; there are: {known}{did_you_mean(given.job, environment.jobs)}"
        )
    if run and given.arguments:
        raise UsageError("--follow and --cancel take no arguments of the job; it runs already")
    if "--help" in given.arguments:
        raise UsageError("what a job takes is told by its script, such as: scripts/run python jobs/curate.py --help")
    arguments = job_arguments(given.arguments)
    cluster = given.cluster or (environment.emr.cluster if environment and environment.emr else None)
    return Order(
        given.target, given.env, environment, given.job, arguments, run, bool(given.cancel), not given.no_wait, cluster
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/submit",
        allow_abbrev=False,
        description="Runs a job on a target and follows it to its end; ends with the job's own exit code. "
        "Ctrl-C stops following and leaves the run alone.",
    )
    add = parser.add_argument
    add("--target", required=True, choices=(LOCAL, *RUNTIMES))
    add("--env", metavar="FILE", help="an environment file; a local run needs none")
    add("--no-wait", action="store_true", help="start it, say how to come back, and end")
    add("--follow", metavar="RUN", help="come back to a run")
    add("--cancel", metavar="RUN", help="cancel a run")
    add("--cluster", metavar="ID", help="the EMR cluster, where the environment names none")
    add("job", metavar="JOB", help="a job of the environment; without one, a script of jobs/")
    add("arguments", nargs=argparse.REMAINDER, metavar="...", help="the job's arguments, --key value")
    return parser
