"""The job's arguments, and what it ends with before Spark is needed."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from sluice.runtime.job import main

JOB = str(Path(__file__).parents[2] / "jobs" / "analyze.py")
pytestmark = pytest.mark.lane("spark-4.1")


def ended(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """The summary of a run that is wrong from the start."""
    with pytest.raises(SystemExit) as end:
        main("analyze", argv, runpy.run_path(JOB)["body"])
    summary: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["exit_code"] == end.value.code
    return summary


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--dataset", "app_messages", "--analysis", "sentiment_by_country"], "--lake"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--analysis", "sentiment_by_land"], "has no contract"),
        (["--lake", "LAKE", "--dataset", "tweets", "--analysis", "sentiment_by_country"], "looks at app_messages"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--analysis", "app_messages"], "no setting `analysis`"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--analysis", "channels_by_hour"], "is --lake right"),
        (
            ["--lake", "LAKE", "--dataset", "app_messages", "--analysis", "channels_by_hour", "--fulll", "true"],
            "--full",
        ),
        (["--lake", "LAKE", "--dataset", "app_messages", "--analysis", "channels_by_hour", "--full", "yes"], "true or"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_said_with_exit_code_2_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], lake: str, argv: list[str], told: str
) -> None:
    summary = ended(capsys, *(lake if word == "LAKE" else word for word in argv))
    assert (summary["exit_code"], told in summary["error"]) == (2, True), summary["error"]
    assert list(Path(lake).iterdir()) == []


def test_nothing_new_is_told_without_spark(capsys: pytest.CaptureFixture[str], lake: str) -> None:
    from sightings import arrive

    arrive(lake, [(0.0, 1)])
    argv = ["--lake", lake, "--dataset", "app_messages", "--analysis", "sentiment_by_country", "--dry-run", "true"]
    main("analyze", argv, runpy.run_path(JOB)["body"])
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["full"] == "nothing is published of it yet"
    assert (summary["dry_run"], summary["exit_code"], summary["windows"]) == (True, 0, None)
