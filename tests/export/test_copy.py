"""The Parquet copy has the rows of one version of the table, always; and what it costs follows what changed."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType
from hypothesis import given, settings
from hypothesis import strategies as st

from copies import (
    TABLE,
    copied,
    copy_rows,
    data_files,
    killed_at,
    place,
    pointer,
    read_files,
    symlink_rows,
    table_rows,
    table_uri,
    version_of,
    watched_storage,
)
from sluice.errors import DatasetBusyError, LeaseLostError, LocationError, ProblemsError, UsageError
from sluice.export import copy as copying
from sluice.export.plan import SMALL_FILES
from sluice.lake.lease import Lease
from sluice.runtime.storage import join

ODD = ["a b", "c:d%41/=é", None, "x"]
AT = dt.datetime(2017, 11, 26, 15, 56, 51, 679001, dt.UTC)


def rows(numbers: list[int], partition: str | None) -> pa.Table:
    at = pa.array([AT + dt.timedelta(seconds=n) for n in numbers], pa.timestamp("us", "UTC"))
    parts = pa.array([partition] * len(numbers), pa.string())
    return pa.table({"n": pa.array(numbers, pa.int64()), "at": at, "p": parts})


def append(lake: str, numbers: list[int], partition: str | None) -> None:
    found = rows(numbers, partition)
    write_deltalake(table_uri(lake), found, partition_by=["p"], mode="append", schema_mode="merge")


def delete(lake: str, number: int) -> None:
    DeltaTable(table_uri(lake)).delete(f"n % 3 = {number % 3}")


def optimize(lake: str, _: int = 0) -> None:
    DeltaTable(table_uri(lake)).optimize.compact()


def add_column(lake: str, number: int) -> None:
    table = DeltaTable(table_uri(lake))
    if f"c{number}" not in {field.name for field in table.schema().fields}:
        table.alter.add_columns([Field(f"c{number}", PrimitiveType("string"))])


def forget_commits(lake: str, _: int) -> None:
    table = DeltaTable(table_uri(lake))
    table.create_checkpoint()
    for commit in sorted(Path(table_uri(lake), "_delta_log").glob("*.json"))[:-1]:
        commit.unlink()


def replace_table(lake: str, number: int) -> None:
    write_deltalake(table_uri(lake), rows([number], "x"), mode="overwrite", schema_mode="overwrite")


CHANGES: list[Callable[[str, int], None]] = [delete, optimize, add_column, forget_commits, replace_table]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.integers(0, 99), min_size=1, max_size=4), st.sampled_from(ODD)),
        st.tuples(st.just("change"), st.sampled_from(CHANGES), st.integers(0, 3)),
        st.tuples(st.just("export"), st.just(0), st.just(0)),
        st.tuples(st.just("kill"), st.integers(1, 14), st.just(0)),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=15)
@given(steps=steps)
def test_whatever_happens_to_the_table_and_to_exports_the_copy_has_the_rows_of_the_version_it_names(
    steps: list[tuple[str, Any, Any]],
) -> None:
    lake = tempfile.mkdtemp(prefix="a lake ")
    try:
        append(lake, [1, 2], "a b")
        for kind, what, more in steps:
            if kind == "append":
                append(lake, what, more)
            elif kind == "change":
                what(lake, more)
            elif kind == "kill":
                killed_at(lake, what, manifest="symlink")
            else:
                copied(lake, manifest="symlink")
                assert pointer(lake)["table_version"] == version_of(table_uri(lake))
            if Path(place(lake), "_latest.json").exists():
                versions = Path(table_uri(lake), "_delta_log")
                named = pointer(lake)["table_version"]
                if (versions / f"{named:020d}.json").exists():
                    assert copy_rows(lake) == table_rows(table_uri(lake), named)
        copied(lake, manifest="symlink", grace_hours=1e-9)
        copied(lake, grace_hours=1e-9)
        expected = table_rows(table_uri(lake))
        assert copy_rows(lake) == expected
        assert sorted((row for part in symlink_rows(lake).values() for row in part), key=repr) == expected
        assert data_files(lake) == {file["path"] for file in pointer(lake)["files"]}
    finally:
        shutil.rmtree(lake)


def test_killed_at_any_write_a_copy_is_whole_and_old_or_whole_and_new_and_the_next_run_leaves_nothing_behind(
    lake: str,
) -> None:
    for partition in ODD:
        append(lake, [1, 2, 3], partition)
    copied(lake, manifest="symlink")
    old = version_of(table_uri(lake))
    delete(lake, 1)
    append(lake, [7], "x")
    append(lake, [8], "new one")
    new = version_of(table_uri(lake))
    expected = {version: table_rows(table_uri(lake), version) for version in (old, new)}
    before = Path(lake).with_name("before")
    shutil.copytree(lake, before)
    seen, write = set(), 1
    while True:
        shutil.rmtree(lake)
        shutil.copytree(before, lake)
        killed = killed_at(lake, write, manifest="symlink")
        named = pointer(lake)["table_version"]
        seen.add(named)
        assert copy_rows(lake) == expected[named]
        for folder, found in symlink_rows(lake).items():  # each partition is as it was, or as it is
            both = [[row for row in expected[v] if of_folder(row, folder)] for v in (old, new)]
            assert found in both, f"killed at write {write}"
        copied(lake)
        assert copy_rows(lake) == expected[new], f"killed at write {write}"
        assert sorted((row for part in symlink_rows(lake).values() for row in part), key=repr) == expected[new]
        copied(lake, grace_hours=1e-9)
        assert data_files(lake) == {file["path"] for file in pointer(lake)["files"]}, f"killed at write {write}"
        assert copied(lake)["outcome"] == "nothing new"
        if not killed:
            break
        write += 1
    assert seen == {old, new}
    assert write > 10


def of_folder(row: dict[str, Any], folder: str) -> bool:
    names = {"p=a b": "a b", "p=c%3Ad%2541%2F%3Dé": "c:d%41/=é", "p=__HIVE_DEFAULT_PARTITION__": None}
    return bool(row["p"] == names.get(folder, folder.removeprefix("p=")))


def test_a_reader_sees_one_version_at_every_write_of_a_run_and_files_it_has_names_of_stay_for_the_grace(
    lake: str,
) -> None:
    append(lake, list(range(9)), "a b")
    append(lake, [1], None)
    copied(lake)
    held = pointer(lake)
    versions = []
    delete(lake, 0)
    append(lake, [11], "x")

    def look() -> None:
        latest = pointer(lake)
        versions.append(latest["table_version"])
        assert copy_rows(lake) == table_rows(table_uri(lake), latest["table_version"])

    with watched_storage(look):
        copied(lake)
    assert sorted(set(versions)) == [1, 3]
    copied(lake)
    delete(lake, 2)
    copied(lake)
    assert read_files(held).num_rows == 10  # a slow reader has read the pointer before
    copied(lake, grace_hours=1e-9)
    assert data_files(lake) == {file["path"] for file in pointer(lake)["files"]}


def test_only_partitions_whose_rows_changed_are_written_and_new_rows_alone_where_none_went(lake: str) -> None:
    for partition in ODD:
        append(lake, list(range(50)), partition)
    assert copied(lake)["rows_written"] == 200
    before = {file["path"] for file in pointer(lake)["files"]}
    append(lake, [100, 101], "x")
    assert copied(lake)["rows_written"] == 2
    assert before < {file["path"] for file in pointer(lake)["files"]}
    optimize(lake)
    assert copied(lake)["rows_written"] == 0
    DeltaTable(table_uri(lake)).delete("n = 3 AND p = 'a b'")
    assert copied(lake)["rows_written"] == 49
    DeltaTable(table_uri(lake)).delete("p IS NULL")
    told = copied(lake)
    assert (told["rows_written"], told["partitions_gone"]) == (0, 1)
    assert copy_rows(lake) == table_rows(table_uri(lake))


def test_what_a_hundred_partitions_more_have_is_not_read_again_and_small_files_do_not_pile_up(lake: str) -> None:
    many = pa.concat_tables([rows([n], f"p{n}") for n in range(100)])
    write_deltalake(table_uri(lake), many, partition_by=["p"])
    copied(lake)
    written = 0
    for n in range(20):
        append(lake, [n], "p7")
        written += copied(lake)["rows_written"]
    assert len([file for file in pointer(lake)["files"] if file["partition"]["p"] == "p7"]) <= SMALL_FILES + 1
    assert written <= 20 * 4  # each row a few times, not 20 times
    assert copy_rows(lake) == table_rows(table_uri(lake))


def test_a_run_with_nothing_new_writes_nothing_and_a_dry_run_never_does(lake: str) -> None:
    append(lake, [1], "x")
    told = copied(lake, dry_run=True)
    assert (told["outcome"], told["partitions_changed"], told["why"]) == ("planned", 1, "first copy")
    assert not Path(place(lake)).exists()
    copied(lake)
    before = Path(place(lake), "_latest.json").read_bytes()
    assert copied(lake)["outcome"] == "nothing new"
    append(lake, [2], "x")
    told = copied(lake, dry_run=True)
    assert (told["partitions_changed"], told["table_version"], told["copied_before"]) == (1, 1, 0)
    assert Path(place(lake), "_latest.json").read_bytes() == before


def test_types_and_values_are_those_of_the_table_for_pyarrow_and_for_duckdb(lake: str) -> None:
    struct = pa.struct([("b", pa.binary()), ("l", pa.list_(pa.float32()))])
    table = pa.table(
        {
            "day": pa.array([dt.date(2017, 11, 26), None, dt.date(1969, 1, 2)]),
            "hour": pa.array([AT, AT.replace(microsecond=0), None], pa.timestamp("us", "UTC")),
            "yes": pa.array([True, None, False]),
            "price": pa.array([Decimal("1.10"), None, Decimal("-3.00")], pa.decimal128(12, 2)),
            "at": pa.array([AT, None, AT], pa.timestamp("us", "UTC")),
            "ratio": pa.array([1.5, float("nan"), None]),
            "s": pa.array([{"b": b"\x00", "l": [1.0, None]}, None, {"b": None, "l": []}], struct),
            "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        }
    )
    write_deltalake(table_uri(lake), table, partition_by=["day", "hour", "yes"])
    copied(lake)
    found = read_files(pointer(lake))
    assert found.schema.equals(pa.schema(DeltaTable(table_uri(lake)).schema().to_arrow()))
    # As texts, since a NaN is not equal to itself.
    assert [repr(row) for row in copy_rows(lake)] == [repr(row) for row in table_rows(table_uri(lake))]
    told = duckdb.connect().execute(FROM_SQL.format(join(place(lake), "_latest.json"))).fetchall()
    assert told == [(3, Decimal("-1.90"), 2, dt.date(2017, 11, 26), 1)]


# How a reader that has SQL alone reads a copy; README and ARCHITECTURE show it.
FROM_SQL = """
SET VARIABLE files = (
  SELECT list(location || '/' || file.path) FROM (SELECT location, unnest(files) AS file FROM read_json('{}'))
);
SELECT count(*), sum(price), count("at"), max(day), sum(m['k']) FROM read_parquet(getvariable('files'))
"""


def test_other_columns_make_another_copy_so_that_all_files_are_alike(lake: str) -> None:
    append(lake, [1], "x")
    append(lake, [2], None)
    copied(lake)
    add_column(lake, 1)
    assert copied(lake)["why"] == "columns changed"
    assert {name for name, _ in pointer(lake)["columns"]} == {"n", "at", "p", "c1"}
    assert copy_rows(lake) == table_rows(table_uri(lake))


MAPPED = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}


@pytest.mark.parametrize(
    ("feature", "properties", "column", "said"),
    [
        ("deletionVectors", {"delta.enableDeletionVectors": "true"}, {}, "it has deletion vectors: its files hold"),
        ("columnMapping", {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}, MAPPED,
         "it has column mapping"),
        ("typeWidening", {}, {}, "it has reader features that the export does not know: typeWidening"),
    ],
)  # fmt: skip
def test_tables_whose_files_alone_do_not_tell_their_rows_are_refused(
    lake: str, feature: str, properties: dict[str, str], column: dict[str, Any], said: str
) -> None:
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [feature], "writerFeatures": [feature]}
    field = {"name": "n", "type": "long", "nullable": True, "metadata": column}
    metadata = {"id": "1", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "createdTime": 1}
    metadata |= {"schemaString": json.dumps({"type": "struct", "fields": [field]}), "configuration": properties}
    log = Path(table_uri(lake), "_delta_log/00000000000000000000.json")
    log.parent.mkdir(parents=True)
    log.write_text(f"{json.dumps({'protocol': protocol})}\n{json.dumps({'metaData': metadata})}\n")
    with pytest.raises(ProblemsError, match=said):
        copied(lake)
    assert not Path(place(lake), "_latest.json").exists()


def test_of_two_runs_at_a_time_one_is_told_and_a_sleeper_cannot_replace_a_newer_pointer(
    lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(lake, [1], "x")
    with Lease.acquire(join(place(lake), "_lease"), "another", 30.0), pytest.raises(DatasetBusyError):
        copied(lake)
    original = copying.swap_pointer

    def sleeper(*args: Any) -> bool:
        # It has looked at its lease, and sleeps; another run takes over and ends.
        monkeypatch.setattr(copying, "swap_pointer", original)
        for lease in Path(place(lake), "_lease").iterdir():
            told = json.loads(lease.read_text())
            lease.write_text(json.dumps({**told, "released": True}))
        append(lake, [2], "x")
        assert copied(lake)["rows"] == 2
        return original(*args)

    monkeypatch.setattr(copying, "swap_pointer", sleeper)
    with pytest.raises(LeaseLostError):
        copied(lake)
    assert copy_rows(lake) == table_rows(table_uri(lake))
    assert data_files(lake) == {file["path"] for file in pointer(lake)["files"]}


def test_what_cannot_be_done_is_told_before_anything_is_written(lake: str) -> None:
    with pytest.raises(LocationError):
        copied(lake)
    append(lake, [1], "x")
    with pytest.raises(UsageError, match=r"which has: visits$"):
        copied(lake, table="vists")
    with pytest.raises(UsageError, match="expected redshift, symlink, both with a comma, or none"):
        copied(lake, manifest="hive")
    with pytest.raises(UsageError, match="expected a copy in S3, found"):
        copied(lake, manifest="redshift")
    assert not Path(place(lake)).exists()


def test_a_copy_that_was_moved_says_so_and_manifests_go_when_they_are_not_wanted_any_more(lake: str) -> None:
    append(lake, [1], "a b")
    copied(lake, manifest="symlink")
    moved = str(Path(lake).with_name("moved lake"))
    shutil.move(lake, moved)
    assert copied(moved)["outcome"] == "exported"
    assert pointer(moved)["location"] == place(moved)
    assert symlink_rows(moved)["p=a b"] == copy_rows(moved)
    copied(moved, manifest="none")
    assert symlink_rows(moved) == {}
    assert TABLE in place(moved)
