"""The table of checks: every batch's rows once, and the newest ones found however long the history is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from sluice.errors import LeaseLostError
from sluice.lake import merge
from sluice.lake.checks import CheckRow, as_json, publish_checks, recent_checks, row_of, tidy_checks
from sluice.lake.commit import open_table
from sluice.lake.pruned import files_newest_first, rows_within
from sluice.runtime.storage import join

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = CheckRow(
    "visits", "b1", 1, 1, "published", "r1", AT, "few rows", "expect_x", "", "critical", "gate", None, "", 10, 0, "10",
    10.0, "at most 50", True, "passed", "f",
)  # fmt: skip


def nothing() -> None:
    """Nobody has taken the lease."""


def batch(sequence: int, state: str = "published") -> list[CheckRow]:
    row = replace(ROW, sequence=sequence, batch_id=f"b{sequence}", state=state, observed_value=float(sequence))
    return [row, replace(row, name="another")]


@pytest.fixture
def uri(lake: str) -> str:
    return join(lake, "checks")


def test_a_row_comes_back_from_the_ledger_as_it_was() -> None:
    assert row_of(as_json(ROW)) == ROW


def test_publishing_again_adds_nothing(uri: str) -> None:
    for _ in range(3):
        publish_checks(uri, batch(1), 1, nothing)
    table = open_table(uri)
    assert table is not None
    assert (table.version(), table.to_pyarrow_dataset().count_rows()) == (1, 2)
    assert recent_checks(uri, 5) == batch(1)


def test_a_run_that_has_lost_its_lease_publishes_nothing(uri: str) -> None:
    publish_checks(uri, batch(1), 1, nothing)

    def lost() -> None:
        raise LeaseLostError("lost")

    with pytest.raises(LeaseLostError):
        publish_checks(uri, batch(2), 2, lost)
    assert [row.sequence for row in recent_checks(uri, 9)] == [1, 1]


def test_the_newest_batches_are_found_also_behind_many_held_ones(uri: str) -> None:
    for sequence in range(1, 31):
        publish_checks(uri, batch(sequence, "published" if sequence <= 5 else "held"), sequence, nothing)
    assert sorted({row.sequence for row in recent_checks(uri, 3)}) == [28, 29, 30]
    assert sorted({row.sequence for row in recent_checks(uri, 3, state="published")}) == [3, 4, 5]
    assert sorted({row.sequence for row in recent_checks(uri, 2, before=10)}) == [8, 9]
    assert sorted({row.sequence for row in recent_checks(uri, 99, state="published")}) == [1, 2, 3, 4, 5]


def test_merged_files_keep_every_row(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_FILES", 4)
    for sequence in range(1, 12):
        publish_checks(uri, batch(sequence), sequence, nothing)
        tidy_checks(uri, nothing)
    assert [row.sequence for row in recent_checks(uri, 99)] == [s for s in range(1, 12) for _ in range(2)]
    assert len(DeltaTable(uri).file_uris()) < 6


def test_only_files_that_may_hold_the_rows_are_read_and_a_later_column_is_null_in_older_ones(uri: str) -> None:
    old = pa.schema([("number", pa.int64())])
    for start in (0, 10, 20):
        write_deltalake(uri, pa.table({"number": range(start, start + 10)}, schema=old), mode="append")
    new = pa.schema([*old, ("more", pa.string())])
    table = DeltaTable(uri)
    found = rows_within(table, uri, new, "number", {"number": (12, 15)})
    assert found.to_pydict() == {"number": [12, 13, 14, 15], "more": [None] * 4}
    assert len(list(files_newest_first(table, uri, new, "number", {"number": (12, 15)}))) == 1
    newest = next(files_newest_first(table, uri, new, "number", {}))
    assert newest.column("number").to_pylist() == list(range(20, 30))
