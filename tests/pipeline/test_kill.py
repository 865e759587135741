"""Killed at any instant, the next run ends with the tables of an undisturbed one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from killing import Camera, Photograph, as_nobody, watch_commits
from lakes import (
    Boundaries,
    curated_by,
    deliver,
    files_not_named,
    minor,
    outcome,
    places,
    transitions,
    versions,
    visit,
)
from sluice.lake.commit import open_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.kill
# Small enough that a batch has several tasks, and files of one partition to be joined.
OPTIONS: dict[str, Any] = {"target_file_bytes": 3000}
STEPS = [
    "lease", "list", "plan", "probe", "stage", "account", "duplicates", "mend", "point of no return", "publish",
    "publish quarantine", "publish curated", "close", "sweep",
]  # fmt: skip


def first_delivery(lake: str) -> None:
    damage = [b'{"id": 5', {"id": "w", "at": "12"}]
    deliver(lake, [visit(n, n % 2) for n in range(40)] + damage + [visit(1, 1)], "2017/11/26/15", "a")


def second_delivery(lake: str) -> None:
    """Duplicates within and of what is published, late ones, damage; in three source objects, so in several tasks."""
    deliver(lake, [visit(n, n % 2) for n in range(30, 70)] + [b"junk"], "2017/11/27/00", "a")
    deliver(lake, [visit(n, n % 3) for n in range(60, 110)] + [visit(3, -9, extra=1)], "2017/11/27/00", "b")
    deliver(lake, [visit(n, n % 3) for n in range(100, 130)] + [{"id": "late"}], "2017/11/27/01", "c", pack=False)


@dataclass(frozen=True)
class Story:
    """A run over a lake with one published batch, what it ends with, and the lake at every instant of it."""

    before: str
    expected: dict[str, Any]
    photographs: list[Photograph]
    seen: list[str]

    def between(self, first: str, last: str) -> list[Photograph]:
        """Photographs from the boundary `first` until the boundary `last`; see `at`."""
        numbers = [self.photographs.index(self.at(when)) for when in (first, last)]
        return self.photographs[numbers[0] : numbers[1] + 1]

    def at(self, when: str, which: int = 0) -> Photograph:
        """The lake as it was at the boundary `when`: the last photograph that was taken by then."""
        found = [p for p in self.photographs if p.when.split(": ", 1)[1].split(" #")[0] == when]
        return found[which]


def photographed(spark: SparkSession, lake: str, album: Path, **options: Any) -> Camera:
    """Run once over `lake`, with a camera."""
    album.mkdir()
    camera = Camera(lake, album)
    with pytest.MonkeyPatch.context() as patch:
        watch_commits(patch, camera)
        as_nobody(patch)
        curated_by(spark, lake, progress=Boundaries(camera), **{**OPTIONS, **options})
        camera("the end")
    return camera


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("kill")
    lake = str(folder / "a lake")
    first_delivery(lake)
    curated_by(spark, lake, **OPTIONS)
    second_delivery(lake)
    before = str(folder / "before")
    shutil.copytree(lake, before)
    camera = photographed(spark, lake, folder / "album")
    yield Story(before, outcome(lake), camera.photographs, camera.seen)
    shutil.rmtree(folder, ignore_errors=True)


def state_of(lake: str) -> str:
    return transitions(lake)[-1].state


def problems_after(
    spark: SparkSession | None,
    photograph: Photograph,
    expected: dict[str, Any],
    to: Path,
    meanwhile: Callable[[str], None],
) -> list[str]:
    """What is wrong with the tables when a run has gone over a copy of the photograph, and then another one."""
    lake = str(to / f"run-{photograph.when.split(':')[0]}")
    shutil.copytree(photograph.lake, lake)
    meanwhile(lake)
    curated_by(spark, lake, **OPTIONS)
    problems = differences(lake, expected)
    before = versions(lake)
    curated_by(None, lake, **OPTIONS)
    if versions(lake) != before:
        problems.append("a rerun with nothing new made a commit")
    return [f"killed at {photograph.when}: {problem}" for problem in problems]


def differences(lake: str, expected: dict[str, Any]) -> list[str]:
    found = outcome(lake)
    wrong = [f"{name} differs" for name in expected if found[name] != expected[name]]
    table = open_table(places(lake).curated)
    assert table is not None
    rows = table.to_pyarrow_dataset().count_rows()
    if rows != expected["counts"].curated - expected["counts"].replaced:
        wrong.append(f"{rows} rows in the table")
    return wrong


def nothing(lake: str) -> None:
    """Nobody touches the lake between the two runs."""


def optimized(lake: str) -> None:
    """Somebody joins the small files of both tables, as OPTIMIZE does."""
    for uri in (places(lake).curated, places(lake).quarantine):
        DeltaTable(uri).optimize.compact()


def test_the_walk_meets_every_step_of_the_protocol(story: Story) -> None:
    missing = [step for step in STEPS if step not in story.seen and step != "probe"]
    assert missing == []
    assert len(story.photographs) >= 9
    counts = story.expected["counts"]
    # The data must make every step do something, or the walk proves little.
    assert counts.duplicates >= 20
    assert counts.quarantined >= 4
    assert counts.rescued == 1
    assert story.expected["open"] == ()


def test_killed_before_the_point_of_no_return_the_next_run_stages_anew(
    spark: SparkSession, story: Story, tmp_path: Path
) -> None:
    early = [p for p in story.photographs if state_of(p.lake) in ("planned", "abandoned")]
    early = [story.photographs[0], *early]
    assert len(early) >= 4
    problems = [found for p in early for found in problems_after(spark, p, story.expected, tmp_path, nothing)]
    assert problems == []


@pytest.mark.parametrize("meanwhile", [nothing, optimized])
def test_killed_after_the_point_of_no_return_the_next_run_finishes_without_spark(
    story: Story, tmp_path: Path, meanwhile: Callable[[str], None]
) -> None:
    late = [p for p in story.photographs if state_of(p.lake) == "publishing"]
    late += story.photographs[story.photographs.index(late[-1]) + 1 :]
    assert len(late) >= 4
    problems = [found for p in late for found in problems_after(None, p, story.expected, tmp_path, meanwhile)]
    assert problems == []


def test_a_table_that_was_optimized_while_a_batch_was_planned_takes_the_batch_once(
    spark: SparkSession, story: Story, tmp_path: Path
) -> None:
    planned = [p for p in story.photographs if state_of(p.lake) == "planned"][-1]

    def by_spark(lake: str) -> None:
        for uri in (places(lake).curated, places(lake).quarantine):
            spark.sql(f"OPTIMIZE delta.`{uri}`")

    assert problems_after(spark, planned, story.expected, tmp_path, by_spark) == []


def test_a_staged_batch_follows_the_contract_it_was_staged_under(story: Story, tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    shutil.copytree(next(p for p in story.photographs if state_of(p.lake) == "publishing").lake, lake)
    curated_by(None, lake, minor(), **OPTIONS)
    assert differences(lake, story.expected) == []
    assert transitions(lake)[-1].contract_version == "1.2.0"


def test_a_planned_batch_is_staged_whole_under_the_contract_of_the_run_that_stages_it(
    spark: SparkSession, story: Story, tmp_path: Path
) -> None:
    lake = str(tmp_path / "lake")
    planned = [p for p in story.photographs if state_of(p.lake) == "planned"][-1]
    shutil.copytree(planned.lake, lake)
    already = {row["_record_hash"] for row in outcome(lake)["curated"]}
    curated_by(spark, lake, minor(), **OPTIONS)
    found = outcome(lake)
    assert found["counts"] == story.expected["counts"]
    assert [{k: v for k, v in row.items() if k != "title"} for row in found["curated"]] == story.expected["curated"]
    titles = {(row["_record_hash"] in already, row["title"]) for row in found["curated"]}
    assert titles == {(True, None), (False, "t")}


def lose_a_curated_file(lake: str) -> None:
    """Somebody's VACUUM takes a staged file that no log names yet."""
    listed = json.loads(transitions(lake)[-1].actions)["curated"]["adds"]
    staged = [Path(places(lake).curated, file["path"]) for file in listed]
    assert staged
    staged[0].unlink()


@pytest.mark.parametrize("when", ["before table commit", "publish curated"])
def test_a_batch_whose_staged_files_are_gone_is_staged_anew_under_its_recorded_contract(
    spark: SparkSession, story: Story, tmp_path: Path, when: str
) -> None:
    """Before anything of it was published, and when its quarantine was and has to be taken back."""
    found = [p for p in story.photographs if state_of(p.lake) == "publishing"]
    published = "publish curated" in when
    photograph = found[-1] if published and len(found) > 1 else found[0]
    if published:
        photograph = next(p for p in found if len(outcome(p.lake)["quarantine"]) == len(story.expected["quarantine"]))
    lake = str(tmp_path / "lake")
    shutil.copytree(photograph.lake, lake)
    lose_a_curated_file(lake)
    optimized(lake)
    curated_by(spark, lake, minor(), **OPTIONS)
    assert differences(lake, story.expected) == []
    last = transitions(lake)[-1]
    assert (last.state, last.attempt, last.contract_version) == ("published", 2, "1.2.0")


def test_killed_while_a_batch_is_staged_anew_the_next_run_still_ends_right(
    spark: SparkSession, story: Story, tmp_path: Path
) -> None:
    """The walk again, over the run that takes back a published quarantine and stages the batch once more."""
    found = [p for p in story.photographs if state_of(p.lake) == "publishing"]
    half = next(p for p in found if len(outcome(p.lake)["quarantine"]) == len(story.expected["quarantine"]))
    lake = str(tmp_path / "lake")
    shutil.copytree(half.lake, lake)
    lose_a_curated_file(lake)
    camera = photographed(spark, lake, tmp_path / "album")
    walked = [p for p in camera.photographs if transitions(p.lake)[-1].attempt == 1 or state_of(p.lake) != "published"]
    problems = [found for p in walked for found in problems_after(spark, p, story.expected, tmp_path, nothing)]
    assert problems == []


def test_a_run_that_ends_leaves_no_file_that_nobody_names(story: Story) -> None:
    assert files_not_named(story.photographs[-1].lake) == []
