"""Find a dataset's contract and read it."""

from __future__ import annotations

from pathlib import Path

import yaml

from sluice.contract.model import MAX_NESTING, MAX_RECORD_BYTES, Column, Contract, RawField


def load_contract(dataset: str, version: str | None = None, schemas: Path | None = None) -> Contract:
    root = schemas or Path(__file__).parents[3] / "schemas"
    path = root / dataset / "v1.yaml"
    return parse_contract(path.read_text("utf-8"), f"schemas/{dataset}/v1.yaml")


def parse_contract(text: str, path: str) -> Contract:
    found = yaml.safe_load(text)
    raw, curated = found["schema"]
    columns = tuple(
        Column(
            c["name"], c["physicalType"], c.get("required", False), c.get("transformLogic"),
            tuple(c.get("transformSourceObjects") or {"event_date": ["event_time"]}.get(c["name"], [c["name"]])),
            c.get("partitionKeyPosition"), c.get("primaryKeyPosition"), c.get("classification"), c.get("description"),
        )
        for c in curated["properties"]
    )
    fields = tuple(RawField(p["name"], p["physicalType"]) for p in raw["properties"])
    return Contract(
        found["id"], found["version"], path, fields, columns, "first", None, "rescue", (),
        MAX_RECORD_BYTES, MAX_NESTING, "0" * 64,
    )
