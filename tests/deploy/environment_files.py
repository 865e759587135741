"""Environments and releases that tests of deploying share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sluice.deploy.deployable import Deployable, release_uri
from sluice.deploy.environments import Environment, read_environment
from sluice.deploy.release import Lane, Manifest, ReleaseFile

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"
_FILES = (
    "jobs/curate.py", "sluice-{version}-py3-none-any.whl", "sbom.json",
    "lanes/spark-4.1/wheels/rich-14.0-py3-none-any.whl", "lanes/spark-4.1/wheels/msgspec-1-cp313.whl",
    "lanes/spark-4.1/wheels.gluewheels.zip", "lanes/spark-4.1/environment.tar.gz",
    "lanes/spark-3.5/wheels/msgspec-1-cp311.whl", "lanes/spark-3.5/wheels.gluewheels.zip",
)  # fmt: skip


def file(name: str = "dev") -> dict[str, Any]:
    """One of the example files, as data, with the one job whose script the small releases here have."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text(encoding="utf-8"))
    found["jobs"] = {name: job for name, job in found["jobs"].items() if job["script"] == "curate"}
    return found


def environment(name: str = "dev", **changes: Any) -> Environment:
    """The example `name` with other top-level settings; None takes one away."""
    data = {key: value for key, value in {**file(name), **changes}.items() if value is not None}
    return read_environment(yaml.safe_dump(data), f"{name}.yaml")


def contents(version: str) -> dict[str, bytes]:
    """The files of a small release."""
    return {path.format(version=version): f"{path} of {version}".encode() for path in _FILES}


def manifest(version: str = "0.2.0", commit: str = "c" * 40) -> Manifest:
    files = [ReleaseFile(path, hashlib.sha256(data).hexdigest(), len(data)) for path, data in contents(version).items()]
    new, old = "lanes/spark-4.1", "lanes/spark-3.5"
    wheels = (f"{new}/wheels/rich-14.0-py3-none-any.whl", f"{new}/wheels/msgspec-1-cp313.whl")
    lanes = {
        "spark-4.1": Lane(
            ("Glue 6.0", "emr-spark-8.1.0"), "3.13", f"{new}/wheels.gluewheels.zip", wheels, f"{new}/environment.tar.gz"
        ),
        "spark-3.5": Lane(
            ("Glue 5.1", "emr-7.12 to 7.14"), "3.11", f"{old}/wheels.gluewheels.zip",
            (f"{old}/wheels/msgspec-1-cp311.whl",),
        ),
    }  # fmt: skip
    return Manifest(1, "sluice", version, commit, "here", ">=3.11", lanes, tuple(files))


def release(environment: Environment, version: str = "0.2.0") -> Deployable:
    return Deployable(release_uri(environment.artifacts, version), manifest(version))


def built(folder: Path, version: str = "0.2.0", commit: str = "c" * 40) -> Path:
    """The release as scripts/build leaves it in a folder."""
    for path, data in contents(version).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest(version, commit)))
    return folder
