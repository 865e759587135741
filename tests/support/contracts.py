"""A small contract to bend: every kind of column once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import yaml

VISITS: dict[str, Any] = yaml.safe_load(
    """
apiVersion: v3.1.0
kind: DataContract
id: visits
version: 1.2.0
status: active
schema:
  - name: raw
    physicalType: json
    properties:
      - {name: id, logicalType: string, physicalType: string}
      - {name: at, logicalType: integer, physicalType: bigint}
      - {name: page, logicalType: object, physicalType: "struct<path:string,title:string>"}
      - {name: tags, logicalType: array, physicalType: array<string>}
      - {name: size, logicalType: number, physicalType: double}
  - name: visits
    physicalType: table
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true}
      - name: visited_at
        logicalType: timestamp
        physicalType: timestamp
        required: true
        transformLogic: CASE WHEN at BETWEEN 0 AND 253402300799 THEN timestamp_seconds(at) END
      - {name: visited_on, logicalType: date, physicalType: date, partitioned: true, partitionKeyPosition: 1,
         transformLogic: to_date(visited_at)}
      - {name: path, logicalType: string, physicalType: string, transformLogic: page.path}
      - {name: size, logicalType: number, physicalType: double}
"""
)


def visits(**changes: object) -> dict[str, Any]:
    """The contract with changes.

    `raw_0={...}` and `column_1={...}` update a property (None takes a key away), `more=[..]` adds columns,
    `settings={..}` gives customProperties, and any other name is a field at the top.
    """
    found = deepcopy(VISITS)
    for name, value in changes.items():
        kind, _, index = name.partition("_")
        if kind in ("raw", "column") and isinstance(value, dict):
            one = found["schema"][kind == "column"]["properties"][int(index)]
            one.update(value)
            for key in [key for key, given in value.items() if given is None]:
                del one[key]
        elif name == "more" and isinstance(value, list):
            found["schema"][1]["properties"] += value
        elif name == "settings" and isinstance(value, dict):
            found["customProperties"] = [{"property": key, "value": given} for key, given in value.items()]
        else:
            found[name] = value
    return found


def text_of(contract: dict[str, Any]) -> str:
    return yaml.safe_dump(contract, sort_keys=False, allow_unicode=True)


def with_logic(expression: str, type_: str = "string") -> dict[str, Any]:
    """The contract with one more column, `made`."""
    return visits(more=[{"name": "made", "physicalType": type_, "transformLogic": expression}])
