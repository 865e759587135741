"""The process that one contender runs in, and the parent's side of it.

::

    parent                          child (a fresh Python, and a fresh JVM)
      | -- order (JSON argument) ----> warms up on a small lake
      | <- {"ready"} ---------------- |
      | -- line ---------------------> the big lake, timed
      | <- {"wall_seconds", ...} ---- |   the parent has watched CPU and memory from `line` until here
      | -- line ---------------------> tells its Spark jobs, ends
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from benchmark.contenders import CONTENDERS, ON_TWEETS
from benchmark.watch import Watch
from sluice.errors import SluiceError, StorageError


def run_contender(name: str, lake: Path, warm: Path | None, memory: str, scratch: Path) -> dict[str, Any]:
    """Run one contender on `lake` in a process of its own, after `warm` where given; its figures.

    StorageError where it ended before its time; what it said is in `scratch`/log.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    order = {"name": name, "lake": str(lake), "warm": str(warm or ""), "memory": memory, "scratch": str(scratch)}
    log = scratch / "log"
    with log.open("w") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmark.child", json.dumps(order)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=scratch,
        )  # fmt: skip
        assert child.stdin
        assert child.stdout
        try:
            _heard(child.stdout, name, log)
            with Watch(child.pid) as watch:
                _say(child.stdin)
                done = _heard(child.stdout, name, log)
            _say(child.stdin)
            jobs = _heard(child.stdout, name, log)
        finally:
            child.stdin.close()  # a child that reads the end of its input ends
            child.wait()
    return {**done, **watch.figures(), **jobs}


def _say(stream: TextIO) -> None:
    stream.write("\n")
    stream.flush()


def _heard(stream: TextIO, name: str, log: Path) -> dict[str, Any]:
    line = stream.readline()
    if not line:
        last = "\n  ".join(log.read_text(errors="replace").splitlines()[-25:])
        raise StorageError(f"contender {name} ended before its time; its last words:\n  {last}")
    found: dict[str, Any] = json.loads(line)
    return found


def main(order: dict[str, str]) -> None:
    """The child's side."""
    with os.fdopen(os.dup(1), "w") as told:
        os.dup2(2, 1)  # whatever else prints, the JVM too, goes to the log
        try:
            _work(order, told)
        except SluiceError as error:
            print(error, file=sys.stderr)
            sys.exit(error.exit_code)


def _work(order: dict[str, str], told: TextIO) -> None:
    from benchmark.sessions import jobs_since, next_job, start_spark

    name = order["name"]
    what = CONTENDERS[name][2] if name in CONTENDERS else ON_TWEETS[name]
    spark = None if name == "b" else start_spark(order["memory"], Path(order["scratch"]))
    if order["warm"]:
        what(spark, Path(order["warm"]), order["memory"])
    first = next_job(spark) if spark else 0
    _turn(told, {"ready": True})
    began = time.perf_counter()
    found = what(spark, Path(order["lake"]), order["memory"])
    _turn(told, {"wall_seconds": round(time.perf_counter() - began, 3), **found})
    jobs = jobs_since(spark, first) if spark else []
    print(json.dumps({"jobs": len(jobs), "stages": sum(j["stages"] for j in jobs), "job_list": jobs}), file=told)
    told.flush()
    if spark:
        spark.stop()


def _turn(told: TextIO, what: dict[str, Any]) -> None:
    print(json.dumps(what), file=told, flush=True)
    if not sys.stdin.readline():
        sys.exit("nobody waits for this any more")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
