"""Incremental equals full, always: whatever arrives, goes, or is rewritten, in whatever order and however often."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from killing import Camera, as_nobody, watch_commits
from sightings import (
    Message,
    analysis,
    analyzed,
    arrive,
    definitions,
    expected,
    found,
    go,
    optimize,
    source_of,
    table_of,
)
from sluice.analytics.analyze import places_of
from sluice.analytics.definition import Analysis
from sluice.lake.commit import open_table
from sluice.lake.ledger import Ledger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# At borders of windows, a hair before and after them, across midnight, hours apart.
MOMENTS = [0, 4.999999, 5, 29.999999, 30, 30.000001, 34, 60, 65, 3600, 7200.5, 90_000]
moments = st.sampled_from(MOMENTS)
deliveries = st.lists(st.tuples(moments, st.integers(0, 8)), min_size=1, max_size=5)
steps = st.one_of(
    st.tuples(st.just("arrive"), deliveries),
    st.tuples(st.just("go"), st.integers(0, 8)),
    st.tuples(st.sampled_from(["optimize source", "optimize table", "again"]), st.none()),
)


@pytest.fixture
def unchecked() -> Analysis:
    """The shipped analysis without its suite: Great Expectations takes longer to import than all the rest."""
    from dataclasses import replace

    return replace(analysis(), suite=None)


def done(lake: str, messages: list[Message], step: tuple[str, Any]) -> list[Message]:
    """Take one step at the lake; the messages that the source holds after it."""
    what, told = step
    if what == "arrive":
        arrive(lake, told)
        return [*messages, *told]
    if what == "go":
        go(lake, f"name = 'n{told}'")
        return [one for one in messages if one[1] != told]
    if what == "optimize source":
        optimize(source_of(lake))
    elif what == "optimize table" and open_table(table_of(lake)) is not None:
        optimize(table_of(lake))
    return messages


@settings(max_examples=4)
@given(deliveries, st.lists(steps, min_size=2, max_size=5), st.sets(st.integers(0, 4)))
def test_after_any_steps_the_rows_are_those_of_the_definition(
    spark: SparkSession,
    unchecked: Analysis,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[Message],
    then: list[tuple[str, Any]],
    runs_after: set[int],
) -> None:
    lake = str(tmp_path_factory.mktemp("lake"))
    messages = done(lake, [], ("arrive", first))
    analyzed(spark, lake, unchecked)
    for number, step in enumerate(then):
        messages = done(lake, messages, step)
        if number in runs_after:
            analyzed(spark, lake, unchecked)
    told = analyzed(spark, lake, unchecked)
    assert "full" not in told
    assert found(lake) == expected(messages)
    assert analyzed(spark, lake, unchecked)["outcome"] == "nothing new"


def test_windows_that_nothing_touches_keep_their_files_and_rows_of_empty_ones_vanish(
    spark: SparkSession, lake: str, unchecked: Analysis
) -> None:
    early, late = [(0.0, 1), (40.0, 2)], [(90_000.0, 3), (90_031.0, 4)]
    arrive(lake, early)
    analyzed(spark, lake, unchecked)
    arrive(lake, late)
    assert analyzed(spark, lake, unchecked)["windows"] == 12
    before = {file.rsplit("/", 1)[1]: file for file in DeltaTable(table_of(lake)).file_uris()}
    go(lake, "name = 'n3'")
    told = analyzed(spark, lake, unchecked)
    assert (told["windows"], told["counts"]["read"], told["counts"]["replaced"]) == (6, 0, 6)
    after = {file.rsplit("/", 1)[1] for file in DeltaTable(table_of(lake)).file_uris()}
    kept = {name for name, file in before.items() if "window_date=2017-11-28" not in file}
    assert kept
    assert kept <= after
    assert found(lake) == expected([*early, (90_031.0, 4)])


def test_all_windows_are_reckoned_where_the_log_or_the_definition_cannot_tell_and_the_run_says_why(
    spark: SparkSession, lake: str, unchecked: Analysis, tmp_path: Path
) -> None:
    from dataclasses import replace

    messages: list[Message] = [(0.0, 1), (40.0, 2)]
    arrive(lake, messages[:1])
    assert "nothing is published" in analyzed(spark, lake, unchecked)["full"]
    arrive(lake, messages[1:])
    DeltaTable(source_of(lake)).create_checkpoint()
    (Path(source_of(lake)) / "_delta_log" / f"{1:020d}.json").unlink()
    assert "log does not tell" in analyzed(spark, lake, unchecked)["full"]
    assert found(lake) == expected(messages)
    text = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.sql").read_text()
    folder = definitions(tmp_path / "other", sql=text.replace("count(1) AS total", "count(1) + 1 AS total"))
    other = replace(analysis(folder=folder), suite=None)
    assert "SQL has changed" in analyzed(spark, lake, other)["full"]
    assert [row["total"] for row in found(lake)] == [row["total"] + 1 for row in expected(messages)]
    shutil.rmtree(table_of(lake))
    assert "table is gone" in analyzed(spark, lake, other, dry_run=True)["full"]
    assert analyzed(spark, lake, unchecked, full=True)["full"] == "--full true asks for it"
    assert found(lake) == expected(messages)


def test_a_batch_that_breaks_its_contract_is_held_and_taken_up_with_all_that_came_since(
    spark: SparkSession, lake: str, unchecked: Analysis, tmp_path: Path
) -> None:
    from dataclasses import replace

    arrive(lake, [(0.0, 1)])
    analyzed(spark, lake, unchecked)
    text = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.sql").read_text()
    folder = definitions(tmp_path / "other", sql=text.replace("  country,", "  nullif(country, 'Qatar') AS country,"))
    broken = replace(analysis(folder=folder), suite=None)
    arrive(lake, [(40.0, 2)])
    told = analyzed(spark, lake, broken)
    assert (told["outcome"], told["exit_code"]) == ("held", 3)
    assert "required:country: observed 6 of" in told["error"]
    assert found(lake) == expected([(0.0, 1)])
    assert analyzed(spark, lake, broken)["outcome"] == "held"
    arrive(lake, [(50.0, 4)])
    assert analyzed(spark, lake, unchecked)["outcome"] == "published"
    assert found(lake) == expected([(0.0, 1), (40.0, 2), (50.0, 4)])
    assert Ledger.open(places_of(lake, "sentiment_by_country").ledger).open_batches == ()


@pytest.mark.kill
@pytest.mark.lane("spark-4.1")
def test_killed_at_any_instant_the_next_run_ends_with_the_same_table(
    spark: SparkSession, tmp_path: Path, unchecked: Analysis
) -> None:
    lake, album = str(tmp_path / "lake"), tmp_path / "album"
    messages: list[Message] = [(0.0, 1), (31.0, 2), (7200.0, 3)]
    later: list[Message] = [(33.0, 4), (7231.0, 5)]
    arrive(lake, messages)
    analyzed(spark, lake, unchecked)
    arrive(lake, later)
    go(lake, "name = 'n3'")
    album.mkdir()
    camera = Camera(lake, album)
    with pytest.MonkeyPatch.context() as patch:
        watch_commits(patch, camera)
        as_nobody(patch)
        analyzed(spark, lake, unchecked)
    wanted = expected([one for one in [*messages, *later] if one[1] != 3])
    assert found(lake) == wanted
    assert len(camera.photographs) >= 5
    for photograph in camera.photographs:
        analyzed(spark, photograph.lake, unchecked)
        assert found(photograph.lake) == wanted, photograph.when
        assert analyzed(spark, photograph.lake, unchecked)["outcome"] == "nothing new", photograph.when
        named = {uri.rsplit("/", 1)[1] for uri in DeltaTable(table_of(photograph.lake)).file_uris()}
        assert len(named) == len(DeltaTable(table_of(photograph.lake)).file_uris())
