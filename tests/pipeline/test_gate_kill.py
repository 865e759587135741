"""Killed while gating, holding, releasing or reporting: the next run ends with what an undisturbed one ends with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from killing import Camera, Photograph, as_nobody, watch_commits
from lakes import (
    Boundaries,
    curated_by,
    deliver,
    expectation,
    outcome,
    places,
    suite_of,
    transitions,
    versions,
    visit,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.kill
SUITE = suite_of(
    expectation("size is small", "column_values_to_be_between", column="size", max_value=100),
    expectation("path is a root", "column_values_to_be_in_set", "warning", column="path", value_set=["/0"]),
    expectation("few rows", "table_row_count_to_be_between", max_value=20),
    history=[{"metric": "row_count", "severity": "warning", "at_least": 1}],
)
# Each source object is a batch: one to be held between two to be published.
OPTIONS: dict[str, Any] = {"suite": SUITE, "max_batch_files": 1}


def delivery(lake: str) -> None:
    deliver(lake, [visit(n) for n in range(12)] + [{**visit(50), "size": 1e9}], "2017/11/26/15", "a")
    deliver(lake, [visit(n) for n in range(100, 130)] + [b"{junk"], "2017/11/26/16", "b")
    deliver(lake, [visit(n) for n in range(200, 210)] + [visit(3)], "2017/11/26/17", "c")


@dataclass(frozen=True)
class Story:
    """A run, what it ends with, and the lake at every instant of it."""

    expected: dict[str, Any]
    photographs: list[Photograph]
    seen: list[str]
    end: str


def told(spark: SparkSession, lake: str, album: Path, **options: Any) -> Story:
    album.mkdir()
    camera = Camera(lake, album)
    with pytest.MonkeyPatch.context() as patch:
        watch_commits(patch, camera)
        as_nobody(patch)
        curated_by(spark, lake, progress=Boundaries(camera), **OPTIONS, **options)
        camera("the end")
    return Story(shape(lake), camera.photographs, camera.seen, lake)


def shape(lake: str) -> dict[str, Any]:
    """The tables, how many batches are open and held, and that every closed run has its page."""
    newest = {row.batch_id: row for row in transitions(lake)}
    closed = transitions(lake)[-1].state in ("published", "held")
    page = Path(places(lake).docs, "runs", f"{transitions(lake)[-1].run_id}.html")
    return {
        **outcome(lake),
        "open": len(outcome(lake)["open"]),
        "states": sorted(row.state for row in newest.values()),
        "released": sorted((row.released_by, row.release_reason, row.waived) for row in newest.values()),
        "page": closed and page.exists() and (Path(places(lake).docs) / "index.html").exists(),
    }


@pytest.fixture(scope="module")
def held(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("gate-kill")
    lake = str(folder / "a lake")
    delivery(lake)
    yield told(spark, lake, folder / "album")
    shutil.rmtree(folder, ignore_errors=True)


def problems(spark: SparkSession, story: Story, tmp_path: Path) -> list[str]:
    """What differs after a run over each photograph; and whether the run after that one made a commit."""
    found = []
    for number, photograph in enumerate(story.photographs):
        if not list(Path(photograph.lake).rglob("ledger/_delta_log/*1.json")):
            continue  # before the first row of the ledger there is nothing to recover
        lake = str(tmp_path / f"run-{number}")
        shutil.copytree(photograph.lake, lake)
        curated_by(spark, lake, **OPTIONS)
        ended = shape(lake)
        found += [f"killed at {photograph.when}: {k} differs" for k in ended if ended[k] != story.expected[k]]
        before = versions(lake)
        curated_by(None, lake, **OPTIONS)
        if versions(lake) != before:
            found.append(f"killed at {photograph.when}: a rerun with nothing new made a commit")
        shutil.rmtree(lake)
    return found


def test_the_walk_meets_every_step_of_the_gate(held: Story) -> None:
    steps = ["suite", "gate", "hold", "publish checks", "before checks commit", "after checks commit", "pages"]
    assert [step for step in steps if step not in held.seen] == []
    assert held.expected["states"] == ["held", "published", "published"]
    outcomes = {(row["name"], row["outcome"]) for row in held.expected["checks"]}
    assert {("few rows", "held"), ("size is small", "refused"), ("path is a root", "reported")} <= outcomes
    assert held.expected["page"]


def test_killed_while_gating_or_holding_the_next_run_ends_the_same(
    spark: SparkSession, held: Story, tmp_path: Path
) -> None:
    assert len(held.photographs) >= 15
    assert problems(spark, held, tmp_path) == []


def test_killed_while_releasing_the_next_run_ends_the_same(spark: SparkSession, held: Story, tmp_path: Path) -> None:
    """The release was asked for once; the run that finishes it is not told again."""
    lake = str(tmp_path / "a lake")
    shutil.copytree(held.end, lake)
    (batch,) = outcome(lake)["open"]
    story = told(spark, lake, tmp_path / "album", release_held=batch, reason="a replay", released_by="ops")
    assert story.expected["states"] == ["published"] * 3
    assert ("ops", "a replay", ("few rows",)) in story.expected["released"]
    # Before the release stands in the ledger nobody has heard of it.
    asked = [p for p in story.photographs if transitions(p.lake)[-1].released_by]
    assert len(asked) >= 5
    walked = Story(story.expected, asked, story.seen, story.end)
    assert problems(spark, walked, tmp_path) == []
