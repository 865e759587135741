"""Glue passes a map of texts in any order, with its own among them: every job takes its arguments out of that alike."""

from __future__ import annotations

import argparse
import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest

from environment_files import environment, release
from sluice.deploy import glue
from sluice.runtime import arguments
from sluice.runtime.arguments import Arguments, arrival_hour, boolean, byte_count, count, seconds

pytestmark = pytest.mark.lane("spark-4.1")

JOBS = sorted((Path(__file__).parents[2] / "jobs").glob("*.py"))
# What Glue keeps for itself, and what the aws facts forbid.
_RUNTIMES_OWN = {"JOB_NAME", "JOB_ID", "JOB_RUN_ID", "TempDir", "conf", "debug", "mode", "endpoint", "files", "jars"}
_VALUES = {boolean: "true", byte_count: "1g", count: "5", seconds: "5", arrival_hour: "2017-11-26"}


class _Asked(Exception):
    def __init__(self, parser: Arguments) -> None:
        super().__init__()
        self.parser = parser


def parser_of(job: Path, monkeypatch: pytest.MonkeyPatch) -> Arguments:
    """The parser that the job's `body` reads with."""
    spec = importlib.util.spec_from_file_location(f"job_{job.stem}", job)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def read(self: Arguments, argv: object) -> None:
        raise _Asked(self)

    with monkeypatch.context() as patch:
        patch.setattr(arguments.Arguments, "read", read)
        with pytest.raises(_Asked) as asked:
            module.body(None, [])
    return asked.value.parser


def own(parser: Arguments) -> list[argparse.Action]:
    return [action for action in parser._actions if "--help" not in action.option_strings]


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_every_argument_has_one_name_of_its_own_and_takes_one_value(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = parser_of(job, monkeypatch)
    assert not parser.allow_abbrev
    for action in own(parser):
        [name] = action.option_strings  # a positional has none
        assert name.startswith("--")
        assert name.removeprefix("--") not in _RUNTIMES_OWN
        assert action.nargs is None, f"{name} is a flag, or takes several"


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_in_any_order_and_among_a_runtimes_own_a_jobs_arguments_are_the_same(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = parser_of(job, monkeypatch)
    given = {
        action.option_strings[0]: next(iter(action.choices)) if action.choices else _VALUES.get(action.type, "text")  # type: ignore[call-overload]
        for action in own(parser)
        if action.type in (None, *_VALUES)
    }
    mine = environment("prod")
    deployed = glue.job_update(mine, release(mine), "curate-app-messages")["DefaultArguments"]
    strangers = {key: value for key, value in deployed.items() if key not in given}
    strangers |= {
        f"--{key}": "x" for key in ("JOB_ID", "JOB_RUN_ID", "JOB_NAME", "TempDir", "TempDirectory", "library-set")
    }
    alone = vars(parser.read([word for pair in given.items() for word in pair]))
    pairs = [*given.items(), *strangers.items()]
    for seed in range(40):
        random.Random(seed).shuffle(pairs)
        assert vars(parser.read([word for pair in pairs for word in pair])) == alone
