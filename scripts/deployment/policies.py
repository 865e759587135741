"""scripts/policies: prints what an environment's roles and buckets need; calls nobody."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sluice.contract.problems import did_you_mean
from sluice.deploy.environments import load_environment
from sluice.deploy.policies import MOST_CHARACTERS, policies
from sluice.errors import UsageError


def run(argv: Sequence[str]) -> None:
    """Print one document, as aws iam and aws s3api take it, or all of them by name."""
    parser = argparse.ArgumentParser(
        prog="scripts/policies",
        allow_abbrev=False,
        description="Prints the IAM policies, trusts and bucket policies that an environment needs.",
    )
    parser.add_argument(
        "--env", required=True, metavar="FILE", help="an environment file, such as environments/dev.yaml"
    )
    parser.add_argument("--for", dest="name", metavar="NAME", help="one document: job, job-trust, deployer, ...")
    given = parser.parse_args(argv)
    found = policies(load_environment(Path(given.env)))
    if given.name and given.name not in found:
        raise UsageError(f"--for {given.name}: there are {', '.join(found)}{did_you_mean(given.name, found)}")
    for name, document in found.items():
        size = len(json.dumps(document, separators=(",", ":")))
        if "Statement" in document and size > MOST_CHARACTERS:
            way_out = (
                "attach the `job <name>` ones to the role in its place" if name == "job" else "name fewer datasets"
            )
            told = f"`{name}` has {size} characters of the {MOST_CHARACTERS} of a managed policy; {way_out}"
            print(f"scripts/policies: {told}", file=sys.stderr)
    print(json.dumps(found[given.name] if given.name else found, indent=2))
