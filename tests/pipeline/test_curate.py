"""Whole runs: what a delivery comes to, however it was delivered, and that nothing is done twice."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakes import (
    contract_of,
    curated_by,
    curated_rows,
    deliver,
    listing,
    live_paths,
    minor,
    outcome,
    places,
    quarantine_rows,
    reasons,
    record_hash,
    totals,
    transitions,
    versions,
    visit,
)
from landing.__main__ import land
from landing.arguments import parse
from sluice.contract.load import load_contract
from sluice.errors import ContractError, LocationError, UsageError
from sluice.lake.commit import open_table
from sluice.pipeline.options import Options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

APP = "app_messages"


def test_a_made_delivery_comes_to_exactly_the_counts_of_its_manifest(spark: SparkSession, lake: str) -> None:
    shares = "--duplicates 0.02 --late 0.02 --damaged 0.01 --unknown 0.01 --wrong 0.01 --workers 1"
    order = parse(["--lake", lake, "--messages", "5000", "--hours", "3", *shares.split()])
    expected = land(order)["expected"]
    summary = curated_by(spark, lake, load_contract(APP))
    counts = summary["counts"]
    assert counts["read"] == expected["records"]
    for name in ("curated", "quarantined", "duplicates", "superseded", "filtered", "rescued"):
        assert counts[name] == expected[name], name
    found = Counter(reasons(row)[0][0] for row in quarantine_rows(lake, APP))
    assert dict(found) == expected["quarantined_by_reason"]
    days = Counter(row["event_date"].isoformat() for row in curated_rows(lake, APP))
    assert dict(days) == expected["rows_per_event_date"]
    assert summary["balanced"]


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """A lake with one delivery in it, curated once; nobody changes it."""
    lake = str(tmp_path_factory.mktemp("first") / "a lake")
    for name, records in parts(RECORDS, 3):
        deliver(lake, records, "2017/11/26/15", name)
    curated_by(spark, lake)
    return lake, outcome(lake)


# 60 sound ones over three days, some with unknown fields, 10 copies, 3 that are refused.
RECORDS = [visit(n, n % 3, **({"new": [n]} if n % 20 == 0 else {})) for n in range(60)]
RECORDS += [*RECORDS[5:15], {"id": "w", "at": "12"}, {"id": None, "at": 1}, {"at": 2**63, "id": "x"}]


def parts(records: list[Any], count: int) -> list[tuple[str, list[Any]]]:
    return [(f"part-{number}", records[number::count]) for number in range(count)]


def test_a_rerun_with_nothing_new_starts_no_spark_and_makes_no_commit(first: tuple[str, dict[str, Any]]) -> None:
    lake, _ = first
    before = versions(lake)
    files = {path for path in listing(lake) if "/lease/" not in path}
    for options in ({}, {"full_listing_hours": 1e-9}, {"since": "2017/11/26/15"}):
        summary = curated_by(None, lake, **options)
        assert (summary["outcome"], summary["batches"]) == ("nothing new", [])
    assert versions(lake) == before
    assert {path for path in listing(lake) if "/lease/" not in path} == files


@pytest.mark.parametrize("way", ["other keys", "other order", "other objects", "newlines and no gzip", "one by one"])
def test_the_same_records_delivered_otherwise_give_the_same_table(
    spark: SparkSession, lake: str, first: tuple[str, dict[str, Any]], way: str
) -> None:
    records = random.Random(7).sample(RECORDS, len(RECORDS)) if way == "other order" else RECORDS
    hour = "2018/01/01/00" if way == "other keys" else "2017/11/26/15"
    for name, some in parts(records, {"other objects": 5, "one by one": 2}.get(way, 3)):
        deliver(lake, some, hour, name, pack="no gzip" not in way, between=b"\n" if "newlines" in way else b"")
    curated_by(spark, lake, max_batch_files=1 if way == "one by one" else 100)
    found = outcome(lake)
    assert found["curated"] == first[1]["curated"]
    assert found["counts"] == first[1]["counts"]
    if way == "one by one":
        assert [row.state for row in transitions(lake)].count("published") == 2


def test_a_delivery_under_other_keys_is_all_duplicates(
    spark: SparkSession, tmp_path: Path, first: tuple[str, dict[str, Any]]
) -> None:
    from shutil import copytree

    lake = str(tmp_path / "lake")
    copytree(first[0], lake)
    deliver(lake, RECORDS, "2018/01/01/00", "again")
    summary = curated_by(spark, lake)
    assert outcome(lake)["curated"] == first[1]["curated"]
    assert summary["counts"]["curated"] == 0
    assert summary["counts"]["duplicates"] == 70
    assert summary["counts"]["quarantined"] == 3


def test_a_late_object_is_found_within_the_look_back_and_an_older_one_by_the_full_listing(
    spark: SparkSession, lake: str
) -> None:
    deliver(lake, [visit(1)], "2017/11/26/15")
    curated_by(spark, lake)
    deliver(lake, [visit(2)], "2017/11/25/12", "late")
    deliver(lake, [visit(3)], "2017/11/24/12", "later")
    assert curated_by(spark, lake)["counts"]["curated"] == 1
    assert curated_by(None, lake)["outcome"] == "nothing new"
    assert curated_by(spark, lake, full_listing_hours=1e-9)["counts"]["curated"] == 1
    assert sorted(row["id"] for row in curated_rows(lake)) == ["v1", "v2", "v3"]


def test_a_killed_full_listing_is_not_taken_for_a_whole_one(spark: SparkSession, lake: str) -> None:
    """Of what only a full listing finds nothing may be forgotten when the run ends after the first of its batches."""
    deliver(lake, [visit(1)], "2017/11/26/15")
    curated_by(spark, lake)
    listed_at = transitions(lake)[-1].full_listing_at
    deliver(lake, [visit(2)], "2017/11/01/12", "late")
    deliver(lake, [visit(3)], "2017/11/02/12", "later")

    class Killed(BaseException):
        pass

    from lakes import Boundaries

    def killed_at_the_second(seen: list[str]) -> Boundaries:
        def at(step: str) -> None:
            seen.append(step)
            if seen.count("plan") == 2:
                raise Killed

        return Boundaries(at)

    with pytest.raises(Killed):
        curated_by(
            spark, lake, progress=killed_at_the_second([]), full_listing_hours=1e-9, max_batch_files=1, lease_seconds=1
        )
    assert transitions(lake)[-1].full_listing_at == listed_at
    curated_by(spark, lake, full_listing_hours=1e-9)
    assert sorted(row["id"] for row in curated_rows(lake)) == ["v1", "v2", "v3"]
    assert transitions(lake)[-1].full_listing_at != listed_at


def test_since_and_until_bound_the_arrival_hours_and_what_they_leave_out_comes_later(
    spark: SparkSession, lake: str
) -> None:
    for hour in range(10, 16):
        deliver(lake, [visit(hour)], f"2017/11/26/{hour}")
    curated_by(spark, lake, since="2017/11/26/12", until="2017/11/26/14")
    assert sorted(row["id"] for row in curated_rows(lake)) == ["v12", "v13"]
    curated_by(spark, lake)
    assert sorted(row["id"] for row in curated_rows(lake)) == [f"v{hour}" for hour in range(10, 16)]
    with pytest.raises(UsageError, match="no hour lies between them"):
        Options(since="2017/11/26/15", until="2017/11/26/15")


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(lake: str, first: tuple[str, dict[str, Any]]) -> None:
    deliver(lake, [visit(1)], "2017/11/26/15")
    deliver(lake, [visit(2)], "2017/11/26/16")
    before = listing(lake)
    said = curated_by(None, lake, dry_run=True, max_batch_files=1)
    assert (said["new_source_objects"], said["batches"], said["dry_run"]) == (2, 2, True)
    assert listing(lake) == before
    before = listing(first[0])
    assert curated_by(None, first[0], dry_run=True)["new_source_objects"] == 0
    assert listing(first[0]) == before


def test_a_minor_version_adds_a_column_which_older_rows_have_not(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1)], "2017/11/26/15")
    curated_by(spark, lake)
    deliver(lake, [visit(2)], "2017/11/26/16")
    curated_by(spark, lake, minor())
    assert {row["id"]: row["title"] for row in curated_rows(lake)} == {"v1": None, "v2": "t"}
    frame = spark.read.format("delta").load(places(lake).curated)
    assert {row["id"]: row["title"] for row in frame.collect()} == {"v1": None, "v2": "t"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"column_4": {"physicalType": "string", "transformLogic": "CAST(size AS STRING)", "logicalType": "string"}},
            "size: the table has it as",
        ),
        ({"column_2": {"partitioned": None, "partitionKeyPosition": None}}, "partition columns: the table has"),
        ({"column_3": {"name": "way"}}, "path: the table has it, the contract does not"),
    ],
)  # fmt: skip
def test_a_change_that_breaks_readers_is_refused_and_nothing_is_written(
    tmp_path: Path, first: tuple[str, dict[str, Any]], changes: dict[str, Any], said: str
) -> None:
    from shutil import copytree

    lake = str(tmp_path / "lake")
    copytree(first[0], lake)
    deliver(lake, [visit(901)], "2017/11/26/18")
    before = {path: what for path, what in listing(lake).items() if "/lease/" not in path}
    with pytest.raises(ContractError) as caught:
        curated_by(None, lake, contract_of(**changes))
    assert caught.value.exit_code == 2
    assert said in str(caught.value)
    assert {path: what for path, what in listing(lake).items() if "/lease/" not in path} == before


def test_no_raw_prefix_is_one_clear_message_and_nothing_is_written(lake: str) -> None:
    with pytest.raises(LocationError, match=r"raw/visits: expected source objects below it, found none"):
        curated_by(None, lake)
    assert listing(lake) == {}
    assert list(Path(lake).iterdir()) == []


def test_small_files_of_a_partition_are_joined_and_large_ones_end_at_the_target(spark: SparkSession, lake: str) -> None:
    for name, records in parts([visit(n, n % 2) for n in range(4000)], 4):
        deliver(lake, records, name=name, pack=False)
    curated_by(spark, lake, target_file_bytes=60_000)
    table = open_table(places(lake).curated)
    assert table is not None
    sizes = table.get_add_actions(flatten=True)
    assert totals(lake).curated == 4000
    assert len(live_paths(places(lake).curated)) <= 6
    assert max(sizes.to_pydict()["size_bytes"] if hasattr(sizes, "to_pydict") else [0]) < 300_000


def test_published_tables_ask_of_readers_no_more_than_protocol_1_2(first: tuple[str, dict[str, Any]]) -> None:
    for uri in (places(first[0]).curated, places(first[0]).quarantine):
        log = Path(uri, "_delta_log", f"{0:020d}.json").read_text(encoding="utf-8")
        protocol = next(json.loads(line)["protocol"] for line in log.splitlines() if line.startswith('{"protocol"'))
        assert (protocol["minReaderVersion"], protocol["minWriterVersion"]) == (1, 2)
        assert "Features" not in json.dumps(protocol)


def test_a_refused_record_is_kept_as_received_with_its_place_and_reasons(spark: SparkSession, lake: str) -> None:
    bad = [b'{"id": 5', b'{"id":"x","at":"12"}', b"[1]", '{"id":"\u20ac","at":1.0}'.encode()]
    path = deliver(lake, [visit(1), *bad, visit(2)], between=b"\n")
    curated_by(spark, lake)
    found = sorted(quarantine_rows(lake), key=lambda row: row["offset"])
    assert [row["record"].strip() for row in found] == bad
    assert [row["record_hash"] for row in found] == [record_hash(row["record"]) for row in found]
    assert {row["source_object"] for row in found} == {path}
    assert {row["arrival_hour"] for row in found} == {"2017/11/26/15"}
    assert [reasons(row)[0] for row in found] == [
        ("malformed_json", None), ("wrong_type", "at"), ("not_an_object", None), ("wrong_type", "at"),
    ]  # fmt: skip
    body = b"\n".join([json.dumps(visit(1)).encode(), *bad, json.dumps(visit(2)).encode()])
    for row in found:
        assert body[row["offset"] : row["offset"] + len(row["record"])] == row["record"]


def test_an_object_that_changes_while_it_is_read_is_read_again_as_it_is_then(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1)], "2017/11/26/15")
    from lakes import Boundaries

    seen: list[str] = []

    def rewritten(step: str) -> None:
        seen.append(step)
        if step == "stage" and seen.count("stage") == 1:
            deliver(lake, [visit(1), visit(2)], "2017/11/26/15")

    curated_by(spark, lake, progress=Boundaries(rewritten))
    assert sorted(row["id"] for row in curated_rows(lake)) == ["v1", "v2"]
    assert [row.state for row in transitions(lake)] == ["planned", "abandoned", "planned", "publishing", "published"]
    assert curated_by(None, lake)["outcome"] == "nothing new"
