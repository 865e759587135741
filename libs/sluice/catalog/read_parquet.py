"""Parquet -> profile, and Arrow's types as Spark declares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sluice.catalog.findings import FINER, Place
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


# What Arrow raises for a value that Python has none for, and what stands for such a value.
_FAULTS = (ValueError, OverflowError)
_BEYOND = object()


class UnfitParquet(ValueError):
    """Raised for sound Parquet that is not read; the message says why."""


def read_parquet(source: StoredObject, limits: Limits, into: Partial, profile: Profile) -> None:
    """All rows, or the first that the limits allow.

    A row with text that is not UTF-8, or an instant beyond the years 1 to 9999, is damaged. Raises what Arrow raises
    for a file that is none, UnfitParquet for what is not read.
    """
    import pyarrow.parquet as pq

    file: Any = RangedFile(source.uri, source.size_bytes) if is_s3(source.uri) else local_path(source.uri)
    with pq.ParquetFile(file, pre_buffer=is_s3(source.uri)) as parquet:
        schema = parquet.schema_arrow
        if len(set(schema.names)) < len(schema.names):
            raise UnfitParquet("has two columns of one name")
        left = parquet.metadata.num_rows if limits.records is None else limits.records
        rows = min(left, parquet.metadata.num_rows)
        for read in parquet.iter_batches(batch_size=min(_ROWS, max(left, 1))):
            if left <= 0:
                break
            batch = read.slice(0, left)
            left -= batch.num_rows
            found = _rows(batch)
            into.damaged += batch.num_rows - len(found)
            into.records += len(found)
            profile.add(found)
            profile.add_hashes([repr(row).encode("utf-8", "surrogatepass") for row in found])
            _mark_finer(batch, profile)
        into.cut += rows < parquet.metadata.num_rows
        for part in range(parquet.metadata.num_row_groups):
            for column in range(parquet.metadata.num_columns):
                into.compressions[parquet.metadata.row_group(part).column(column).compression.lower()] += 1
    for field in schema:
        member = profile.root.members.setdefault(field.name, Place())
        member.declared[spark_type(field.type)] += max(rows, 1)
    into.layouts["parquet"] += 1


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dicts, without those that have a value beyond Python; instants finer than a microsecond are cut to it,
    maps with text for keys become objects.
    """
    columns = [_values(column) for column in batch.columns]
    names = batch.schema.names
    if not names:
        return [{}] * batch.num_rows
    rows = zip(*columns, strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows if not any(value is _BEYOND for value in row)]


def _values(column: pa.Array) -> list[Any]:
    """Values of Python's; `_BEYOND` where there is none."""
    type_ = _in_micros(column.type)
    if type_ != column.type:
        column = column.cast(type_, safe=False)
    plain = _plain(type_)
    try:
        values: list[Any] = column.to_pylist()
    except _FAULTS:
        values = [_value(scalar) for scalar in column]
    if plain is None:
        return values
    return [value if value is None or value is _BEYOND else plain(value) for value in values]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except _FAULTS:
        return _BEYOND


def _in_micros(type_: pa.DataType) -> pa.DataType:
    """The type with instants and times of nanoseconds as microseconds, which Python has; no dictionaries."""
    if pa.types.is_dictionary(type_):
        return _in_micros(type_.value_type)
    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        return pa.timestamp("us", type_.tz)
    if pa.types.is_time64(type_):
        return pa.time64("us")
    if pa.types.is_duration(type_):
        return pa.duration("us")
    if pa.types.is_map(type_):
        return pa.map_(_in_micros(type_.key_type), _in_micros(type_.item_type))
    if _is_list(type_):
        return pa.list_(_in_micros(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([one.with_type(_in_micros(one.type)) for one in type_])
    return type_


def _plain(type_: pa.DataType) -> Callable[[Any], Any] | None:
    """What makes objects of maps in values of `type_`; None where there are none."""
    if pa.types.is_map(type_):
        item = _plain(type_.item_type)
        return lambda pairs: {str(name): item(value) if item and value is not None else value for name, value in pairs}
    if _is_list(type_):
        inner = _plain(type_.value_type)
        return None if inner is None else lambda values: [None if one is None else inner(one) for one in values]
    if pa.types.is_struct(type_):
        parts = {one.name: made for one in type_ if (made := _plain(one.type)) is not None}
        if parts:
            return lambda value: {
                name: parts[name](one) if one is not None and name in parts else one for name, one in value.items()
            }
    return None


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def _mark_finer(batch: pa.RecordBatch, profile: Profile) -> None:
    """Count the instants that a microsecond does not hold."""
    import pyarrow.compute as pc

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns" and name in profile.root.members:
            whole = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(column.type)
            finer = pc.sum(pc.not_equal(whole, column)).as_py() or 0
            if finer:
                profile.root.members[name].formats[FINER] += finer


def spark_type(type_: pa.DataType) -> str:
    """An Arrow type as Spark DDL; what Spark has no type for is called as Arrow does."""
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_dictionary(type_):
        return spark_type(type_.value_type)
    if _is_list(type_):
        return f"array<{spark_type(type_.value_type)}>"
    if pa.types.is_map(type_):
        return f"map<{spark_type(type_.key_type)},{spark_type(type_.item_type)}>"
    if pa.types.is_struct(type_):
        return f"struct<{','.join(f'{_quoted(one.name)}:{spark_type(one.type)}' for one in type_)}>"
    return next((name for test, name in _PLAIN if test(type_)), str(type_))


def _quoted(name: str) -> str:
    from sluice.contract.types import quoted

    return quoted(name)
