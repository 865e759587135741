"""scripts/bench: a tiny paired run tells what a table holds, what it cost, and how ours compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.machine import ROOT, bare_environment, run

# It measures itself and not Spark: one lane is enough.
pytestmark = pytest.mark.lane("spark-4.1")

FIGURES = {
    "wall_seconds", "wall_seconds_by_round", "cpu_seconds", "peak_total_rss_bytes", "peak_jvm_rss_bytes",
    "peak_python_rss_bytes", "peak_total_pss_bytes", "written_files", "written_bytes", "jobs", "stages", "result",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bench")
    asked = "--messages 3k --warm 0 --hours 1 --peers a,d2 --driver-memory 1g --lake-seed 3".split()
    command: list[str | Path] = [ROOT / "scripts" / "bench", "--lane", "spark-4.1", *asked]
    done = run([*command, "--out", folder / "report.json"], cwd=folder, env=bare_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told == json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return told


def test_each_contender_has_every_figure_and_costs_something(report: dict[str, Any]) -> None:
    assert set(report["contenders"]) == {"a", "d2"}
    for found in report["contenders"].values():
        assert found.keys() >= FIGURES
        assert all(found[name] > 0 for name in FIGURES - {"result", "wall_seconds_by_round"})
        assert found["peak_jvm_rss_bytes"] <= found["peak_total_rss_bytes"]
    assert report["contenders"]["d2"]["steps"]["stage"] > 0


def test_ours_holds_the_truth_and_the_others_damage_is_counted(report: dict[str, Any]) -> None:
    expected, (plain, ours) = report["expected"], (report["contenders"][name]["result"] for name in ("a", "d2"))
    assert report["sound"]
    assert ours == {"rows": expected["curated"], "empty": 0, "doubled": 0, "lost": 0, "invented": 0}
    # Every row is true once, true again, or not true; and every true row is there or lost.
    assert plain["rows"] == expected["curated"] - plain["lost"] + plain["doubled"] + plain["invented"]
    assert 0 < plain["doubled"] <= expected["duplicates"]


def test_ratios_are_ours_over_theirs(report: dict[str, Any]) -> None:
    plain, ours = (report["contenders"][name] for name in ("a", "d2"))
    assert report["ratios"] == {
        "d2/a": {
            kind: pytest.approx(ours[f"{kind}_seconds"] / plain[f"{kind}_seconds"], abs=1e-3)
            for kind in ("wall", "cpu")
        }
    }
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["lane"] == "spark-4.1"
