"""A batch beside another table of the lake: what only one of them has, and where they differ (see `quality.compare`).

Whole windows are compared: what is published of a window already counts with the batch that brings the rest of it.
Two Spark jobs: the countries' names, which are matched here, and the comparison, of which one row comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sluice.enrich.countries import folded, match
from sluice.lake.commit import DataFile, open_table
from sluice.lake.places import spark_uri
from sluice.lake.rows import escaped, staged_rows
from sluice.quality.compare import SIDES, Compared, Comparison
from sluice.runtime.session import conf
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from sluice.contract.model import Contract
    from sluice.lake.places import Places

_NAMED = "_country"


def compared(
    spark: SparkSession, contract: Contract, places: Places, fresh: Sequence[DataFile], asked: Comparison
) -> Compared:
    """Compare the rows of `fresh`, files that the batch staged for its curated table, with the table asked for."""
    uri = join(places.lake, asked.table)
    other = open_table(uri)
    if other is None:
        return Compared(missing=f"there is no table {asked.table} yet")
    lacking = [name for name in asked.columns if name not in {field.name for field in other.schema().fields}]
    if lacking:
        return Compared(missing=f"{asked.table} has no column {', '.join(lacking)}")
    batch = staged_rows(spark, contract, places.curated, fresh, asked.columns).select(*asked.columns)
    windows = batch.select(asked.day, *asked.by).distinct()
    here = batch
    if open_table(places.curated) is not None:
        here = batch.unionByName(_in_windows(_table(spark, places.curated, asked), windows, asked))
    there = _in_windows(_table(spark, uri, asked), windows, asked)
    # A handful of shuffles of a few windows' rows: in Spark's 200 parts each they are thousands of empty tasks.
    with conf(spark, {"spark.sql.shuffle.partitions": str(spark.sparkContext.defaultParallelism)}):
        names = _names(spark, [here, there], asked)
        return _counted(windows, _summed(here, names, asked, "here"), _summed(there, names, asked, "there"), asked)


def _table(spark: SparkSession, uri: str, asked: Comparison) -> DataFrame:
    return spark.read.format("delta").load(escaped(spark_uri(uri))).select(*asked.columns)


def _in_windows(rows: DataFrame, windows: DataFrame, asked: Comparison) -> DataFrame:
    """The day is joined by, too: of a table with many of them Spark reads those alone."""
    return rows.join(windows, [asked.day, *asked.by], "left_semi")


def _names(spark: SparkSession, sides: Sequence[DataFrame], asked: Comparison) -> DataFrame:
    """Each name as it is written, and what is compared in its place: the country's code, else what is left of it."""
    from pyspark.sql import functions as F

    written = sides[0].select(asked.country).union(sides[1].select(asked.country)).distinct().collect()
    meant = [(name, country.code if (country := match(name)) else folded(name)) for (name,) in written if name]
    return F.broadcast(spark.createDataFrame(meant, f"`{asked.country}` string, {_NAMED} string"))


def _summed(rows: DataFrame, names: DataFrame, asked: Comparison, side: str) -> DataFrame:
    from pyspark.sql import functions as F

    named = rows.join(names, asked.country)
    value = F.sum(f"`{asked.value}`").alias(side)
    return named.groupBy(*asked.by, _NAMED).agg(F.min(asked.country).alias(f"_{side}"), value)


def _counted(windows: DataFrame, here: DataFrame, there: DataFrame, asked: Comparison) -> Compared:
    from pyspark.sql import functions as F

    known = there.select(*asked.by).distinct().withColumn("_known", F.lit(True))
    both = here.join(there, [*asked.by, _NAMED], "full_outer").join(known, list(asked.by), "left_semi")
    lacks, has = F.col("_there").isNull(), F.col("_here").isNull()
    failing: dict[str, Column] = {
        "only_here": lacks,
        "only_there": has,
        "different": ~lacks & ~has & ~F.col("here").eqNullSafe(F.col("there")),
    }
    told = F.concat_ws(
        " ",
        *(F.col(name).cast("string") for name in asked.by),
        F.concat(F.coalesce("_here", "_there"), F.lit(":")),
        F.concat(F.coalesce(F.col("here").cast("string"), F.lit("none")), F.lit(" here,")),
        F.concat(F.coalesce(F.col("there").cast("string"), F.lit("none")), F.lit(" there")),
    )
    counts = [F.count(F.when(test, 1)).alias(side) for side, test in failing.items()]
    examples = [F.min(F.when(test, told)).alias(f"{side}_example") for side, test in failing.items()]
    rows = both.agg(F.count(F.lit(1)).alias("rows"), *counts, *examples)
    seen = windows.select(*asked.by).distinct().join(known, list(asked.by), "left")
    seen = seen.agg(F.count(F.lit(1)).alias("windows"), F.count("_known").alias("covered"))
    found = rows.crossJoin(seen).collect()[0]
    return Compared(
        windows=found["windows"],
        covered=found["covered"],
        rows=found["rows"],
        failed={side: found[side] for side in SIDES},
        examples={side: found[f"{side}_example"] or "" for side in SIDES},
    )
