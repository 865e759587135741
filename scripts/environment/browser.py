"""A browser for the tests: the machine's own, or Debian's Chromium where one may install it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from environment.report import say, step

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_PLACES = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)


def find() -> str | None:
    """The first browser of the Chromium family that answers; `SLUICE_BROWSER` names one to take before all others."""
    named = os.environ.get("SLUICE_BROWSER")
    candidates = [named] if named else [*filter(None, map(shutil.which, _NAMES)), *_PLACES]
    return next((path for path in candidates if _answers(path)), None)


def find_or_install(folder: Path) -> str | None:
    """What `find` finds; else, as root on a system with apt-get, installs Debian's Chromium.

    `folder` holds the lock that keeps two from doing it at once. None where neither works, after saying why: the tests
    that need a browser then say that they are skipped.
    """
    found = find()
    if found or os.environ.get("SLUICE_BROWSER"):
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say("no browser (Chromium, Chrome, Edge) found, and not root on a system with apt-get: nothing opens the pages")
        return None
    with open(folder / ".browser.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find() or _install()


def _install() -> str | None:
    with step("no browser on this machine, installing Debian's chromium with apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        careful = ("-oDPkg::Lock::Timeout=300", "-oAcquire::Retries=3")
        for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
            done = subprocess.run(
                ["apt-get", *careful, *command],
                env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            if done.returncode != 0:
                last = "\n  ".join((done.stdout + done.stderr).splitlines()[-5:])
                say(f"apt-get {command[0]} ended with code {done.returncode}:\n  {last}")
        found = find()
    if found is None:
        say("expected a browser after that, found none that starts: nothing opens the pages")
    return found


def _answers(path: str) -> bool:
    """Does it start? Some systems have a `chromium-browser` that only says how to get one."""
    try:
        told = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0 and any(name in told.stdout for name in ("Chrom", "Edge"))
