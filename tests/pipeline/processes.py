"""Runs in processes of their own: started, waited for until they stop or end, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KILLABLE = Path(__file__).with_name("killable.py")
_SMALL = "--driver-memory 512m --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 pyspark-shell"


@contextmanager
def killable(lake: str, signal: str, step: str, seconds: float = 300) -> Iterator[subprocess.Popen[str]]:
    """A run that will send itself `signal` at `step`; killed at the end of the `with` whatever it does."""
    command = [sys.executable, str(_KILLABLE), lake, signal, step, str(seconds)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYSPARK_SUBMIT_ARGS": _SMALL},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=None if "://" in lake else Path(lake).parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_stopped(process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait until the process has stopped itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        if state == "T":
            return
        if state in "ZX":
            raise AssertionError(f"expected a stopped run, found one that ended: {process.communicate()}")
        time.sleep(0.05)
    raise AssertionError("expected a stopped run, found one that goes on")
