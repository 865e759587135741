"""Parquet -> profile, and Arrow's types as Spark declares them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sluice.catalog.findings import Place
from sluice.catalog.infer import Profile
from sluice.catalog.partial import Limits, Partial
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import StoredObject, is_s3, local_path

_ROWS = 1_000
_PLAIN = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "tinyint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_uint8, "smallint"),
    (pa.types.is_int32, "int"),
    (pa.types.is_uint16, "int"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint32, "bigint"),
    (pa.types.is_uint64, "decimal(20,0)"),
    (pa.types.is_float16, "float"),
    (pa.types.is_float32, "float"),
    (pa.types.is_float64, "double"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_time, "string"),
    (pa.types.is_binary, "binary"),
    (pa.types.is_large_binary, "binary"),
    (pa.types.is_fixed_size_binary, "binary"),
)


def read_parquet(source: StoredObject, limits: Limits, into: Partial, profile: Profile) -> None:
    """All rows, or the first that the limits allow. Raises what Arrow raises for a file that is none."""
    import pyarrow.parquet as pq

    file: Any = RangedFile(source.uri, source.size_bytes) if is_s3(source.uri) else local_path(source.uri)
    with pq.ParquetFile(file, pre_buffer=is_s3(source.uri)) as parquet:
        schema = parquet.schema_arrow
        left = parquet.metadata.num_rows if limits.records is None else limits.records
        rows = min(left, parquet.metadata.num_rows)
        for batch in parquet.iter_batches(batch_size=min(_ROWS, max(left, 1))):
            if left <= 0:
                break
            found = _rows(batch.slice(0, left))
            left -= len(found)
            profile.add(found)
            profile.add_hashes([repr(row).encode("utf-8", "surrogatepass") for row in found])
        into.records += rows
        into.cut += rows < parquet.metadata.num_rows
        for part in range(parquet.metadata.num_row_groups):
            for column in range(parquet.metadata.num_columns):
                into.compressions[parquet.metadata.row_group(part).column(column).compression.lower()] += 1
    for field in schema:
        member = profile.root.members.setdefault(field.name, Place())
        member.declared[spark_type(field.type)] += max(rows, 1)
    into.layouts["parquet"] += 1


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dicts; instants finer than a microsecond are cut to it, maps become objects."""
    columns = [_values(column) for column in batch.columns]
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: list[Any] = column.to_pylist()
    return [_plain(value) for value in values] if pa.types.is_nested(column.type) else values


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        if value and all(isinstance(one, tuple) for one in value):  # a map's entries
            return {str(name): _plain(inner) for name, inner in value}
        return [_plain(one) for one in value]
    return {name: _plain(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def spark_type(type_: pa.DataType) -> str:
    """An Arrow type as Spark DDL; what Spark has no type for is called as Arrow does."""
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_dictionary(type_):
        return spark_type(type_.value_type)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return f"array<{spark_type(type_.value_type)}>"
    if pa.types.is_map(type_):
        return f"map<{spark_type(type_.key_type)},{spark_type(type_.item_type)}>"
    if pa.types.is_struct(type_):
        return f"struct<{','.join(f'{_quoted(one.name)}:{spark_type(one.type)}' for one in type_)}>"
    return next((name for test, name in _PLAIN if test(type_)), str(type_))


def _quoted(name: str) -> str:
    from sluice.contract.types import quoted

    return quoted(name)
