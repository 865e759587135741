"""A run estimates its cost from what its deployment told it, and from its own seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from environment_files import environment, release
from sluice.deploy import glue
from sluice.runtime.cost import estimate
from sluice.runtime.job import Run, main

pytestmark = pytest.mark.lane("spark-4.1")


def test_cost_is_seconds_times_units_and_a_price_by_the_hour() -> None:
    argv = ["--lake", "x", "--dpu", "10", "--JOB_NAME", "n", "--price-per-dpu-hour", "0.44"]
    told = {"dpu_seconds": 1200.0, "dpu": 10.0, "price_per_dpu_hour": 0.44, "usd": 0.1467}
    assert estimate(argv, 120.0) == {"cost": told}
    assert estimate(["--dpu", "10"], 120.0) == {"cost": {"dpu_seconds": 1200.0, "dpu": 10.0}}


def test_a_minute_is_billed_at_least() -> None:
    assert estimate(["--dpu", "2"], 3.0)["cost"]["dpu_seconds"] == 120.0
    assert estimate(["--dpu", "2"], 61.0)["cost"]["dpu_seconds"] == 122.0


@pytest.mark.parametrize("argv", [[], ["--dpu"], ["--dpu", "many"], ["--dpu", "0"], ["--dpu", "nan"], ["--dpus", "2"]])
def test_without_a_number_of_units_there_is_no_estimate_and_no_failure(argv: list[str]) -> None:
    assert estimate(argv, 100.0) == {}


def test_the_summary_of_a_run_has_what_deploy_told_it(capsys: pytest.CaptureFixture[str]) -> None:
    own = environment("prod")
    deployed = glue.job_update(own, release(own), "curate-app-messages")["DefaultArguments"]
    argv = [word for pair in deployed.items() for word in pair]

    def body(run: Run, given: Sequence[str]) -> Mapping[str, Any]:
        return {"batches": len(given) * 0}

    main("curate", argv, body)
    cost = json.loads(capsys.readouterr().out.splitlines()[-1])["cost"]
    assert cost == {"dpu_seconds": 600.0, "dpu": 10.0, "price_per_dpu_hour": 0.44, "usd": 0.0733}
    main("curate", ["--lake", "x"], body)
    assert "cost" not in json.loads(capsys.readouterr().out.splitlines()[-1])
