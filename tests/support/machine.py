"""Copies of the project's tooling in other folders, and machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tooling_in(folder: Path, requirements: Mapping[str, str]) -> Path:
    """A root with this project's scripts/run in `folder`, whose environments need only what `requirements` says.

    `requirements` maps an environment (a lane, tools) to the text of its file of pins.
    """
    shutil.copytree(ROOT / "scripts" / "environment", folder / "scripts" / "environment")
    shutil.copy2(ROOT / "scripts" / "run", folder / "scripts" / "run")
    shutil.copy2(ROOT / "runtimes.toml", folder / "runtimes.toml")
    (folder / "libs").symlink_to(ROOT / "libs")
    (folder / "requirements").mkdir()
    shutil.copy2(ROOT / "requirements" / "build.txt", folder / "requirements")
    for name, text in requirements.items():
        (folder / "requirements" / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def path_without(program: str, folder: Path) -> str:
    """A PATH with all that this machine's has, but for `program`."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        if not place.is_dir() or ".venv" in place.parts:
            continue
        for found in place.iterdir():
            if found.name != program and not (folder / found.name).exists():
                (folder / found.name).symlink_to(found)
    return str(folder)


def bare_environment(**changes: str) -> dict[str, str]:
    """The environment of a shell outside any lane: what scripts/run itself exported is not inherited."""
    ours = ("SLUICE_", "SPARK_", "PYSPARK_", "PYTHON", "VIRTUAL_ENV", "JAVA_HOME", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    outside = [place for place in kept["PATH"].split(os.pathsep) if not place.startswith(str(ROOT / ".venv"))]
    return {**kept, "PATH": os.pathsep.join(outside), "CI": "true", **changes}


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
