"""Runs an EMR step and an EMR Serverless job run as sent: the request and S3 are all that is known.

Both platforms put files and archives into a container's working directory before the driver's Python starts, which is
why `./environment/bin/python` can be its interpreter; a folder is made here as they make it.
"""

from __future__ import annotations

import shlex
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from at_hand import Platform, Ran, ended, fetched
from replaced import base_python

_YARN, _SERVERLESS = "spark.yarn.appMasterEnv.", "spark.emr-serverless.driverEnv."
# Options of spark-submit that a step of ours may have, besides --conf.
_KNOWN = ("--master", "--deploy-mode", "--name", "--py-files")


def run_step(platform: Platform, request: Mapping[str, Any], unpacked: Path) -> Ran:
    """One step of AddJobFlowSteps; `unpacked` is a folder where archives are kept for other runs of the session."""
    (step,) = request["Steps"]
    assert step["HadoopJarStep"]["Jar"] == "command-runner.jar"
    program, *words = step["HadoopJarStep"]["Args"]
    assert program == "spark-submit"
    options, conf, rest = parsed(words)
    assert (options.pop("--master"), options.pop("--deploy-mode")) == ("yarn", "cluster")
    script, *arguments = rest
    localize(platform, conf, options.get("--py-files", ""), unpacked)
    env = {key.removeprefix(_YARN): value for key, value in conf.items() if key.startswith(_YARN)}
    # YARN adds what is no .py of --py-files to the PYTHONPATH of all containers.
    paths = [f"./{name(uri)}" for uri in options.pop("--py-files", "").split(",")]
    env["PYTHONPATH"] = ":".join(paths)
    return submitted(platform, [word for pair in options.items() for word in pair], conf, script, arguments, env)


def run_serverless(platform: Platform, request: Mapping[str, Any], unpacked: Path) -> Ran:
    """One StartJobRun of EMR Serverless."""
    told = request["jobDriver"]["sparkSubmit"]
    options, conf, rest = parsed(shlex.split(told["sparkSubmitParameters"]))
    assert (options, rest) == ({}, [])
    assert all(path.startswith("/usr/share/aws/") for path in conf.pop("spark.jars").split(","))
    localize(platform, dict(conf), conf["spark.submit.pyFiles"], unpacked)  # the driver's; executors get Spark's own
    env = {key.removeprefix(_SERVERLESS): value for key, value in conf.items() if key.startswith(_SERVERLESS)}
    return submitted(platform, [], conf, told["entryPoint"], told["entryPointArguments"], env)


def submitted(
    platform: Platform, options: Sequence[str], conf: Mapping[str, str], script: str, words: Sequence[str],
    env: Mapping[str, str],
) -> Ran:  # fmt: skip
    """spark-submit of `script`, which Spark itself fetches from S3, in the platform's folder."""
    whole = {**conf, **platform.conf()}
    command = [platform.spark_submit, "--master", platform.master, "--deploy-mode", "client", *options]
    command += [word for key, value in whole.items() for word in ("--conf", f"{key}={value}")]
    own = platform.environment(**env, SLUICE_CLUSTER_PYTHON=base_python())
    return ended([*command, script, *words], own, platform.folder, fetched(platform, script))


def parsed(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """spark-submit's words -> its options, its --conf, and what follows: the script and its arguments."""
    options: dict[str, str] = {}
    conf: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("--"):
        key, value, *rest = rest
        if key == "--conf":
            setting, _, text = value.partition("=")
            assert setting not in conf, f"{setting} is set twice"
            conf[setting] = text
        else:
            assert key in _KNOWN, key
            options[key] = value
    return options, conf, rest


def localize(platform: Platform, conf: dict[str, str], files: str, unpacked: Path) -> None:
    """Puts files and archives into the working directory, the latter unpacked under the name after `#`."""
    for uri in files.split(","):
        (platform.folder / name(uri)).symlink_to(fetched(platform, uri))
    for archive in conf.pop("spark.archives").split(","):
        uri, _, alias = archive.partition("#")
        place = unpacked / name(uri)
        if not place.exists():
            with tarfile.open(fetched(platform, uri)) as packed:
                packed.extractall(place, filter="data")
        (platform.folder / alias).symlink_to(place)


def name(uri: str) -> str:
    return uri.rsplit("/", 1)[1]
