"""What of a contract a table cannot take in place, all at once; and what it can.

In place, without rewriting a file and at protocol (1, 2): a new column, and a new field in a struct, however deep in
arrays and maps it lies; older rows read NULL there. Anything else breaks readers, or needs more of them than every one
gives: a wider type (int to bigint, float to double) is a table feature of its own, type widening.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.schema import ArrayType, MapType, StructType

from sluice.contract.model import Contract
from sluice.lake.described import KEEP, KEY, PLACEMENT, contract_properties

_WORDS = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_WIDER = (("tinyint", "smallint", "int", "bigint"), ("float", "double"))


def problems(table: DeltaTable, wanted: DeltaSchema, contract: Contract) -> list[str]:
    """Everything of `contract`, whose columns are `wanted`, that the table cannot take; empty where it fits."""
    there = {field.name: field.type for field in table.schema().fields}
    asked = {field.name: field.type for field in wanted.fields}
    partitions = tuple(table.metadata().partition_columns)
    found = list(_types(there, asked, ""))
    if partitions != contract.partition_columns:
        found.append(
            f"partition columns: the table has {list(partitions)}, the contract {list(contract.partition_columns)}"
        )
    return [*found, *_settings(table.metadata().configuration, contract)]


def gains(there: Any, asked: Any) -> bool:
    """Whether `asked`, which fits the Delta type `there`, has a struct field more, at any depth."""
    if isinstance(asked, StructType) and isinstance(there, StructType):
        types = {field.name: field.type for field in there.fields}
        return any(field.name not in types or gains(types[field.name], field.type) for field in asked.fields)
    return any(gains(old, new) for _, old, new in _inside(there, asked))


def _types(there: Mapping[str, Any], asked: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, type_ in there.items():
        if name not in asked:
            yield f"{above}{name}: the table has it, the contract does not"
        else:
            yield from _type(type_, asked[name], above + name)


def _type(there: Any, asked: Any, place: str) -> Iterator[str]:
    if isinstance(there, StructType) and isinstance(asked, StructType):
        old, new = ({field.name: field.type for field in one.fields} for one in (there, asked))
        yield from _types(old, new, f"{place}.")
        return
    inner = _inside(there, asked)
    for step, old, new in inner:
        yield from _type(old, new, f"{place}.{step}")
    if not inner and there != asked:
        was, is_ = ddl(there), ddl(asked)
        wider = any(was in order and is_ in order[order.index(was) :] for order in _WIDER if was in order)
        why = ", and a column cannot be made wider in place" if wider else ""
        yield f"{place}: the table has it as {was}, the contract as {is_}{why}"


def _inside(there: Any, asked: Any) -> list[tuple[str, Any, Any]]:
    """What two arrays or two maps hold, by the name of the place; empty for any other pair."""
    if isinstance(there, ArrayType) and isinstance(asked, ArrayType):
        return [("element", there.element_type, asked.element_type)]
    if isinstance(there, MapType) and isinstance(asked, MapType):
        return [("key", there.key_type, asked.key_type), ("value", there.value_type, asked.value_type)]
    return []


def ddl(type_: Any) -> str:
    """A Delta type as Spark spells it: long -> bigint."""
    if isinstance(type_, StructType):
        return f"struct<{','.join(f'{field.name}:{ddl(field.type)}' for field in type_.fields)}>"
    if isinstance(type_, ArrayType):
        return f"array<{ddl(type_.element_type)}>"
    if isinstance(type_, MapType):
        return f"map<{ddl(type_.key_type)},{ddl(type_.value_type)}>"
    return _WORDS.get(type_.type, str(type_.type))


def _settings(properties: Mapping[str, str | None], contract: Contract) -> Iterator[str]:
    """Changes of what the table's properties keep; a table without them, made before there were any, tells nothing."""
    now = contract_properties(contract)
    for name, words in ((KEY, "primary key"), (KEEP, "keep")):
        before = properties.get(name)
        if before is not None and before != now[name]:
            yield f"{words}: the table has {before or 'none'}, the contract {now[name] or 'none'}"
    before, after = json.loads(properties.get(PLACEMENT) or "{}"), json.loads(now[PLACEMENT])
    for name in before.keys() & after.keys():
        if not _same(before[name], after[name]):
            yield (
                f"{name}: decides where rows lie or which stay, and is made otherwise: "
                f"the table has `{before[name] or name}`, the contract `{after[name] or name}`"
            )


def _same(before: str, after: str) -> bool:
    """Whether two expressions parse the same."""
    if before == after or not (before and after):
        return before == after
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(before, read="spark") == sqlglot.parse_one(after, read="spark")
    except (SqlglotError, RecursionError):
        return False
