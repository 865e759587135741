"""Jars that Spark needs beyond its own, put where it looks without being told: the folder of its own jars."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from environment.lanes import Lane
from environment.report import SetupError, say, step
from environment.venvs import python_of

# Spark's own launcher resolves `spark.jars.packages` before the gateway starts: no session, no host name of ours.
_RESOLVE = """
import json, sys
from pyspark import SparkConf
from pyspark.java_gateway import launch_gateway
conf = SparkConf(loadDefaults=False)
for key, value in json.loads(sys.argv[1]).items():
    conf.set(key, value)
gateway = launch_gateway(conf)
print("jars:" + (gateway.jvm.System.getProperty("spark.jars") or ""))
gateway.shutdown()
"""


def spark_home(lane: Lane) -> Path:
    """PySpark's folder in the environment, which is a whole Spark distribution."""
    return next(lane.folder.glob("lib/python3.*/site-packages/pyspark"))


def bring_jars(lane: Lane, which: str, java_home: Path) -> None:
    """Resolves the lane's `maven.<which>` and copies what Spark's own folder lacks into it.

    Raises SetupError with the resolver's last words when neither the person's Ivy cache nor a fresh one gives them.
    """
    with step(f"{lane.name}: {which} jars"):
        try:
            found = _resolve(lane, which, java_home, fresh=False)
        except SetupError as problem:
            say(f"{str(problem).splitlines()[0]}; trying again with an empty cache")
            found = _resolve(lane, which, java_home, fresh=True)
        folder = spark_home(lane) / "jars"
        for jar in found:  # <group>_<artifact>-<version>.jar, where Spark has them without the group
            if not (folder / jar.name.split("_", 1)[1]).exists():
                shutil.copyfile(jar, folder / f"{jar.name}.draft")
                (folder / f"{jar.name}.draft").rename(folder / jar.name)
        shutil.rmtree(_fresh_cache(lane), ignore_errors=True)


def _resolve(lane: Lane, which: str, java_home: Path, *, fresh: bool) -> list[Path]:
    conf = {"spark.jars.packages": ",".join(lane.maven(which)), "spark.jars.excludes": ",".join(lane.left_out)}
    conf["spark.master"] = "local[1]"
    if fresh:
        shutil.rmtree(_fresh_cache(lane), ignore_errors=True)
        conf["spark.jars.ivy"] = str(_fresh_cache(lane))
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "PYTHONPATH"))
    }
    env |= {"JAVA_HOME": str(java_home), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [str(python_of(lane)), "-I", "-c", _RESOLVE, json.dumps(conf)]
    told = subprocess.run(
        command, env=env, cwd=lane.folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
    )
    listed = re.findall(r"^jars:(.+)$", told.stdout, re.MULTILINE)
    jars = [Path(re.sub(r"^file:/*", "/", uri)) for uri in listed[0].split(",")] if listed else []
    wanted = {"{}_{}-{}.jar".format(*coordinate.split(":")) for coordinate in lane.maven(which)}
    broken = [jar.name for jar in jars if not zipfile.is_zipfile(jar)]
    if broken or not wanted <= {jar.name for jar in jars}:
        last = "\n  ".join((told.stderr + told.stdout).splitlines()[-15:])
        raise SetupError(
            f"{lane.name}: expected the jars of {', '.join(lane.maven(which))}, "
            f"found {broken or 'that they could not be resolved'}\n  {last}\n"
            "The network must reach a Maven repository; DEFAULT_ARTIFACT_REPOSITORY names another than Maven Central."
        )
    return jars


def _fresh_cache(lane: Lane) -> Path:
    return lane.folder / "ivy"
