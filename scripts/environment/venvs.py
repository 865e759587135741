"""The virtual environment of a lane: made whole or made again, by one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from environment.lanes import Lane
from environment.report import SetupError, say, step

# What a person's pip settings must not do to an environment: put packages elsewhere.
_MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_PYTHON", "PYTHONPATH")
_WORTH_TELLING = re.compile(
    r"^\s*(Downloading .*\([1-9]\d+(\.\d+)? MB\)|Building wheel.*\.\.\.|Installing collected packages)"
)


@contextmanager
def only_one(lane: Lane) -> Iterator[None]:
    """Holds the lane's lock; the system lets go of it when the process ends, however it ends."""
    lane.folder.parent.mkdir(exist_ok=True)
    with open(lane.folder.parent / f".{lane.name}.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{lane.name}: another process is making this environment, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def python_of(lane: Lane) -> Path:
    return lane.folder / "bin" / "python"


def stamp_of(lane: Lane, what: str) -> Path:
    return lane.folder / "made" / what


def is_made(lane: Lane, what: str, content: str) -> bool:
    """Was this part finished, from this content? The stamp is written last, so a part without one is not trusted."""
    try:
        return stamp_of(lane, what).read_text(encoding="utf-8") == _digest(content)
    except OSError:
        return False


def mark_made(lane: Lane, what: str, content: str) -> None:
    stamp = stamp_of(lane, what)
    stamp.parent.mkdir(exist_ok=True)
    os.sync()
    draft = stamp.with_suffix(".draft")
    draft.write_text(_digest(content), encoding="utf-8")
    draft.rename(stamp)


def make_venv(lane: Lane) -> None:
    """Makes the environment anew from the lane's pinned requirements.

    Raises SetupError with pip's last words.
    """
    shutil.rmtree(lane.folder, ignore_errors=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    with step(f"{lane.name}: virtual environment with Python {'.'.join(map(str, sys.version_info[:3]))}"):
        _run(lane, [base, "-I", "-m", "venv", "--clear", str(lane.folder)], "making the virtual environment")
    with step(f"{lane.name}: packages of requirements/{lane.requirements.name}"):
        if lane.has_spark:  # PySpark has no wheel: it is built, with these and not with what is newest today
            pip(lane, "-r", str(lane.root / "requirements" / "build.txt"))
        pip(lane, "--no-build-isolation", "-r", str(lane.requirements))


def pip(lane: Lane, *arguments: str) -> None:
    # Byte code is left to the first import: compiling thousands of modules nobody imports takes longer than the rest.
    command = [str(python_of(lane)), "-I", "-m", "pip", "install", "--no-input", "--no-compile", "--progress-bar=off"]
    _run(lane, [*command, "--disable-pip-version-check", *arguments], f"pip install {' '.join(arguments)}")


def _run(lane: Lane, command: Sequence[str], what: str) -> None:
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    log: list[str] = []
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line.rstrip())
            if _WORTH_TELLING.match(line):
                say(f"  {line.strip()[:110]}")
    if process.returncode != 0:
        last = "\n  ".join(log[-15:])
        raise SetupError(
            f"{lane.name}: {what} ended with code {process.returncode}:\n  {last}\n"
            "What is there is not trusted; the next call starts over. Look at the network, the disk and pip's settings."
        )


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
