"""Turns runtimes.toml into the pins under requirements/: a file an environment, right for each Python we support."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from environment.lanes import read_runtimes

ROOT = Path(__file__).parents[2]


def wanted(root: Path) -> dict[str, list[str]]:
    """What each requirements file is made from: file name without its suffix -> requirement lines."""
    runtimes = read_runtimes(root)
    packages = runtimes["packages"]
    common = packages["runtime"] + packages["quality"] + packages["tests"]
    lanes = {name: sorted([*entry["packages"], *common]) for name, entry in runtimes["lanes"].items()}
    return {**lanes, "tools": packages["tools"], "build": packages["build"]}


def main() -> int:
    oldest = read_runtimes(ROOT)["python"][0]
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    command = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--no-header",
        "--no-annotate",
        f"--python-version={oldest}",
    ]
    for name, lines in wanted(ROOT).items():
        path = ROOT / "requirements" / f"{name}.txt"
        print(f"requirements/{name}.txt", file=sys.stderr)
        subprocess.run(
            [*command, *sys.argv[1:], "-", "-o", str(path)], input="\n".join(lines), text=True, env=env, check=True
        )
        head = "# Made by scripts/lock from runtimes.toml; not edited by hand.\n"
        path.write_text(head + path.read_text(encoding="utf-8").removeprefix(head), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
