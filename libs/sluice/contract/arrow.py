"""The Arrow type of each Spark type a contract may use: in the reader's batches, in data files, in a table's schema."""

from __future__ import annotations

import pyarrow as pa

from sluice.contract.types import SparkType, precision_and_scale

_SCALARS = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "json": pa.string(),
}


def arrow_type(found: SparkType) -> pa.DataType:
    """Spark type -> Arrow type, named inside as Spark and Delta name it (a list's `element`)."""
    if found.kind == "decimal":
        return pa.decimal128(*precision_and_scale(found))
    if found.kind == "array":
        return pa.list_(pa.field("element", arrow_type(found.parts[0])))
    if found.kind == "map":
        return pa.map_(pa.string(), arrow_type(found.parts[1]))
    if found.kind == "struct":
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in found.fields])
    return _SCALARS[found.kind]
