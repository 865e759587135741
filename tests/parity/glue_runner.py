"""Runs what CreateJob and StartJobRun ask for, as Glue would: these two requests and S3 are all that it knows."""

from __future__ import annotations

import importlib.metadata
import os
import random
import re
import shlex
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from at_hand import Platform, Ran, ended, fetched

# What a run has beside its arguments, and what a scheduler or a person may add.
_OWN = {"--JOB_ID": "j_0", "--JOB_RUN_ID": "jr_0", "--TempDir": "s3://aws-glue-assets/temporary/"}
_UNKNOWN = {"--surprise": "1", "--tag-of-scheduler": "--not an option"}


def run(platform: Platform, create: Mapping[str, Any], start: Mapping[str, Any], seed: int) -> Ran:
    """One run of the job; `seed` shuffles the order in which the arguments come."""
    folder = platform.folder
    arguments = {**create["DefaultArguments"], **start.get("Arguments", {})}
    assert start["JobName"] == create["Name"]
    assert arguments["--datalake-formats"] == "delta", "Glue has Delta's jars only where it is told"
    script = fetched(platform, create["Command"]["ScriptLocation"])
    python = installed(platform, arguments)
    own = {**_OWN, **_UNKNOWN, "--JOB_NAME": create["Name"], **arguments}
    pairs = list(own.items())
    random.Random(seed).shuffle(pairs)
    conf = {**parsed_conf(arguments.get("--conf", "")), **platform.conf()}
    words = [platform.spark_submit, "--master", platform.master, "--deploy-mode", "client"]
    words += [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    words += [str(script), *(word for pair in pairs for word in pair)]
    env = platform.environment(PYSPARK_PYTHON=str(python), PYSPARK_DRIVER_PYTHON=str(python))
    return ended(words, env, folder, script)


def parsed_conf(text: str) -> dict[str, str]:
    """`a=1 --conf b=2` -> {a: 1, b: 2}; Glue writes `--conf` before the whole, and spark-submit reads it."""
    words = shlex.split(f"--conf {text}") if text else []
    assert words[::2] == ["--conf"] * (len(words) // 2), words
    return dict(word.split("=", 1) for word in words[1::2])


def installed(platform: Platform, arguments: Mapping[str, str]) -> Path:
    """The Python of an environment that was empty, after pip did what the arguments say; it can reach no index."""
    folder = platform.folder / "python"
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    words = shlex.split(arguments.get("--python-modules-installer-option", ""))
    assert "--no-index" in words, "a cluster has no internet"
    for uri in arguments["--additional-python-modules"].split(","):
        assert uri.startswith("s3://"), f"{uri} would be looked for in an index"
        path = fetched(platform, uri)
        if path.name.endswith(".gluewheels.zip"):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(path.parent / path.stem)
            wheels = path.parent / path.stem / "wheels"
            words += ["--find-links", str(wheels), "-r", str(wheels / "requirements.txt")]
            path.unlink()
        else:
            words.append(str(path))
    command = [sys.executable, "-P", "-m", "pip", "--python", str(python), "install", *words]
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Compiling would double the time; the interpreter does it for what is imported.
    env = platform.environment(**own, PIP_COMPILE="0", PIP_NO_CACHE_DIR="1")
    done = subprocess.run(command, env=env, cwd=platform.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    _preinstall(platform.preinstalled, folder)
    return python


def _preinstall(names: Iterable[str], environment: Path) -> None:
    """Give the environment what Glue brings: links to the lane's packages `names` and to what these need.

    Comes after pip, which must never see (and so never replace) what the links lead to.
    """
    (site,) = environment.glob("lib/python*/site-packages")
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = importlib.metadata.distribution(name)
        needs = [each for each in found.requires or () if ";" not in each]
        waiting += [match[0] for each in needs if (match := re.match(r"[\w.-]+", each))]
        base = Path(str(found.locate_file("")))
        for top in {path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(base / top)
