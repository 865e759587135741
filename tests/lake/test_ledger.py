"""The ledger: rows come back as they were told, a lost race changes nothing, and merging small files hides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import deltalake
import pytest

from sluice.errors import CommitUnknownError, LeaseLostError, LedgerError
from sluice.lake import commit, merge
from sluice.lake.commit import open_table
from sluice.lake.ledger import Ledger
from sluice.lake.transitions import Counts, LedgerSource, State, Transition
from sluice.runtime.storage import join

AT = datetime(2017, 11, 26, 15, 0, 0, 250, tzinfo=UTC)


def row(batch: str, state: State = "planned", **more: Any) -> Transition:
    given = {"number": 0, "at": AT, "run_id": "r1", "fence": 1, "batch_id": batch, "attempt": 1, "state": state}
    return Transition(**{**given, **more})


def source(number: int) -> LedgerSource:
    return LedgerSource(f"visits/2017/11/26/15/{number}", number, f'"{number}"', AT, number, 0)


@pytest.fixture
def uri(lake: str) -> str:
    return join(lake, "_sluice", "visits", "ledger")


def test_nothing_is_written_until_the_first_transition(uri: str) -> None:
    found = Ledger.open(uri)
    found.tidy()
    assert (found.last, found.open_batches, found.history("b1"), found.known_sources()) == (None, (), [], set())
    assert not found.knows_contract("f", "4.1", 9)
    assert open_table(uri) is None


def test_a_transition_comes_back_as_it_was_told(uri: str) -> None:
    told = row(
        "b1",
        "publishing",
        last_sequence=7,
        sequence=7,
        watermark="2017/11/26/15",
        full_listing_at=AT,
        contract_version="1.0.0",
        contract_fingerprint="f",
        contract_text="{}",
        suite_fingerprint="s",
        code_version="0.1",
        spark_version="4.1.1",
        first_hour="2017/11/26/14",
        last_hour="2017/11/26/15",
        sources=(source(1), source(2)),
        actions='{"a":1}',
        counts=Counts(*range(8)),
        reason="why\u2028é",
    )
    before = datetime.now(UTC)
    recorded = Ledger.open(uri).record(told)
    assert recorded == replace(told, number=1, at=recorded.at, open_batches=("b1",))
    assert before <= recorded.at <= datetime.now(UTC)
    again = Ledger.open(uri)
    assert again.last == recorded
    assert again.history("b1") == [recorded]


def test_the_newest_row_tells_the_open_batches_and_a_history_is_its_batchs_alone(uri: str) -> None:
    told = [row("b2"), row("b1"), row("b2", "publishing"), row("b1", "abandoned"), row("b2", "published")]
    opened = [("b2",), ("b1", "b2"), ("b1", "b2"), ("b1", "b2"), ("b1",)]
    for one, expected in zip(told, opened, strict=True):
        Ledger.open(uri).record(one)
        assert Ledger.open(uri).open_batches == expected
    found = Ledger.open(uri)
    assert [(t.number, t.state) for t in found.history("b2")] == [(1, "planned"), (3, "publishing"), (5, "published")]
    assert found.last is not None
    assert found.last.number == 5
    assert found.history("b") == []


def test_sources_are_known_once_planned_from_the_hour_asked_for(uri: str) -> None:
    found = Ledger.open(uri)
    found.record(row("b1", sources=(source(1),), last_hour="2017/11/26/09"))
    found.record(row("b2", sources=(source(2), source(3)), last_hour="2017/11/26/15"))
    found.record(row("b2", "published", sources=(source(4),), last_hour="2017/11/26/15"))
    known = {n: (source(n).path, n, f'"{n}"') for n in (1, 2, 3)}
    assert found.known_sources() == set(known.values())
    assert found.known_sources("2017/11/26/10") == {known[2], known[3]}


def test_a_contract_is_known_only_once_published_before_under_this_spark(uri: str) -> None:
    found = Ledger.open(uri)
    found.record(row("b1", contract_fingerprint="f", spark_version="4.1"))
    assert not found.knows_contract("f", "4.1", 9)
    found.record(row("b1", "published", contract_fingerprint="f", spark_version="4.1"))
    assert found.knows_contract("f", "4.1", 9)
    assert not found.knows_contract("f", "4.1", 2)
    assert not found.knows_contract("f", "3.5", 9)
    assert not found.knows_contract("g", "4.1", 9)


def test_merging_small_files_keeps_every_row_and_what_is_found_by_statistics(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "_FILES", 4)
    plain, tidied = Ledger.open(uri), Ledger.open(uri + "-tidied")
    for number in range(1, 10):
        told = row(
            f"b{number % 3}",
            "published" if number % 2 else "planned",
            sources=(source(number),),
            last_hour=f"2017/11/26/{number:02}",
            contract_fingerprint=f"f{number}",
            spark_version="4.1",
        )
        for found in (plain, tidied):
            found.record(told)
        tidied.tidy()
        plain_table, table = open_table(uri), open_table(uri + "-tidied")
        assert plain_table is not None
        assert table is not None
        assert len(plain_table.file_uris()) == number
        assert len(table.file_uris()) < 4
        # The number of a row is the version it was committed as; a merge takes one, too.
        fresh = Ledger.open(uri + "-tidied")
        assert fresh.last == tidied.last
        assert fresh.open_batches == plain.open_batches
        assert fresh.known_sources("2017/11/26/05") == plain.known_sources("2017/11/26/05")
        for batch in ("b0", "b1", "b2"):
            unlike = {"number": 0, "at": AT}
            mine, theirs = ([replace(t, **unlike) for t in x.history(batch)] for x in (fresh, plain))
            assert mine == theirs
        assert fresh.knows_contract("f1", "4.1", 100)
        assert not fresh.knows_contract("f2", "4.1", 100)


def test_a_lost_race_is_told_and_changes_nothing(uri: str) -> None:
    Ledger.open(uri).record(row("b1"))
    one, two = Ledger.open(uri), Ledger.open(uri)
    two.record(row("b2", run_id="r2"))
    with pytest.raises(CommitUnknownError, match=r"did not land .*nothing was changed by it, run again"):
        one.record(row("b3"))
    found = Ledger.open(uri)
    assert found.open_batches == ("b1", "b2")
    assert found.history("b3") == []


def after_an_error(monkeypatch: pytest.MonkeyPatch, *, lands: bool) -> None:
    """From now on an append ends with an error, with or without its commit in the log."""
    write: Callable[..., None] = deltalake.write_deltalake

    def broken(table: deltalake.DeltaTable, *given: Any, **named: Any) -> None:
        if lands:  # by another object: this one does not hear of it
            write(open_table(table.table_uri), *given, **named)
        raise OSError("the connection broke")

    monkeypatch.setattr(commit, "write_deltalake", broken)


def test_a_commit_that_landed_in_spite_of_an_error_is_recognised(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger.open(uri).record(row("b1"))
    found = Ledger.open(uri)
    after_an_error(monkeypatch, lands=True)
    assert found.record(row("b2")).number == 2
    monkeypatch.undo()
    assert found.record(row("b3")).number == 3  # its table is the one with the commit in it
    assert Ledger.open(uri).open_batches == ("b1", "b2", "b3")


def test_a_commit_that_did_not_land_is_not_taken_for_one_of_another_run(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(uri).record(row("b1"))
    found = Ledger.open(uri)
    Ledger.open(uri).record(row("b2", run_id="r2"))  # by the time of the error its version is in the log
    after_an_error(monkeypatch, lands=False)
    with pytest.raises(CommitUnknownError):
        found.record(row("b2"))
    assert [t.run_id for t in Ledger.open(uri).history("b2")] == ["r2"]


def test_who_lost_the_lease_writes_nothing(uri: str) -> None:
    def lost() -> None:
        raise LeaseLostError("another run has taken over")

    with pytest.raises(LeaseLostError):
        Ledger.open(uri, lost).record(row("b1"))
    assert open_table(uri) is None
    Ledger.open(uri).record(row("b1"))
    with pytest.raises(LeaseLostError):
        Ledger.open(uri, lost).record(row("b2"))
    assert Ledger.open(uri).open_batches == ("b1",)


def test_two_newest_rows_are_an_error_and_not_a_choice(uri: str) -> None:
    Ledger.open(uri).record(row("b1"))
    table = open_table(uri)
    assert table is not None
    deltalake.write_deltalake(table, table.to_pyarrow_table(), mode="append")
    with pytest.raises(LedgerError, match="expected one transition number 1, found 2"):
        Ledger.open(uri)
