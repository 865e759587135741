"""Registration in a session's catalog: names and places only, again and again, and nothing of the lake changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from lakes import copy_of, curated_by, deliver, listing, versions, visit
from sluice.catalog.lake_tables import LakeTable, lake_tables
from sluice.catalog.query import prepare
from sluice.catalog.register import register
from sluice.errors import LocationError, ProblemsError
from sluice.runtime import aws

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from support.s3 import S3Server

DATABASE = "of_tests"


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with three tables, made once; tests work on copies."""
    lake = str(tmp_path_factory.mktemp("made") / "a lake")
    deliver(lake, [visit(1), visit(2, day=1), {"id": None}])
    curated_by(spark, lake)
    return lake


@pytest.fixture
def own(spark: SparkSession, made: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of the lake, and an empty catalog."""
    yield copy_of(made, request.node.name[:40])
    spark.sql(f"DROP DATABASE IF EXISTS {DATABASE} CASCADE")


def done(spark: SparkSession, lake: str) -> dict[str, str]:
    return {each.name: each.done for each in register(spark, lake_tables(lake), DATABASE)}


def test_what_the_listing_shows_is_registered_once_and_neither_logs_nor_files_change(
    spark: SparkSession, own: str
) -> None:
    Path(own, "curated", "no_table").mkdir()
    before, at = listing(own), versions(own)
    names = ("visits", "visits_checks", "visits_quarantine")
    assert done(spark, own) == dict.fromkeys(names, "new")
    assert done(spark, own) == dict.fromkeys(names, "unchanged")
    assert {row.path for row in spark.sql(f"SELECT path FROM {DATABASE}.visits").collect()} == {"/1", "/2"}
    assert (listing(own), versions(own)) == (before, at)


def test_a_table_at_a_wrong_place_is_repaired_and_the_data_at_the_old_place_stays(
    spark: SparkSession, own: str, tmp_path: Path
) -> None:
    done(spark, own)
    moved = copy_of(own, f"{Path(own).name}-moved")
    before = listing(own)
    found = {each.name: each for each in register(spark, lake_tables(moved), DATABASE)}
    assert found["visits"].done == "repaired"
    assert found["visits"].why == f"its location was {own}/curated/visits"
    assert listing(own) == before
    rows = spark.sql(f"SELECT input_file_name() AS f FROM {DATABASE}.visits").collect()
    assert all(f"{Path(moved).name}/curated" in row.f.replace("%20", " ") for row in rows)
    # An entry whose folder is gone, too.
    spark.sql(f"DROP TABLE {DATABASE}.visits")
    spark.sql(f"CREATE TABLE {DATABASE}.visits (a INT) USING DELTA LOCATION '{tmp_path}/gone'")
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    assert done(spark, moved)["visits"] == "repaired"
    assert spark.table(f"{DATABASE}.visits").count() == 2


def test_columns_that_a_table_gains_are_there_at_once_and_a_stale_schema_in_the_catalog_is_repaired(
    spark: SparkSession, own: str
) -> None:
    done(spark, own)
    DeltaTable(f"{own}/curated/visits").alter.add_columns(
        [Field("more", PrimitiveType("string"), metadata={"comment": "what else"})]
    )
    assert done(spark, own)["visits"] == "unchanged"
    assert spark.table(f"{DATABASE}.visits").columns[-1] == "more"
    comments = {row.col_name: row.comment for row in spark.sql(f"DESCRIBE TABLE {DATABASE}.visits").collect()}
    assert comments["more"] == "what else"
    # As another tool may have written it: with columns of its own.
    catalog = spark._jsparkSession.sharedState().externalCatalog()
    stale = spark.createDataFrame([], "old int")._jdf.schema()
    catalog.alterTableDataSchema(DATABASE, "visits", stale)
    found = {each.name: each for each in register(spark, lake_tables(own), DATABASE)}
    assert (found["visits"].done, found["visits"].why) == ("repaired", "its columns were not the table's")
    assert done(spark, own)["visits"] == "unchanged"


def test_what_is_no_external_delta_table_is_refused_before_anything_is_changed(spark: SparkSession, own: str) -> None:
    spark.sql(f"CREATE DATABASE {DATABASE} LOCATION '{own}-db'")
    spark.sql(f"CREATE TABLE {DATABASE}.visits_quarantine (a INT) USING PARQUET")
    with pytest.raises(ProblemsError, match="found a table of type MANAGED in the format parquet; it is not ours"):
        done(spark, own)
    assert [row.tableName for row in spark.sql(f"SHOW TABLES IN {DATABASE}").collect()] == ["visits_quarantine"]


def test_names_that_are_none_or_that_two_tables_would_have_are_refused_all_at_once(own: str) -> None:
    for name in ("visits_quarantine", "x`; DROP", "Big"):
        copy_of(f"{own}/curated/visits", name)
    with pytest.raises(ProblemsError) as caught:
        lake_tables(own)
    told = str(caught.value)
    assert "`visits_quarantine` would be the name of" in told
    assert "x`; DROP: a table's name is of a-z" in told
    assert "Big: a table's name is of a-z" in told


def test_a_lake_without_tables_is_told_so(lake: str) -> None:
    with pytest.raises(LocationError, match=r"expected Delta tables .* found none; run jobs/curate.py first"):
        lake_tables(lake)


def test_refused_records_that_are_kept_elsewhere_are_found_there(own: str, tmp_path: Path) -> None:
    Path(own, "quarantine").rename(tmp_path / "kept apart")
    assert [table.name for table in lake_tables(own)] == ["visits", "visits_checks"]
    found = {table.name: table.uri for table in lake_tables(own, str(tmp_path / "kept apart"))}
    assert found["visits_quarantine"] == f"{tmp_path}/kept apart/visits"


def test_a_lake_in_s3_is_listed_registered_and_asked_by_the_same_code(
    spark: SparkSession, made: str, s3_lake: str, s3_service: S3Server
) -> None:
    from sluice.runtime.storage import storage_for

    storage = storage_for(s3_lake)
    for path in sorted(Path(made).rglob("*")):
        if path.is_file():
            storage.put(f"{s3_lake}/{path.relative_to(made)}", path.read_bytes())
    before = listing(s3_lake)
    tables = lake_tables(s3_lake)
    assert tables[0] == LakeTable("visits", f"{s3_lake}/curated/visits", "curated", "visits")
    try:
        query = prepare(spark, "SELECT path, visited_at FROM visits ORDER BY 1", tables, DATABASE)
        assert tuple(next(query.rows())) == ("/1", "2017-11-26T00:00:01Z")
        assert [each.done for each in register(spark, tables, DATABASE)] == ["unchanged", "new", "new"]
    finally:
        spark.sql(f"DROP DATABASE IF EXISTS {DATABASE} CASCADE")
        aws.client.cache_clear()
    assert listing(s3_lake) == before
