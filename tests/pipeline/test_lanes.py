"""The same input gives the same tables in both lanes: each lane is held to what was recorded once, column by column.

After a change that is meant: SLUICE_RECORD=1 scripts/run --lane spark-4.1 python -m pytest tests/pipeline/test_lanes.py
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakes import check_rows, places, quarantine_rows, run_of
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
RECORDED = Path(__file__).parents[1] / "data" / DATASET / "lanes.json"
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
    arrow: pa.Table = table.to_pyarrow_table()
    curated = sorted(arrow.to_pylist(), key=repr)
    found = {
        "schema": str(table.schema().to_json()),
        "curated": told(curated),
        "quarantine": told(quarantine_rows(lake, DATASET)),
        "checks": told(check_rows(lake, DATASET)),
        "counts": summary["counts"],
    }
    if os.environ.get("SLUICE_RECORD"):
        RECORDED.parent.mkdir(parents=True, exist_ok=True)
        RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(RECORDED.read_text(encoding="utf-8"))
