"""Runs every check, tells one line for each, and what each one found for those that failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
Outcome = tuple[bool, str]


def main() -> int:
    checks: dict[str, Callable[[], Outcome]] = {
        "format (ruff)": lambda: _run("ruff", "format", "--check", "."),
        "lint (ruff)": lambda: _run("ruff", "check", "--quiet", "--output-format=concise", "."),
        "types (mypy)": _types,
        "layers (import-linter)": lambda: _run("lint-imports", "--no-cache", "--no-logo"),
        "contracts (datacontract)": _contracts,
        "versions of contracts": lambda: _run(sys.executable, "-m", "checks.contracts", "check"),
        "policies (parliament)": lambda: _run(sys.executable, "-m", "checks.policies", "examples"),
    }
    failures = []
    for name, check in checks.items():
        started = time.monotonic()
        sound, told = check()
        print(f"{'ok    ' if sound else 'FAILED'}  {name}  {time.monotonic() - started:.1f} s", flush=True)
        if not sound:
            failures.append(f"== {name}\n{told.strip()}")
    print("\n".join(["", *failures] if failures else ["all checks passed"]))
    return 1 if failures else 0


def _types() -> Outcome:
    """mypy looks for the library's dependencies where the default lane has them."""
    # On standard error scripts/run says what it had to set up; only standard output is the answer.
    lane = subprocess.run(
        [str(ROOT / "scripts" / "run"), "python", "-c", "import sys; print(sys.executable)"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if lane.returncode != 0:
        return False, lane.stderr
    return _run("mypy", "--no-error-summary", "--python-executable", lane.stdout.strip(), "libs")


def _contracts() -> Outcome:
    contracts = [path for path in sorted((ROOT / "schemas").glob("*/v*.yaml")) if ".draft." not in path.name]
    if not contracts:
        return False, "expected contracts at schemas/<dataset>/v<major>.yaml, found none"
    outcomes = [(path, _run("datacontract", "lint", str(path))) for path in contracts]
    return all(sound for _, (sound, _) in outcomes), "\n".join(
        f"{path}: {told}" for path, (sound, told) in outcomes if not sound
    )


def _run(*command: str) -> Outcome:
    env = {**os.environ, "COLUMNS": "160"}
    told = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return told.returncode == 0, told.stdout + told.stderr


if __name__ == "__main__":
    sys.exit(main())
