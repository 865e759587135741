"""An account whose S3 is the tests' server, and what is deployed to it and submitted by the scripts themselves."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from control_planes import Account
from deployment.__main__ import main as deploy
from environment_files import file
from sluice.deploy.release import Release
from sluice.runtime.storage import join, storage_for
from submission.__main__ import main as submit
from support.s3 import S3Server

LANE = os.environ.get("SLUICE_LANE", "spark-4.1")
JOB = "curate-app-messages"
DATASET = "app_messages"
_RUNTIMES = {"spark-4.1": ("6.0", "emr-spark-8.1.0"), "spark-3.5": ("5.1", "emr-7.13.0")}


@dataclass(frozen=True)
class Delivered:
    """The same delivery for every lake: `lake` is curated by a local run, and `expected` is what landing promised."""

    lake: str
    expected: dict[str, int]
    process: subprocess.Popen[bytes]
    log: Path

    def curated(self) -> str:
        """The lake, once the local run has ended well."""
        assert self.process.wait(timeout=240) == 0, self.log.read_text("utf-8", "replace")[-4000:]
        return self.lake

    def copy_to(self, lake: str) -> None:
        for stored in storage_for(self.lake).list(join(self.lake, "raw")):
            path = stored.uri.removeprefix(self.lake).lstrip("/")
            storage_for(lake).put(join(lake, path), storage_for(self.lake).read(stored.uri))


@dataclass(frozen=True)
class Cloud:
    """An account without jobs whose S3 is the tests' server."""

    server: S3Server
    planes: Account
    prefix: str

    def deployed(self, target: str, release: Release, folder: Path) -> str:
        """scripts/deploy, then scripts/submit --no-wait; the lake that the job was given."""
        glue, emr = _RUNTIMES[LANE]
        size = {"driver": {"cores": 1, "memory": "1g"}, "executor": {"cores": 2, "memory": "1g"}}
        lake = f"{self.prefix}/lake-{target}"
        changes = {"artifacts": f"{self.prefix}/artifacts", "lake": lake, "region": "us-east-1"}
        data = {**file("dev"), **changes}
        data["glue"] = {**data["glue"], "version": glue}
        data["emr"] = {"release": emr, "cluster": "j-PARITY0000", **size}
        data["emr-serverless"] = {**data["emr-serverless"], "release": emr, **size}
        env = folder / f"{target}.yaml"
        env.write_text(yaml.safe_dump(data), encoding="utf-8")
        delta = [{"Classification": "delta-defaults", "Properties": {"delta.enabled": "true"}}]
        running = {"Status": {"State": "WAITING"}, "ReleaseLabel": emr, "Configurations": delta}
        self.planes.emr.clusters["j-PARITY0000"] = running
        where = ["--target", target, "--env", str(env)]
        assert deploy(["deploy", *where, "--release", str(release.folder)]) == 0
        assert submit([*where, "--no-wait", JOB, "--target-file-bytes", "64m"]) == 0
        return lake
