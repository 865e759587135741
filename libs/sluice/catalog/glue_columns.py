"""Columns as the Glue Data Catalog and Athena want them: names in lower case, types in Hive's words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sluice.contract.model import RawField
from sluice.contract.types import SparkType, parse_type

_DELTA = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint", "timestamp_ntz": "timestamp"}
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_LONGEST_COMMENT = 255


def delta_columns(schema_json: str) -> list[dict[str, str]]:
    """Columns of a Delta table's schema, with its comments; all are columns to Athena, partitions too."""
    return [
        column(field["name"], _of_delta(field["type"]), field.get("metadata", {}).get("comment", ""))
        for field in json.loads(schema_json)["fields"]
    ]


def column(name: str, kind: str, comment: str = "") -> dict[str, str]:
    """A column for Glue, which takes comments of at most 255 characters."""
    text = comment if len(comment) <= _LONGEST_COMMENT else comment[: _LONGEST_COMMENT - 1] + "…"
    return {"Name": name.lower(), "Type": kind, **({"Comment": text} if text else {})}


def _of_delta(kind: Any) -> str:
    if isinstance(kind, str):
        return _DELTA.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{_of_delta(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{_of_delta(kind['keyType'])},{_of_delta(kind['valueType'])}>"
    return "struct<" + ",".join(f"{each['name'].lower()}:{_of_delta(each['type'])}" for each in kind["fields"]) + ">"


def json_columns(fields: Sequence[RawField]) -> tuple[list[dict[str, str]], dict[str, str], list[str]]:
    """(columns, settings of the JSON SerDe, what is left out and why) for raw fields of JSON.

    A name that Athena does not take is spelt with _ and mapped to the field; of names that differ by case none is a
    column, since the SerDe cannot tell them apart. A struct with such names inside is a string: its JSON text.
    """
    columns, mapping, left_out = [], {}, []
    spelt = Counter(_spelt(field.name) for field in fields)
    for field in fields:
        name = _spelt(field.name)
        if spelt[name] > 1:
            left_out.append(f"raw field `{field.name}`: another one is `{name}` to Athena, too")
            continue
        columns.append(column(name, _of_spark(parse_type(field.type))))
        if name != field.name.lower():
            mapping[f"mapping.{name}"] = field.name
    return columns, mapping, left_out


def _spelt(name: str) -> str:
    text = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return f"_{text}" if text[:1].isdigit() else text


def _of_spark(kind: SparkType) -> str:
    if any(not _PLAIN.fullmatch(name.lower()) for each in kind.walk() for name, _ in each.fields):
        return "string"
    if kind.kind in ("json", "string"):
        return "string"
    if kind.fields:
        return "struct<" + ",".join(f"{name.lower()}:{_of_spark(part)}" for name, part in kind.fields) + ">"
    if kind.parts:
        return f"{kind.kind}<{','.join(map(_of_spark, kind.parts))}>"
    return kind.text
