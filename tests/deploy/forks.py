"""Processes of scripts/deploy, some of which kill themselves: a warm parent forks each, so that each costs little.

Standard input: lines `[{"words": [...], "kill_at": N or null}, ...]`, all of one line at once. Answers: lines
`[[exit code, what was told], ...]`; a killed one's code is -9. `kill_at` counts requests to AWS of any service: the
process kills itself when it is about to send that one, so the one before was done, and it never heard more.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

Told = list[tuple[int, str]]


class Forks:
    """The parent, seen from a test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *each: tuple[Sequence[str], int | None]) -> Told:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([{"words": list(words), "kill_at": at} for words, at in each]) + "\n")
        self._process.stdin.flush()
        return [(code, told) for code, told in json.loads(self._process.stdout.readline())]


@contextmanager
def forks(environment: dict[str, str]) -> Iterator[Forks]:
    paths = os.pathsep.join(each for each in sys.path if each)
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment, "PYTHONPATH": paths},
    )  # fmt: skip
    try:
        yield Forks(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def _deploy(words: Sequence[str], kill_at: int | None, told: TextIO) -> None:
    import boto3

    from deployment.__main__ import main

    made, count = boto3.client, itertools.count(1)

    def counting(*args: Any, **how: Any) -> Any:
        client = made(*args, **how)
        client.meta.events.register_first("before-send.*.*", sending)
        return client

    def sending(**_: Any) -> None:
        if next(count) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    boto3.client = counting
    os.dup2(told.fileno(), 1)
    os.dup2(told.fileno(), 2)
    os._exit(main(["deploy", *words]))


def _serve() -> None:
    import boto3

    from deployment import __main__  # noqa: F401 - warm

    for service in ("s3", "glue"):
        boto3.client(service)  # their models are read once
    for line in sys.stdin:
        running = []
        for each in json.loads(line):
            told = tempfile.TemporaryFile("w+")  # noqa: SIM115 - of the child, and read when it has ended
            pid = os.fork()
            if pid == 0:
                try:
                    _deploy(each["words"], each["kill_at"], told)
                finally:
                    os._exit(70)
            running.append((pid, told))
        answers = []
        for pid, told in running:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            told.seek(0)
            answers.append((code, told.read()))
            told.close()
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    _serve()
