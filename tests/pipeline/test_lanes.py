"""The same input gives the same tables in both lanes: each lane is held to what was recorded once, column by column.

After a change that is meant: SLUICE_RECORD=1 scripts/run --lane spark-4.1 python -m pytest tests/pipeline/test_lanes.py
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakes import check_rows, curated_rows, places, quarantine_rows, run_of
from landing.__main__ import land
from landing.arguments import parse
from sluice.contract.load import load_contract
from sluice.lake.commit import open_table
from sluice.pipeline.curate import curate
from sluice.pipeline.options import Options
from sluice.quality.load import load_suite

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATASET = "app_messages"
DATA = Path(__file__).parents[1] / "data"
ORDER = "--messages 3000 --seed 7 --hours 5 --workers 1"
SHARES = "--duplicates 0.03 --late 0.05 --damaged 0.02 --wrong 0.02 --unknown 0.05"


def digests(rows: list[dict[str, Any]]) -> dict[str, str]:
    """A digest of each column's values, in the rows' order."""
    names = sorted({name for row in rows for name in row})
    return {name: hashlib.sha256(repr([row[name] for row in rows]).encode()).hexdigest()[:16] for name in names}


def told(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"rows": len(rows), "columns": digests(rows)}


def test_both_lanes_make_the_recorded_tables(spark: SparkSession, lake: str) -> None:
    expected = land(parse(["--lake", lake, *ORDER.split(), *SHARES.split()]))["expected"]
    summary = curate(run_of(spark), lake, load_contract(DATASET), Options(), load_suite(DATASET))
    assert summary["outcome"] == "published"
    assert summary["counts"]["curated"] == expected["curated"]
    table = open_table(places(lake, DATASET).curated)
    assert table is not None
    held_to_record(DATASET, lake, str(table.schema().to_json()), summary["counts"])


def held_to_record(dataset: str, lake: str, schema: str, counts: dict[str, Any]) -> None:
    """The lake's tables are the recorded ones; with SLUICE_RECORD they become so."""
    recorded = DATA / dataset / "lanes.json"
    found = {
        "schema": schema,
        "curated": told(curated_rows(lake, dataset)),
        "quarantine": told(quarantine_rows(lake, dataset)),
        "checks": told(check_rows(lake, dataset)),
        "counts": counts,
    }
    if os.environ.get("SLUICE_RECORD"):
        recorded.parent.mkdir(parents=True, exist_ok=True)
        recorded.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(recorded.read_text(encoding="utf-8"))
