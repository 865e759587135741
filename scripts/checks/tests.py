"""Runs the tests lane after lane and adds the lanes up."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from environment.lanes import lane_names

ROOT = Path(__file__).parents[2]
# Tests of a file stay together, since they share what the file's fixtures made; tests/conftest.py orders the files.
_PYTEST = ["python", "-m", "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/test", allow_abbrev=False, epilog="All else goes to pytest.")
    parser.add_argument("--lane", default="all", choices=[*lane_names(ROOT), "all"])
    args, for_pytest = parser.parse_known_args(arguments)
    lanes = lane_names(ROOT) if args.lane == "all" else [args.lane]
    total, summaries, sound = Counter[str](), [], True
    for lane in lanes:
        print(f"== {lane}", flush=True)
        started = time.monotonic()
        counts, code = run_lane(lane, for_pytest)
        if code != 0:
            sound = False
            counts["failed"] = counts["failed"] or 1  # what ended wrongly has a failure
        total += counts
        summaries.append(f"{lane}: {counted(counts)} in {time.monotonic() - started:.0f} s{_why(code)}")
    print("\n".join(summaries))
    print(counted(total), flush=True)
    return 0 if sound and total["passed"] > 0 else 1


def run_lane(lane: str, for_pytest: Sequence[str]) -> tuple[Counter[str], int]:
    """The counts that tests/conftest.py wrote down at the end (none where it did not get there), and the exit code."""
    with tempfile.TemporaryDirectory(prefix="sluice-tests-") as folder:
        counts = Path(folder) / "counts.json"
        env = {**os.environ, "SLUICE_TEST_COUNTS": str(counts)}
        command = [str(ROOT / "scripts" / "run"), "--lane", lane, "--with-s3", "--with-browser", *_PYTEST, *for_pytest]
        code = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False).returncode
        return Counter(json.loads(counts.read_text(encoding="utf-8")) if counts.exists() else {}), code


def counted(counts: Counter[str]) -> str:
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"


def _why(code: int) -> str:
    return {0: "", 1: "", 5: " (no test ran)"}.get(code, f" (pytest ended with code {code}, see above)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
