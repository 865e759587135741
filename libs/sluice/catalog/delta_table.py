"""A Delta table -> what its log says of it; no data file is read."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from sluice.catalog.findings import Found, PartitionKey, Place
from sluice.lake.commit import open_table

_SPARK = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_KINDS = {
    "boolean": "boolean", "long": "integer", "integer": "integer", "short": "integer", "byte": "integer",
    "float": "number", "double": "number", "string": "string", "binary": "binary", "date": "date",
    "timestamp": "timestamp", "timestamp_ntz": "timestamp",
}  # fmt: skip


def look_at_table(uri: str, name: str) -> Found:
    """Schema, counts and partitions of the table at `uri`; shares of null where the log has them.

    Raises what `lake.commit.open_table` raises. A table that cannot be read is found with its problem.
    """
    found = Found(name=name, location=uri, format="delta", full=True)
    try:
        table = open_table(uri)
    except Exception as error:  # noqa: BLE001 - whatever a log holds: delta-rs has no one class for it
        found.problems.append(f"its log cannot be read ({type(error).__name__})")
        return found
    if table is None:
        found.problems.append("its log has no version")
        return found
    files = pa.table(table.get_add_actions(flatten=True))
    columns: dict[str, list[Any]] = files.to_pydict()
    found.objects, found.bytes = files.num_rows, sum(columns.get("size_bytes", ()))
    counts = columns.get("num_records", [])
    found.records = sum(count or 0 for count in counts)
    found.sampled_objects = found.objects
    if None in counts or (files.num_rows and not counts):
        found.problems.append("its log does not count the records of all files")
    times = [at for at in map(_instant, columns.get("modification_time", ())) if at is not None]
    found.first_arrival_at, found.last_arrival_at = min(times, default=None), max(times, default=None)
    found.compressions = Counter({"parquet": found.objects})
    keys = table.metadata().partition_columns
    for key in keys:
        values = [str(one) for one in columns.get(f"partition.{key}", ()) if one is not None]
        found.partition_keys.append(PartitionKey(key, "hive", min(values, default=""), max(values, default="")))
    schema = json.loads(table.schema().to_json())
    found.root = _object(schema, found.records)
    for field in schema["fields"]:
        member = found.root.members[field["name"]]
        nulls = [count for count in columns.get(f"null_count.{field['name']}", ()) if count is not None]
        member.nulls = min(sum(nulls), member.seen)
        kind = _kind(field["type"])
        member.kinds[kind] = member.seen - member.nulls
        member.declared[ddl(field["type"])] = max(found.records, 1)
    return found


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else None


def _kind(type_: Any) -> str:
    if isinstance(type_, dict):
        return "array" if type_["type"] == "array" else "object"
    return _KINDS.get(str(type_).split("(")[0], "number")


def _object(struct: dict[str, Any], seen: int) -> Place:
    members = {field["name"]: _place(field["type"], seen) for field in struct["fields"]}
    return Place(seen=seen, kinds=Counter({"object": seen}), members=members)


def _place(type_: Any, seen: int) -> Place:
    """A place of which only the type is known."""
    if not isinstance(type_, dict):
        return Place(seen=seen)
    if type_["type"] == "array":
        return Place(seen=seen, element=_place(type_["elementType"], 0))
    if type_["type"] == "map":
        return Place(seen=seen, each=_place(type_["valueType"], 0))
    inner = _object(type_, 0)
    inner.seen = seen
    return inner


def ddl(type_: Any) -> str:
    """A type as Delta's log has it -> Spark DDL: {"type": "array", "elementType": "long"} -> array<bigint>."""
    from sluice.contract.types import quoted

    if not isinstance(type_, dict):
        return _SPARK.get(type_, str(type_))
    if type_["type"] == "array":
        return f"array<{ddl(type_['elementType'])}>"
    if type_["type"] == "map":
        return f"map<{ddl(type_['keyType'])},{ddl(type_['valueType'])}>"
    return f"struct<{','.join(quoted(one['name']) + ':' + ddl(one['type']) for one in type_['fields'])}>"
