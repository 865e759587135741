"""Entry point of scripts/submit: arguments -> run -> summary line -> exit code."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence

from sluice.deploy.environments import Environment
from sluice.deploy.submit import Outcome, Remote, follow, parsed
from sluice.deploy.submit_emr import EmrSteps
from sluice.deploy.submit_glue import GlueRuns
from sluice.deploy.submit_serverless import ServerlessRuns
from sluice.errors import SluiceError
from sluice.runtime import aws
from submission import local
from submission.arguments import LOCAL, Order, parse
from submission.telling import Teller


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the job's exit code, 130 after Ctrl-C, 1 or 2 where nothing was started."""
    try:
        order = parse(argv)
        if order.target == LOCAL:
            return local.run(order)
        assert order.environment is not None
        os.environ["AWS_DEFAULT_REGION"] = order.environment.region
        aws.client.cache_clear()
        return _elsewhere(order, _remote(order, order.environment))
    except SluiceError as error:
        print(f"scripts/submit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _remote(order: Order, environment: Environment) -> Remote:
    if order.target == "glue":
        return GlueRuns(environment, order.job, order.arguments)
    if order.target == "emr":
        return EmrSteps(environment, order.job, order.arguments, order.cluster)
    return ServerlessRuns(environment, order.job, order.arguments)


def _elsewhere(order: Order, remote: Remote) -> int:
    if order.cancel and order.run:
        remote.cancel(order.run)
        print(f"run {order.run}: asked to stop; the next run finishes what it began", file=sys.stderr)
        return 0
    run = order.run or remote.start()
    if not order.wait:
        print(json.dumps({"script": "submit", "target": order.target, "job": order.job, "run": run}), flush=True)
        print(_later(order, run), file=sys.stderr)
        return 0
    try:
        with Teller(f"{order.target} {order.job} {run}") as teller:
            outcome = follow(remote, run, teller)
    except KeyboardInterrupt:
        print(f"\nstopped following; the run goes on\n{_later(order, run)}", file=sys.stderr)
        return 130
    except SluiceError:
        print(_later(order, run), file=sys.stderr)
        raise
    return _ended(order, run, outcome)


def _ended(order: Order, run: str, outcome: Outcome) -> int:
    if outcome.seen.cost:
        print(f"cost: {outcome.seen.cost}", file=sys.stderr)
    if outcome.summary is None:
        told = {"script": "submit", "target": order.target, "job": order.job, "run": run, "state": outcome.seen.state}
        print(json.dumps({**told, "error": outcome.seen.why, "exit_code": outcome.exit_code}), flush=True)
        print("scripts/submit: the job's summary was not found; the exit code is that of its state", file=sys.stderr)
    else:
        if outcome.exit_code != parsed(outcome.summary)["exit_code"]:
            why = f": {outcome.seen.why}" if outcome.seen.why else ""
            print(f"scripts/submit: the run ended {outcome.seen.state} after its summary{why}", file=sys.stderr)
        print(outcome.summary, flush=True)
    return outcome.exit_code


def _later(order: Order, run: str) -> str:
    words = ["scripts/submit", "--target", order.target, "--env", str(order.env)]
    back, end = (shlex.join([*words, option, run, order.job]) for option in ("--follow", "--cancel"))
    return f"  come back: {back}\n  cancel:    {end}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
