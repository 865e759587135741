"""Rows of data files that no table names yet, as Spark sees them: with the partition's values, which no file holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from sluice.contract.model import Contract
from sluice.lake.commit import DataFile
from sluice.lake.mend import file_name
from sluice.lake.places import spark_uri
from sluice.lake.tables import HASH, RESCUED
from sluice.runtime.storage import join

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def escaped(uri: str) -> str:
    """`uri` for Spark's readers, which take a path for a pattern; ours are plain."""
    return "".join("\\" + c if c in "*?[]{}\\" else c for c in uri)


def staged_rows(
    spark: SparkSession, contract: Contract, uri: str, files: Sequence[DataFile], columns: Collection[str]
) -> DataFrame:
    """The rows of `files`, which lie below the curated table at `uri`, with `columns` of the table's."""
    types = {column.name: column.type for column in contract.columns} | {HASH: "binary", RESCUED: "string"}
    wanted = [name for name in types if name in columns] or [HASH]
    inside = [name for name in wanted if name not in contract.partition_columns]
    placed = [name for name in wanted if name in contract.partition_columns]
    rows = (
        # A schema of ours saves Spark the job that would look for one.
        spark.read.schema(", ".join(f"`{name}` {types[name]}" for name in inside or [HASH]))
        .option("recursiveFileLookup", "true")
        .parquet(*(escaped(spark_uri(join(uri, file.path))) for file in files))
    )
    if not placed:
        return rows
    values = [(file_name(file.path), *(file.partition_values[name] for name in placed)) for file in files]
    schema = ", ".join(["_name string", *(f"`{name}` string" for name in placed)])
    by_name = F.broadcast(spark.createDataFrame(values, schema))
    joined = rows.select("*", F.col("_metadata.file_name").alias("_file")).join(
        by_name, F.col("_file") == F.col("_name")
    )
    return joined.select(*(F.col(f"`{name}`").cast(types[name]).alias(name) for name in wanted))
