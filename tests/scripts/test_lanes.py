"""runtimes.toml is the only place that names versions: what is made from it says the same."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from environment.lanes import lane_names, load_lane, read_runtimes
from environment.lock import wanted
from support.machine import ROOT

RUNTIMES = read_runtimes(ROOT)
LANES = lane_names(ROOT)


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    return {each.name: str(each.specifier).removeprefix("==") for each in requirements}


@pytest.mark.parametrize("name", wanted(ROOT))
def test_what_runtimes_names_is_pinned_in_the_requirements_as_it_says(name: str) -> None:
    pinned = pins(name)
    for requirement in map(Requirement, wanted(ROOT)[name]):
        assert requirement.specifier.contains(pinned[requirement.name]), f"run scripts/lock: {requirement}"


@pytest.mark.parametrize("name", wanted(ROOT))
def test_every_requirement_is_pinned_to_one_version(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#") and "==" not in line.split(";")[0]] == []


@pytest.mark.parametrize("lane", LANES)
def test_a_lane_names_one_spark_one_delta_and_one_scala(lane: str) -> None:
    entry = RUNTIMES["lanes"][lane]
    pinned = pins(lane)
    assert (pinned["pyspark"], pinned["delta-spark"]) == (entry["spark"], entry["delta"])
    group, artifact, version = entry["maven"]["delta"][0].split(":")
    assert (group, version) == ("io.delta", entry["delta"])
    assert artifact.endswith(f"_{entry['scala']}")
    assert lane == f"spark-{'.'.join(entry['spark'].split('.')[:2])}"


@pytest.mark.parametrize("lane", LANES)
def test_the_wheel_accepts_what_a_lane_has(lane: str) -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "setup")
    given = {word.arg: word.value for word in call.keywords}
    extras = ast.literal_eval(given["extras_require"])
    ranges = [*ast.literal_eval(given["install_requires"]), *extras["spark"], *extras["quality"]]
    pinned = pins(lane)
    for requirement in map(Requirement, ranges):
        assert requirement.specifier.contains(pinned[requirement.name]), requirement


def test_the_tests_run_on_the_lane_they_say(spark: object) -> None:
    import pyspark

    lane = load_lane(ROOT, os.environ["SLUICE_LANE"])
    assert pyspark.__version__ == lane.entry["spark"]
    jars = {jar.name for jar in Path(os.environ["SPARK_HOME"], "jars").iterdir()}
    for group, artifact, version in (coordinate.split(":") for coordinate in lane.maven("delta")):
        assert f"{group}_{artifact}-{version}.jar" in jars
