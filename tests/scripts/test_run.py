"""scripts/run: environments are made whole, by one process at a time, in any folder, on a machine without Java."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from environment.java import WRAPPER
from support.machine import ROOT, bare_environment, path_without, run, tooling_in

# What the tests here share must not be made once a lane: they are about scripts/run, not about Spark.
pytestmark = pytest.mark.lane("spark-4.1")
SMALL = "iniconfig==2.3.1\n"


def _pins(lane: str, *names: str) -> str:
    lines = (ROOT / "requirements" / f"{lane}.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.split("==")[0] in names)


def test_without_a_java_the_set_up_brings_one_on_which_spark_writes_a_delta_table(tmp_path: Path) -> None:
    lane = "spark-4.1"
    root = tooling_in(tmp_path / "a folder", {lane: _pins(lane, "pyspark", "py4j")})
    env = bare_environment(PATH=path_without("java", tmp_path / "bin"))
    (tmp_path / "job.py").write_text(
        "import json, sys\n"
        "from sluice.runtime.session import build_session\n"
        "spark = build_session('probe', {'spark.ui.enabled': 'false'})\n"
        "spark.range(10).coalesce(1).write.format('delta').save(sys.argv[1])\n"
        "home = spark._jvm.System.getProperty('java.home')\n"
        "print(json.dumps([spark.read.format('delta').load(sys.argv[1]).count(), home, spark.version]))\n",
        encoding="utf-8",
    )
    command = [root / "scripts" / "run", "--lane", lane, "spark-submit", "--master", "local[1]"]
    done = run([*command, tmp_path / "job.py", str(tmp_path / "a table")], cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    rows, home, version = json.loads(done.stdout.splitlines()[-1])
    assert (rows, version) == (10, "4.1.1")
    assert Path(home).is_relative_to(root / ".venv" / lane)
    assert "no fitting Java on this machine" in done.stderr

    started = time.monotonic()
    again = run([root / "scripts" / "run", "--lane", lane, "true"], cwd=tmp_path, env=env)
    assert (again.returncode, again.stderr) == (0, "")
    assert time.monotonic() - started < 2  # 0.1 s on an idle machine


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        (["--add-modules=jdk.incubator.vector", "-version"], ["-version"]),
        (["-Xmx1g", "--add-modules", "jdk.incubator.vector", "A b", ""], ["-Xmx1g", "A b", ""]),
        (["--add-modules", "java.sql", "Main"], ["--add-modules", "java.sql", "Main"]),
        (
            ["--add-modules=java.sql", "x", "jdk.incubator.vector"],
            ["--add-modules=java.sql", "x", "jdk.incubator.vector"],
        ),
        (["--add-modules"], ["--add-modules"]),
        ([], []),
    ],
)
def test_the_brought_java_drops_the_module_it_lacks_and_passes_all_else_on(
    tmp_path: Path, given: list[str], passed_on: list[str]
) -> None:
    show = tmp_path / "show"
    show.write_text("#!/bin/sh\nfor argument do printf '%s\\n' \"$argument\"; done\n", encoding="utf-8")
    show.chmod(0o755)
    wrapper = tmp_path / "java"
    wrapper.write_text(WRAPPER.replace("{java}", str(show)), encoding="utf-8")
    wrapper.chmod(0o755)
    assert run([wrapper, *given], cwd=tmp_path, env={}).stdout.splitlines() == passed_on


def test_two_calls_at_once_make_one_environment(tmp_path: Path) -> None:
    root = tooling_in(tmp_path / "a folder", {"tools": SMALL})
    command = [root / "scripts" / "run", "--lane", "tools", "python", "-c", "import iniconfig"]
    both = [
        subprocess.Popen(command, env=bare_environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [each.communicate(timeout=120)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    assert "".join(told).count("virtual environment with") == 2  # announced, and done: by one of them
    assert "".join(told).count("another process is making this environment") <= 1


def test_an_environment_whose_making_was_killed_is_made_again(tmp_path: Path) -> None:
    root = tooling_in(tmp_path / "a folder", {"tools": SMALL})
    command = [root / "scripts" / "run", "--lane", "tools", "python", "-c", "import iniconfig"]
    first = subprocess.Popen(
        command, env=bare_environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    python = root / ".venv" / "tools" / "bin" / "python"
    while not python.exists():
        assert first.poll() is None
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    again = run(command, cwd=tmp_path, env=bare_environment())
    assert again.returncode == 0, again.stderr
    assert "virtual environment with" in again.stderr


def test_changed_pins_make_the_environment_anew(tmp_path: Path) -> None:
    root = tooling_in(tmp_path / "a folder", {"tools": SMALL})
    command = [root / "scripts" / "run", "--lane", "tools", "python", "-c", "import importlib.util as u; print(bool(u.find_spec('pluggy')))"]  # fmt: skip  # noqa: E501
    assert run(command, cwd=tmp_path, env=bare_environment()).stdout == "False\n"
    (root / "requirements" / "tools.txt").write_text("pluggy==1.7.0\n", encoding="utf-8")
    assert run(command, cwd=tmp_path, env=bare_environment()).stdout == "True\n"


def test_a_package_that_cannot_be_had_is_said_and_not_trusted_later(tmp_path: Path) -> None:
    root = tooling_in(tmp_path / "a folder", {"tools": "./is-not-there.whl\n"})
    for _ in range(2):
        done = run([root / "scripts" / "run", "--lane", "tools", "true"], cwd=tmp_path, env=bare_environment())
        assert done.returncode == 1
        assert "is-not-there.whl" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_machine_without_a_fitting_python_is_told_what_is_missing(tmp_path: Path) -> None:
    root = tooling_in(tmp_path / "a folder", {})
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "dirname", "sed", "tr", "head"):
        (tools / name).symlink_to(_which(name))
    old = tools / "python3"
    old.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.2'\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = run([root / "scripts" / "run", "true"], cwd=tmp_path, env={"PATH": str(tools)})
    assert done.returncode == 1
    assert "expected a Python of version 3.11, 3.12, 3.13, found none on PATH." in done.stderr
    assert "python3: Python 3.9.2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lane", "spark-9", "true"], "expected a lane of runtimes.toml (spark-4.1, spark-3.5), found 'spark-9'"),
        (["--lame", "true"], "expected --lane NAME, --with-s3 or --with-browser before the command, found '--lame'"),
        ([], "expected a command"),
    ],
)
def test_wrong_arguments_are_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run([ROOT / "scripts" / "run", *arguments], cwd=tmp_path, env=bare_environment())
    assert done.returncode == 1
    assert said in done.stderr


def _which(name: str) -> str:
    import shutil

    found = shutil.which(name)
    assert found is not None
    return found
