"""scripts/run [--lane NAME] [--with-s3] [--with-browser] COMMAND [ARGUMENT...]

Runs COMMAND in the environment of a lane of runtimes.toml; makes the environment first where it is missing or out of
date, and says so. The command keeps the current folder and finds the lane's Python, Spark, Java and the library.

  --lane NAME   a lane of runtimes.toml, or `tools` (default: $SLUICE_LANE, else the default lane)
  --with-s3     bring the jars with which Spark reads and writes S3, too
  --with-browser
                see to a browser for the tests: where there is none, root gets Debian's chromium by apt-get

  SLUICE_PYTHON                a Python to make environments with
  SLUICE_IGNORE_SYSTEM_JAVA=1  bring a Java even where the machine has one
  SLUICE_BROWSER               a browser of the Chromium family to take
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from environment import browser, java, spark, venvs
from environment.lanes import Lane, load_lane
from environment.report import SetupError, say

# Settings of another Spark or Python on this machine that would make the lane something else.
_OTHERS = ("PYTHONHOME", "SPARK_DIST_CLASSPATH", "PYTHONSTARTUP", "PYTHONUSERBASE")


def main(root: Path, arguments: Sequence[str]) -> int:
    name, extras, command = _parse(arguments)
    if os.pathsep in str(root):
        raise SetupError(f"expected a folder without `{os.pathsep}`, which separates the entries of PATH, found {root}")
    lane = load_lane(root, name or os.environ.get("SLUICE_LANE"))
    wanted = ("delta", *(("s3",) if "--with-s3" in extras else ())) if lane.has_spark else ()
    java_home = _ready(lane, wanted) or _make(lane, wanted)
    env = _environment(lane, java_home)
    if "--with-browser" in extras:
        env["SLUICE_BROWSER"] = browser.find_or_install(lane.folder.parent) or ""
    found = shutil.which(command[0], path=env["PATH"])
    if found is None:
        raise SetupError(f"expected a command that lane {lane.name} has, found no {command[0]!r} on its PATH")
    os.execve(found, command, env)


def _parse(arguments: Sequence[str]) -> tuple[str | None, set[str], list[str]]:
    rest, name, extras = list(arguments), None, set[str]()
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--lane" and rest:
            name = rest.pop(0)
        elif option.startswith("--lane="):
            name = option.removeprefix("--lane=")
        elif option in ("--with-s3", "--with-browser"):
            extras.add(option)
        elif option in ("-h", "--help"):
            print(__doc__)
            raise SystemExit(0)
        else:
            raise SetupError(f"expected --lane NAME, --with-s3 or --with-browser before the command, found {option!r}")
    if not rest:
        raise SetupError(f"expected a command\n{__doc__}")
    return name, extras, rest


def _ready(lane: Lane, wanted: Sequence[str]) -> Path | None:
    """JAVA_HOME (the environment's own folder for `tools`) when all is made already, by a few small reads."""
    content = lane.described()
    if not all(venvs.is_made(lane, what, content) for what in ("packages", *wanted)):
        return None
    return java.known_home(lane) if lane.has_spark else lane.folder


def _make(lane: Lane, wanted: Sequence[str]) -> Path:
    with venvs.only_one(lane):
        content = lane.described()
        missing = [what for what in ("packages", *wanted) if not venvs.is_made(lane, what, content)]
        if "packages" in missing:
            venvs.make_venv(lane)
            venvs.mark_made(lane, "packages", content)
            missing = ["packages", *wanted]
        if not lane.has_spark:
            return lane.folder
        java_home = java.known_home(lane) or java.find_or_bring(lane)
        for which in (jars for jars in wanted if jars in missing):
            spark.bring_jars(lane, which, java_home)
            venvs.mark_made(lane, which, content)
        if missing:
            say(f"{lane.name}: ready")
        return java_home


def _environment(lane: Lane, java_home: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _OTHERS}
    scripts = [str(lane.folder / "bin")]
    if lane.has_spark:
        scripts.append(str(java_home / "bin"))
        env |= {"JAVA_HOME": str(java_home), "SPARK_HOME": str(spark.spark_home(lane)), "SPARK_LOCAL_IP": "127.0.0.1"}
        env |= dict.fromkeys(("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"), str(venvs.python_of(lane)))
        env |= {"SLUICE_LANE": lane.name, "SPARK_CONF_DIR": str(Path(__file__).parent / "conf")}
    env["VIRTUAL_ENV"] = str(lane.folder)
    env["PATH"] = os.pathsep.join([*scripts, env.get("PATH", os.defpath)])
    env["PYTHONPATH"] = os.pathsep.join([str(lane.root / "libs"), str(lane.root / "scripts")])
    return env


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
    except SetupError as problem:
        print(f"scripts/run: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
