"""What only Spark can tell of an analysis' files, what the job ends with, and the table that it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from sightings import analysis, analyzed, arrive, definitions, found, run_of, source_of, table_of
from sluice.analytics.analyze import places_of
from sluice.analytics.definition import rows_of
from sluice.contract.load import load_contract
from sluice.errors import ContractError, DatasetBusyError, LocationError, UsageError
from sluice.lake.lease import Lease
from sluice.pipeline.curate import curate
from sluice.pipeline.options import Options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SQL = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.sql").read_text()


def test_columns_types_and_sums_of_doubles_that_do_not_hold_are_told_at_once(
    spark: SparkSession, lake: str, tmp_path: Path
) -> None:
    text = SQL.replace("count(1) AS total", "CAST(count(1) AS INT) AS total, avg(sentiment_value) AS extra")
    folder = definitions(tmp_path, sql=text.replace("AS positive", "AS posetive"))
    arrive(lake, [(0.0, 1)])
    with pytest.raises(ContractError) as error:
        rows_of(analysis(folder=folder), spark, spark.read.format("delta").load(source_of(lake)))
    for told in (
        "column positive: the contract promises it, the SELECT does not give it (did you mean `posetive`?)",
        "column total: the contract promises bigint, the SELECT gives int",
        "column extra: the SELECT gives it, the contract does not promise it",
        "adds up floating-point numbers",
    ):
        assert told in str(error.value)


def test_what_cannot_be_begun_writes_nothing(spark: SparkSession, lake: str) -> None:
    of = replace(analysis(), suite=None)
    with pytest.raises(LocationError, match="expected the curated table"):
        analyzed(spark, lake, of)
    arrive(lake, [(0.0, 1)])
    told = analyzed(spark, lake, of, dry_run=True)
    assert (told["dry_run"], told["windows"]) == (True, None)
    places = places_of(lake, "sentiment_by_country")
    assert not Path(places.state).exists()
    with Lease.acquire(places.lease, "other"), pytest.raises(DatasetBusyError):
        analyzed(spark, lake, of)
    with pytest.raises(UsageError, match=r"bring it up to date with jobs/analyze\.py"):
        curate(run_of(spark), lake, load_contract("sentiment_by_country"), Options())
    assert not Path(places.curated).exists()


@pytest.mark.lane("spark-4.1")
def test_the_tables_describe_themselves_and_a_second_analysis_with_its_suite_needs_no_python(
    spark: SparkSession, lake: str
) -> None:
    arrive(lake, [(float(at), at) for at in range(40)])
    told = analyzed(spark, lake, analysis("channels_by_hour"))
    assert told["outcome"] == "published"
    rows = found(lake, "channels_by_hour")
    assert sorted(row["place"] for row in rows if row["window_start"].hour == 0) == list(range(1, 11))
    table = DeltaTable(table_of(lake, "channels_by_hour"))
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert [field.name for field in table.schema().fields if not field.metadata.get("comment")] == []
    assert table.metadata().configuration["sluice.contract.key"] == "window_start, place"
    page = next(Path(places_of(lake, "channels_by_hour").docs, "runs").glob("*.html")).read_text()
    assert page.count('class="chart"') == 2
    names = {"place_in_range", "one_place_per_channel", "required:channel", "primary_key:window_start,place"}
    checks = DeltaTable(places_of(lake, "channels_by_hour").checks).to_pyarrow_table().to_pylist()
    assert names <= {row["name"] for row in checks if row["outcome"] == "passed"}


def test_other_windows_do_not_fit_the_table_that_is_there(spark: SparkSession, lake: str, tmp_path: Path) -> None:
    arrive(lake, [(0.0, 1)])
    analyzed(spark, lake, replace(analysis(), suite=None))
    yaml = (Path(__file__).parents[2] / "schemas/sentiment_by_country/v1.yaml").read_text()
    folder = definitions(tmp_path, yaml=yaml.replace("slide: 5 seconds", "slide: 10 seconds"))
    with pytest.raises(ContractError, match=r"\(windows\)"):
        analyzed(spark, lake, replace(analysis(folder=folder), suite=None))
