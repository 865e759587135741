"""Contracts with a primary key: which row stays, what is counted, and that it does not matter who came between."""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from killing import Camera, as_nobody, watch_commits
from lakes import (
    Boundaries,
    contract_of,
    curated_by,
    curated_rows,
    deliver,
    outcome,
    places,
    totals,
    transitions,
    visit,
)
from sluice.contract.model import Contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def keyed(keep: str) -> Contract:
    """One row per id and instant, partitioned by the day of the instant."""
    settings: dict[str, Any] = {"keep": keep}
    if keep == "newest":
        settings["newestBy"] = "size"
    key = {"primaryKey": True}
    return contract_of(
        column_0={**key, "primaryKeyPosition": 1},
        column_1={**key, "primaryKeyPosition": 2},
        column_4={"required": True},
        settings=settings,
    )


def edition(number: int, size: float, **more: Any) -> dict[str, Any]:
    """Another edition of the same visit."""
    return {**visit(number, day=number % 2), "size": size, **more}


def state(lake: str) -> dict[str, tuple[float, str | None]]:
    return {row["id"]: (row["size"], row["path"]) for row in curated_rows(lake)}


def adds_up(lake: str) -> None:
    counts = totals(lake)
    assert counts.read == counts.placed
    assert counts.curated - counts.replaced == len(curated_rows(lake))


def test_keep_first_keeps_what_is_published_and_within_a_batch_the_first(spark: SparkSession, lake: str) -> None:
    deliver(lake, [edition(1, 1.0), edition(1, 2.0), edition(2, 5.0)])
    deliver(lake, [edition(2, 1.0), edition(3, 3.0)], name="b")
    curated_by(spark, lake, keyed("first"))
    assert {key: size for key, (size, _) in state(lake).items()} == {"v1": 1.0, "v2": 5.0, "v3": 3.0}
    deliver(lake, [edition(1, 9.0), edition(4, 4.0), edition(4, 4.0)], hour="2017/11/25/01")
    curated_by(spark, lake, keyed("first"), full_listing_hours=1e-9)
    assert {key: size for key, (size, _) in state(lake).items()} == {"v1": 1.0, "v2": 5.0, "v3": 3.0, "v4": 4.0}
    counts = totals(lake)
    assert (counts.read, counts.curated, counts.duplicates, counts.superseded, counts.replaced) == (8, 4, 4, 0, 0)
    adds_up(lake)


def test_keep_newest_does_not_depend_on_the_order_of_arrival(spark: SparkSession, tmp_path: Path) -> None:
    editions = [edition(n, s, page={"path": f"/{s}"}) for n, s in itertools.product(range(1, 6), (1.0, 2.0, 3.0, 4.0))]
    editions += [edition(7, 1.0, page={"path": "/x"}), edition(7, 1.0, page={"path": "/y"})]  # a tie, by the hash
    found = []
    for seed in range(3):
        lake = str(tmp_path / f"lake {seed}")
        shuffled = random.Random(seed).sample(editions, len(editions))
        for part in range(3):
            deliver(lake, shuffled[part::3], name=f"{part}")
        curated_by(spark, lake, keyed("newest"), max_batch_files=1 if seed else 100)
        adds_up(lake)
        found.append({key: value for key, value in outcome(lake).items() if key == "curated"})
        assert {key: size for key, (size, _) in state(lake).items() if key != "v7"} == {
            f"v{n}": 4.0 for n in range(1, 6)
        }
        assert totals(lake).read == len(editions)
    assert found[1:] == found[:-1]


def test_newer_rows_take_the_place_of_published_ones_and_are_counted(spark: SparkSession, lake: str) -> None:
    deliver(lake, [edition(n, 2.0) for n in range(1, 9)])
    curated_by(spark, lake, keyed("newest"))
    deliver(lake, [edition(1, 3.0), edition(2, 1.0), edition(3, 2.0), edition(9, 1.0)], hour="2017/11/26/16")
    curated_by(spark, lake, keyed("newest"))
    counts = transitions(lake)[-1].counts
    assert (counts.read, counts.curated, counts.replaced, counts.superseded, counts.duplicates) == (4, 2, 1, 1, 1)
    assert state(lake)["v1"][0] == 3.0
    assert state(lake)["v2"][0] == 2.0
    adds_up(lake)
    rows = spark.read.format("delta").load(places(lake).curated)
    assert rows.count() == 9


@pytest.mark.kill
def test_replacing_rows_survives_a_kill_with_an_optimize_after_it(
    spark: SparkSession, lake: str, tmp_path: Path
) -> None:
    deliver(lake, [edition(n, 2.0) for n in range(1, 9)])
    curated_by(spark, lake, keyed("newest"))
    deliver(lake, [edition(n, 1.0) for n in range(10, 19)], hour="2017/11/26/16")
    curated_by(spark, lake, keyed("newest"))
    deliver(lake, [edition(1, 3.0), edition(2, 1.0), edition(11, 9.0)], hour="2017/11/26/17")
    camera = Camera(lake, tmp_path / "album")
    with pytest.MonkeyPatch.context() as patch:
        watch_commits(patch, camera)
        as_nobody(patch)
        curated_by(spark, lake, keyed("newest"), progress=Boundaries(camera))
    expected = outcome(lake)
    publishing = [p for p in camera.photographs if transitions(p.lake)[-1].state == "publishing"]
    assert len(publishing) >= 2
    wrong = []
    for number, photograph in enumerate(publishing):
        for meanwhile in ("nothing", "optimize"):
            again = str(tmp_path / f"run {number} {meanwhile}")
            shutil.copytree(photograph.lake, again)
            if meanwhile == "optimize":
                DeltaTable(places(again).curated).optimize.compact()
            curated_by(spark, again, keyed("newest"))
            found = outcome(again)
            if {k: found[k] for k in ("curated", "open")} != {k: expected[k] for k in ("curated", "open")}:
                wrong.append(f"{photograph.when}, {meanwhile}: {len(found['curated'])} rows")
            if found["counts"] != expected["counts"]:
                wrong.append(f"{photograph.when}, {meanwhile}: {found['counts']} is not {expected['counts']}")
    assert wrong == []
