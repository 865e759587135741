"""What of a table changed, told by its log: exactly the rows that came or went, however files were written again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from sightings import START, arrive, go, message, optimize, source_of
from sluice.lake.changes import changed_files, files_within, instants_in, latest, newest_version

pytestmark = pytest.mark.lane("spark-4.1")
COLUMNS = ["event_time", "event_date", "country", "sentiment_value"]
MICROS = 10**6
messages = st.lists(st.tuples(st.sampled_from([0, 1, 29.5, 31, 90_000]), st.integers(0, 5)), min_size=1, max_size=6)
BASE = int(START.timestamp()) * MICROS


def changed(lake: str, since: int) -> list[float] | None:
    """Seconds after the start of rows that came or went, to the microsecond."""
    version = newest_version(source_of(lake))
    assert version is not None
    changes = changed_files(version, since)
    if changes is None:
        return None
    found = instants_in(version.uri, changes, "event_time", 1, COLUMNS)
    return None if found is None else [(at - BASE) / MICROS for at in found.tolist()]


@settings(max_examples=15)
@given(messages, messages, st.integers(0, 5), st.booleans())
def test_the_instants_are_those_of_rows_that_came_or_went_and_of_no_other(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[float, int]],
    then: list[tuple[float, int]],
    gone: int,
    joined: bool,
) -> None:
    lake = str(tmp_path_factory.mktemp("lake"))
    arrive(lake, first)
    arrive(lake, then)
    if joined:
        optimize(source_of(lake))
    go(lake, f"name = 'n{gone}'")

    def told(some: list[tuple[float, int]]) -> Counter[tuple[float, str, float]]:
        made = [(at, message(at, number)) for at, number in some]
        return Counter((at, one["country"], one["sentiment_value"]) for at, one in made)

    before, after = told(first), told([one for one in [*first, *then] if one[1] != gone])
    assert changed(lake, 0) == sorted({at for at, *_ in ((before - after) + (after - before))})


def test_what_only_puts_rows_elsewhere_is_no_change_and_a_log_or_a_file_that_is_gone_tells_nothing(lake: str) -> None:
    uri = source_of(lake)
    arrive(lake, [(0, 1)])
    arrive(lake, [(1, 2)])
    optimize(uri)
    assert changed(lake, 1) == []
    go(lake, "name = 'n2'")
    assert changed(lake, 2) == [1.0]
    table = DeltaTable(uri)
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert changed(lake, 2) is None
    table.create_checkpoint()
    (Path(uri) / "_delta_log" / f"{table.version():020d}.json").unlink()
    assert changed(lake, table.version() - 1) is None
    assert changed(lake, table.version()) == []


def test_files_are_chosen_by_their_bounds_of_any_version_and_one_without_bounds_always(lake: str) -> None:
    uri = source_of(lake)
    for at in (0.0, 3600.0, 7200.0):
        arrive(lake, [(at, 1), (at + 10, 2)])

    def count(first: float, end: float, version: int | None = None) -> int:
        spans = [(BASE + int(first * MICROS), BASE + int(end * MICROS))]
        return len(files_within(uri, "event_time", spans, version))

    assert [count(0, 1), count(10, 11), count(11, 3600), count(5, 3605), count(0, 9e9)] == [1, 1, 0, 2, 3]
    assert [count(0, 9e9, 1), len(files_within(uri, "event_time", None)), count(0, 0)] == [2, 3, 0]
    assert len(files_within(uri, "channel_time", [(0, 1)])) == 3
    assert latest(uri, "event_time") == BASE + 7210 * MICROS
