"""A release of this lane on the tests' S3 server, and what a local run makes of the data that all runs are given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from at_hand import SMALL_JVM
from building.arguments import parse as build_order
from building.release import build
from clouds import DATASET, LANE, Cloud, Delivered
from control_planes import account
from landing.__main__ import land
from landing.arguments import parse as land_order
from sluice.deploy.release import MANIFEST, Release, read_release
from sluice.runtime import aws
from submission import local
from submission.arguments import parse as submit_order
from support.s3 import S3Server

_DELIVERY = "--messages 2000 --seed 11 --hours 4 --workers 1 --object-seconds 1800"
_SHARES = "--duplicates 0.03 --late 0.05 --damaged 0.02 --wrong 0.02 --unknown 0.05"


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of the files as they are, for this lane and this interpreter alone, without what no request names.

    Left out are the single wheels, 200 MB: Glue's zip and the archive, which are sent for, hold all of them.
    """
    folder = tmp_path_factory.mktemp("dist") / "release"
    order = build_order(["--allow-dirty", "true", "--lane", LANE, "--out", str(folder)])
    python = ".".join(map(str, sys.version_info[:2]))
    own = {**order.runtimes["release"], "python": {LANE: [python]}}
    if python not in order.runtimes["release"]["python"][LANE]:
        pytest.skip(f"a release has no wheels for Python {python}")
    build(replace(order, runtimes={**order.runtimes, "release": own}))
    shutil.rmtree(folder / "lanes" / LANE / "wheels")
    told = json.loads((folder / MANIFEST).read_text("utf-8"))
    told["files"] = [file for file in told["files"] if (folder / file["path"]).exists()]
    told["lanes"][LANE] |= {"wheels": [], "all_wheels": {}}
    (folder / MANIFEST).write_text(json.dumps(told), encoding="utf-8")
    return read_release(folder)


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    """A delivery, and a local run of it that goes on while a release is made, uploaded and installed."""
    lake = str(tmp_path_factory.mktemp("local"))
    expected = land(land_order(["--lake", lake, *_DELIVERY.split(), *_SHARES.split()]))["expected"]
    words = local.command(submit_order(["--target", "local", "curate", "--lake", lake, "--dataset", DATASET]))
    log = tmp_path_factory.mktemp("log") / "log"
    with open(log, "wb") as output:
        env = {**os.environ, **SMALL_JVM}
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env)
    try:
        yield Delivered(lake, expected, process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def cloud(s3_service: S3Server) -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as changed:
        for name, value in s3_service.environment().items():
            changed.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            changed.delenv(name, raising=False)
        aws.client.cache_clear()
        yield Cloud(s3_service, account(changed), f"s3://{s3_service.bucket}/{uuid.uuid4().hex[:12]}")
    aws.client.cache_clear()


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where archives are unpacked once for all runs that name the same one."""
    return tmp_path_factory.mktemp("unpacked")
