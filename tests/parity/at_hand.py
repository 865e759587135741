"""A process of a platform on this machine: where it runs, what it sees, and how it ended."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replaced import bare, s3_conf
from support.s3 import S3Server

# Half the CPU of a short run is the JVM compiling itself; it computes the same.
SMALL_JVM = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}

# Written into a folder of its own, which is all of PYTHONPATH: at its end a driver tells what it ran with.
_WITNESS = """
import atexit, json, os, sys
def tell():
    names = ("sluice", "deltalake", "msgspec", "pyarrow", "great_expectations", "pyspark")
    found = {name: getattr(sys.modules.get(name), "__file__", None) for name in names}
    if found["sluice"]:
        with open(os.environ["SLUICE_WITNESS"], "w") as file:
            json.dump({"modules": found, "argv": sys.argv, "path": sys.path, "executable": sys.executable}, file)
atexit.register(tell)
"""


@dataclass(frozen=True)
class Platform:
    """`folder` is empty when a run begins, and the run's working directory; `preinstalled` are packages of Glue's."""

    folder: Path
    server: S3Server
    master: str
    preinstalled: tuple[str, ...] = ()

    @property
    def spark_home(self) -> str:
        return os.environ["SPARK_HOME"]

    @property
    def spark_submit(self) -> str:
        return str(Path(self.spark_home, "bin", "spark-submit"))

    def conf(self) -> dict[str, str]:
        """Settings of the platform's own: S3, and no web page that another test's could collide with."""
        return {**s3_conf(self.server), "spark.ui.enabled": "false"}

    def environment(self, **more: str) -> Mapping[str, str]:
        witness = self.folder / "witness"
        witness.mkdir(exist_ok=True)
        (witness / "sitecustomize.py").write_text(_WITNESS, encoding="utf-8")
        paths = ":".join([str(witness), *([more["PYTHONPATH"]] if "PYTHONPATH" in more else [])])
        own = {**SMALL_JVM, **more, "PYTHONPATH": paths, "SLUICE_WITNESS": str(self.folder / "witnessed.json")}
        return bare(self.server, self.spark_home, os.environ.get("JAVA_HOME", ""), self.folder, **own)


@dataclass(frozen=True)
class Ran:
    """A run that has ended: the job's last line, and what the driver's Python had loaded from where."""

    exit_code: int
    summary: dict[str, Any]
    modules: dict[str, str]
    argv: list[str]
    path: list[str]
    script: Path
    log: str


def ended(words: Sequence[str], env: Mapping[str, str], folder: Path, script: Path) -> Ran:
    """Run it to its end. Raises AssertionError, with the end of its log, where it left no summary."""
    with (
        open(folder / "log", "wb") as log,
        open(folder / "output", "wb") as output,
        subprocess.Popen(words, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=log) as process,
    ):
        try:
            code = process.wait(timeout=240)
        finally:
            process.kill()
    told = (folder / "log").read_text("utf-8", "replace")
    lines = (folder / "output").read_text("utf-8", "replace").splitlines()
    assert lines, told[-6000:]
    assert lines[-1].startswith("{"), lines[-1] + told[-6000:]
    seen = json.loads((folder / "witnessed.json").read_text("utf-8"))
    modules = {name: path for name, path in seen["modules"].items() if path}
    return Ran(code, json.loads(lines[-1]), modules, seen["argv"], seen["path"], script, told)


def fetched(platform: Platform, uri: str) -> Path:
    """The object at `uri`, under its own name in a folder of its own."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    path = platform.folder / "fetched" / key.rsplit("/", 1)[1]
    path.parent.mkdir(exist_ok=True)
    platform.server.client("reader").download_file(bucket, key, str(path))
    return path
