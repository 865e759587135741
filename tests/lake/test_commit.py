"""Commits: each on exactly the version that was read, each transaction once, and what a store refuses told as that."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from sluice.errors import CommitUnknownError, LeaseLostError, LedgerError, StorageDenied, StorageThrottled
from sluice.lake.commit import DataFile, append_files, create_table, open_table, refusal
from sluice.lake.parquet import FileSet
from sluice.runtime.storage import join

SCHEMA = pa.schema([("id", pa.int64()), ("day", pa.string())])


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest) -> str:
    lake: str = request.getfixturevalue("lake" if request.param == "local" else "s3_lake")
    return join(lake, "curated", "visits")


def made(uri: str) -> DeltaTable:
    return create_table(uri, SCHEMA, ("day",), "visits", allowed)


def allowed() -> None:
    """The lease is held."""


def written(uri: str, *ids: int, day: str | None = "2017-11-26") -> list[DataFile]:
    files = FileSet(uri, f"batch=b/{ids[0]}", 1 << 20, ("id",), {"day": day})
    files.add(pa.RecordBatch.from_pydict({"id": pa.array(ids, pa.int64())}))
    return files.close()


def rows(uri: str) -> list[tuple[int, str | None]]:
    table = open_table(uri)
    assert table is not None
    found = table.to_pyarrow_table()
    return sorted(zip(found.column("id").to_pylist(), found.column("day").to_pylist(), strict=True), key=repr)


def version(uri: str) -> int:
    table = open_table(uri)
    assert table is not None
    return int(table.version())


def test_no_table_is_none_and_one_that_another_run_made_is_as_good(uri: str) -> None:
    assert open_table(uri) is None
    made(uri)
    again = made(uri)
    assert (again.version(), version(uri)) == (0, 0)


def test_a_transaction_is_committed_once_and_carries_what_it_was_told(uri: str) -> None:
    made(uri)
    files = written(uri, 1, 2)
    for _ in range(2):
        table = open_table(uri)
        assert table is not None
        append_files(table, files, [], "sluice", 1, {"sluice.batch": "b"}, allowed)
    assert version(uri) == 1
    assert rows(uri) == [(1, "2017-11-26"), (2, "2017-11-26")]
    table = open_table(uri)
    assert table is not None
    assert table.transaction_version("sluice") == 1
    assert table.history(1)[0]["sluice.batch"] == "b"


def test_files_are_named_and_unnamed_in_one_version(uri: str) -> None:
    first, second = written(uri, 1), written(uri, 2, day=None)
    append_files(made(uri), first, [], "sluice", 1, {}, allowed)
    table = open_table(uri)
    assert table is not None
    assert append_files(table, second, first, "sluice", 2, {}, allowed)
    assert (version(uri), rows(uri)) == (2, [(2, None)])


def test_nothing_to_name_is_no_commit(uri: str) -> None:
    assert not append_files(made(uri), [], [], "sluice", 1, {}, allowed)
    assert version(uri) == 0


def test_a_table_as_it_was_before_another_commit_is_refused(uri: str) -> None:
    stale = made(uri)
    table = open_table(uri)
    assert table is not None
    append_files(table, written(uri, 1), [], "sluice", 1, {}, allowed)
    with pytest.raises(CommitUnknownError, match=r"publishing did not land .*the next run finishes it"):
        append_files(stale, written(uri, 2), [], "sluice", 2, {}, allowed)
    assert (version(uri), rows(uri)) == (1, [(1, "2017-11-26")])


def test_a_stale_table_whose_transaction_is_there_is_recognised_as_done(uri: str) -> None:
    stale = made(uri)
    table = open_table(uri)
    assert table is not None
    files = written(uri, 1)
    append_files(table, files, [], "sluice", 1, {}, allowed)
    assert append_files(stale, files, [], "sluice", 1, {}, allowed)
    assert (version(uri), rows(uri)) == (1, [(1, "2017-11-26")])


def test_a_table_beyond_the_transaction_is_an_error(uri: str) -> None:
    append_files(made(uri), written(uri, 1), [], "sluice", 5, {}, allowed)
    table = open_table(uri)
    assert table is not None
    with pytest.raises(LedgerError, match="expected transaction sluice at most at 4, found 5"):
        append_files(table, written(uri, 2), [], "sluice", 4, {}, allowed)
    assert version(uri) == 1


def test_who_lost_the_lease_commits_nothing(uri: str) -> None:
    def lost() -> None:
        raise LeaseLostError("another run has taken over")

    with pytest.raises(LeaseLostError):
        create_table(uri, SCHEMA, (), "visits", lost)
    assert open_table(uri) is None
    table = made(uri)
    with pytest.raises(LeaseLostError):
        append_files(table, written(uri, 1), [], "sluice", 1, {}, lost)
    assert version(uri) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told_as_denied(lake: str) -> None:
    uri = join(lake, "curated", "visits")
    table = made(uri)
    log = Path(uri, "_delta_log")
    files = written(uri, 1)
    log.chmod(0o500)
    try:
        with pytest.raises(StorageDenied, match="access denied"):
            append_files(table, files, [], "sluice", 1, {}, allowed)
    finally:
        log.chmod(0o700)
    assert version(uri) == 0


def test_what_a_store_refuses_is_told_from_its_words_and_nothing_else_is(lake: str) -> None:
    denied = refusal(OSError("Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>"), lake)
    slowed = refusal(OSError("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown"), lake)
    assert isinstance(denied, StorageDenied)
    assert isinstance(slowed, StorageThrottled)
    assert str(denied).startswith(lake)
    assert refusal(OSError("Delta transaction failed, version 4 already exists"), lake) is None


def test_a_created_table_asks_of_readers_no_more_than_protocol_1_2(lake: str) -> None:
    uri = join(lake, "curated", "visits")
    made(uri)
    log = Path(uri, "_delta_log", f"{0:020d}.json").read_text(encoding="utf-8")
    [protocol] = [json.loads(line)["protocol"] for line in log.splitlines() if "protocol" in json.loads(line)]
    assert (protocol["minReaderVersion"], protocol["minWriterVersion"]) == (1, 2)
