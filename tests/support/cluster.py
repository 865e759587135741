"""A Spark standalone cluster on this machine: a master and workers, each a process of its own."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_SMALL = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


@dataclass(frozen=True)
class Cluster:
    """`master` is its URL; `workers` are the workers' processes."""

    master: str
    workers: tuple[psutil.Process, ...]

    def at_work(self, program: str) -> psutil.Process | None:
        """A worker one of whose executors has started `program` (part of a command line); None where none has."""
        for worker in self.workers:
            if any(program in " ".join(_words(each)) for each in _under(worker)):
                return worker
        return None


def die(worker: psutil.Process) -> None:
    """End a worker, its executors and their Python as power would: SIGKILL, all at once, nobody is told."""
    for each in (worker, *_under(worker)):
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue


@contextmanager
def cluster(folder: Path, env: Mapping[str, str], workers: int = 2, cores: int = 2) -> Iterator[Cluster]:
    """Starts it with the Spark of env's SPARK_HOME, and ends it with all that it started, whatever happens.

    `env` is what its processes, and so its executors, see: a machine's role, no variable of the driver's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started: list[psutil.Process] = []
    try:
        log = folder / "master.log"
        options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        started.append(_start("master.Master", options, log, env, folder))
        master = _told(log, r"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            options = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", str(cores), "--memory", "2g"]
            options += ["--work-dir", str(folder / f"work-{number}"), master]
            started.append(_start("worker.Worker", options, folder / f"worker-{number}.log", env, folder))
        for number in range(workers):
            _told(folder / f"worker-{number}.log", r"(Successfully registered) with master")
        yield Cluster(master, tuple(started[1:]))
    finally:
        for process in started:
            die(process)
        psutil.wait_procs(started, timeout=10)


def _start(kind: str, options: list[str], log: Path, env: Mapping[str, str], folder: Path) -> psutil.Process:
    words = [str(Path(env["SPARK_HOME"], "bin", "spark-class")), f"org.apache.spark.deploy.{kind}", *options]
    with open(log, "wb") as output:
        return psutil.Popen(
            words, env={**env, **_SMALL}, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )


def _told(log: Path, pattern: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text("utf-8", "replace")):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"{log.name}: expected `{pattern}` within {seconds} s; it ends:\n{log.read_text()[-2000:]}")


def _under(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
