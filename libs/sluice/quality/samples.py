"""A few rows of a contract's columns, made from nothing, to try checks on before there is data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.contract.model import Contract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ROWS = 3
_BY_TYPE = {
    "string": "CAST(id AS string)",
    "binary": "CAST(CAST(id AS string) AS binary)",
    "boolean": "id = 0",
    "date": "date_add(DATE '2017-11-26', CAST(id AS int))",
    "timestamp": "timestamp_seconds(1511711811 + id)",
}
_NESTED = ("array", "struct", "map")


def sample_rows(spark: SparkSession, contract: Contract) -> DataFrame:
    """Two rows with a value in each column of a plain type, and one of NULLs; columns as the curated table has them."""
    types = {column.name: column.type for column in contract.columns} | {"_record_hash": "binary", "_rescued": "string"}
    columns = [f"CASE WHEN id < {_ROWS - 1} THEN {_value(type_)} END AS `{name}`" for name, type_ in types.items()]
    return spark.range(0, _ROWS, 1, 1).selectExpr(*columns)


def _value(type_: str) -> str:
    if type_.startswith(_NESTED):
        return f"CAST(NULL AS {type_})"
    return _BY_TYPE.get(type_, f"CAST(id % 2 AS {type_})")
