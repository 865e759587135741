"""The job as a process: what cannot be done ends with one clear message and code 2, and nothing is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLUE = ["--JOB_NAME", "x", "--TempDir", "s3://b/t", "--JOB_RUN_ID", "y"]


def job(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "jobs" / "curate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "app_messages"], "--lake"),
        (["--lake", "LAKE", "--dataset", "app_messages"], "expected source objects below it, found none"),
        (["--lake", "LAKE", "--dataset", "app_mesages"], "has no contract (did you mean `app_messages`?)"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--contract-version", "9"], "version '9' has no contract"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--dry-run", "yes"], "expected true or false"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--max-batch-file", "3"], "did you mean --max-batch-files?"),
        (["--lake", "LAKE", "--dataset", "app_messages", "--since", "2017-13-01"], "expected an arrival hour (UTC)"),
        (["--lake", "ftp://x/y", "--dataset", "app_messages"], "this scheme is not supported"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message_with_code_2_and_nothing_is_written(
    lake: str, arguments: list[str], said: str
) -> None:
    given = [lake if word == "LAKE" else word for word in arguments]
    for order in ([*given, *GLUE], [*GLUE, *given]):
        done = job(*order)
        summary = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, summary["exit_code"]) == (2, 2), done.stderr
        assert said in summary["error"]
        assert "Traceback" not in done.stderr
        assert list(Path(lake).iterdir()) == []
