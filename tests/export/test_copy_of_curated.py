"""Copies of what the pipeline and Spark write: replaced rows, OPTIMIZE, quarantine; and Spark's workers as writers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from copies import copied, copy_rows, place, pointer, table_rows
from lakes import contract_of, curated_by, deliver, places, quiet, visit
from sluice.export.copy import Options, export
from sluice.runtime.job import Run
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_copy_follows_batches_replaced_rows_and_optimize_and_its_rows_are_those_that_spark_reads(
    spark: SparkSession, lake: str
) -> None:
    contract = contract_of(
        column_0={"primaryKey": True, "primaryKeyPosition": 1},
        column_1={"primaryKey": True, "primaryKeyPosition": 2},
        column_4={"required": True},
        settings={"keep": "newest", "newestBy": "size"},
    )
    at = places(lake)
    deliver(lake, [visit(n, n % 2) for n in range(40)] + [b"junk", {"id": 1}], "2017/11/26/15", "a")
    curated_by(spark, lake, contract)
    first = copied(lake)
    assert copied(lake, table="visits_quarantine")["rows"] == 2
    newer = [{**visit(n, 0), "size": 77.0} for n in range(0, 6, 2)]
    deliver(lake, newer, "2017/11/26/16", "b")
    curated_by(spark, lake, contract)
    second = copied(lake)
    assert (first["partitions_changed"], second["partitions_changed"]) == (2, 1)
    assert copy_rows(lake) == table_rows(at.curated)
    assert copy_rows(lake, "visits_quarantine") == table_rows(at.quarantine)
    spark.sql(f"OPTIMIZE delta.`{at.curated}`").collect()
    assert copied(lake)["rows_written"] == 0
    run = Run("export", quiet())
    run.__dict__["spark"] = spark
    other = join(lake, "other")
    told = export(run, lake, "visits", Options(to=other, spark_bytes=1))
    assert told["rows"] == told["rows_written"] == len(table_rows(at.curated))
    latest = pointer(lake)
    files = [join(place(lake), file["path"]) for file in latest["files"]]
    by_spark = spark.read.parquet(*files)
    delta = spark.read.format("delta").load(at.curated)
    assert by_spark.schema.simpleString() == delta.schema.simpleString()
    assert by_spark.exceptAll(delta).count() == delta.exceptAll(by_spark).count() == 0


def test_files_with_int96_timestamps_are_copied_as_microseconds(spark: SparkSession, lake: str) -> None:
    uri = join(lake, "analytics", "old")
    settings = {"outputTimestampType": "INT96", "int96RebaseModeInWrite": "CORRECTED"}
    before = {name: spark.conf.get(f"spark.sql.parquet.{name}") for name in settings}
    for name, value in settings.items():
        spark.conf.set(f"spark.sql.parquet.{name}", value)
    try:
        texts = "SELECT explode(array('2017-11-26 15:56:51.679001', '0099-01-01', NULL)) AS text"
        spark.sql(f"SELECT CAST(text AS TIMESTAMP) AS at FROM ({texts})").coalesce(1).write.format("delta").save(uri)
    finally:
        for name, value in before.items():
            spark.conf.set(f"spark.sql.parquet.{name}", value)
    copied(lake, table="old")
    found = copy_rows(lake, "old")
    assert sorted(str(row["at"]) for row in found) == [
        "0099-01-01 00:00:00+00:00",
        "2017-11-26 15:56:51.679001+00:00",
        "None",
    ]
