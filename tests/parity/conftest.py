"""A release of this lane on the tests' S3 server, and what a local run makes of the data that all runs are given."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from building.arguments import parse as build_order
from building.release import build
from clouds import DATASET, LANE, Cloud, Delivered
from control_planes import account
from landing.__main__ import land
from landing.arguments import parse as land_order
from sluice.deploy.release import Release, read_release
from sluice.runtime import aws
from submission import local
from submission.arguments import parse as submit_order
from support.s3 import S3Server

_DELIVERY = "--messages 2000 --seed 11 --hours 4 --workers 1 --object-seconds 1800"
_SHARES = "--duplicates 0.03 --late 0.05 --damaged 0.02 --wrong 0.02 --unknown 0.05"


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of the files as they are, for this lane and this interpreter alone."""
    order = build_order(["--allow-dirty", "true", "--lane", LANE, "--out", str(tmp_path_factory.mktemp("dist") / "r")])
    python = ".".join(map(str, sys.version_info[:2]))
    own = {**order.runtimes["release"], "python": {LANE: [python]}}
    if python not in order.runtimes["release"]["python"][LANE]:
        pytest.skip(f"a release has no wheels for Python {python}")
    build(replace(order, runtimes={**order.runtimes, "release": own}))
    return read_release(order.out or Path())


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    lake = str(tmp_path_factory.mktemp("local"))
    expected = land(land_order(["--lake", lake, *_DELIVERY.split(), *_SHARES.split()]))["expected"]
    words = local.command(submit_order(["--target", "local", "curate", "--lake", lake, "--dataset", DATASET]))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return Delivered(lake, expected)


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
