"""The delivery stream's function, as Lambda takes it: environment and release -> request."""

from __future__ import annotations

import base64
from typing import Any

from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment
from sluice.deploy.sections import Delivery
from sluice.errors import UsageError
from sluice.runtime.s3 import split


def section(environment: Environment) -> Delivery:
    found = environment.section("delivery")
    assert isinstance(found, Delivery)
    return found


def configuration(environment: Environment, release: Deployable, function: str) -> dict[str, Any]:
    """What UpdateFunctionConfiguration takes beside the name, and CreateFunction, too.

    Raises UsageError where the release has no function for the dataset.
    """
    own, made = section(environment).functions[function], release.function
    if own.dataset not in made.datasets:
        raise UsageError(
            f"function {function}: release {release.version} is compiled for {', '.join(made.datasets)}, not for "
            f"{own.dataset}; name it in runtimes.toml, [delivery], and build the release anew"
        )
    return {
        "Description": f"sluice {release.version}: transforms {own.dataset}",
        "Role": section(environment).role,
        "Handler": made.handler,
        "Runtime": f"python{made.python}",
        "Timeout": own.timeout_seconds,
        "MemorySize": own.memory_mb,
        # A dataset's name is no secret: the environment's key is for data.
        "Environment": {"Variables": {"SLUICE_DATASET": own.dataset}},
    }


def code(release: Deployable) -> dict[str, str]:
    """Where the code is; the same in CreateFunction's `Code` and in UpdateFunctionCode."""
    bucket, key = split(release.at(release.function.zip))
    return {"S3Bucket": bucket, "S3Key": key}


def code_sha256(release: Deployable) -> str:
    """The zip's digest as Lambda tells it, by which a function is known to run this code."""
    path = release.function.zip
    digest = next(file.sha256 for file in release.manifest.files if file.path == path)
    return base64.b64encode(bytes.fromhex(digest)).decode()


def create_function(environment: Environment, release: Deployable, function: str) -> dict[str, Any]:
    """The request CreateFunction."""
    return {
        "FunctionName": environment.full_name(function),
        "Code": code(release),
        "PackageType": "Zip",
        "Architectures": [release.function.architecture],
        "Tags": environment.all_tags(),
        **configuration(environment, release, function),
    }


def update_configuration(environment: Environment, release: Deployable, function: str) -> dict[str, Any]:
    """The request UpdateFunctionConfiguration."""
    return {"FunctionName": environment.full_name(function), **configuration(environment, release, function)}


def update_code(environment: Environment, release: Deployable, function: str) -> dict[str, Any]:
    """The request UpdateFunctionCode."""
    name = environment.full_name(function)
    return {"FunctionName": name, "Architectures": [release.function.architecture], **code(release)}
