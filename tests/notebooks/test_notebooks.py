"""The notebooks run from top to bottom over a lake: Jupyter's in a kernel of its own, Zeppelin's through Spark SQL."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from nbclient import NotebookClient

from sluice.catalog.lake_tables import lake_tables
from sluice.catalog.register import register
from sluice.contract.load import load_contract
from sluice.lake.checks import CHECKS_SCHEMA
from sluice.lake.places import Places
from sluice.lake.quarantine import QUARANTINE_SCHEMA
from sluice.lake.tables import curated_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOK, NOTE = FOLDER / "explore.ipynb", FOLDER / "explore.zpln"
SMALL = {"--master": "local[1]", "--driver-memory": "1g", "--conf": "spark.ui.enabled=false"}


AT = datetime(2017, 11, 26, 15, 56, tzinfo=UTC)
MESSAGES = [
    {"event_time": AT, "event_date": date(2017, 11, 26), "country": country, "sentiment": sentiment,
     "sentiment_value": value, "message": "<b>"}
    for country, sentiment, value in (("France", "positive", .5), ("France", "negative", -0.25), ("Chad", "neutral", 0))
]  # fmt: skip
REFUSED = [{"record": b"{", "reasons": [{"rule": "malformed", "column": None, "message": "it ends too early"}]}]
CHECKED = [{"checked_at": AT, "name": "country_is_known", "outcome": "passed", "failed": 1, "evaluated": 3}]
WINDOWS = [
    {"window_start": AT, "window_end": AT.replace(second=30), "country": country, "positive": 3, "neutral": 1,
     "negative": 2, "total": 6, "mean_sentiment": 0.125}
    for country in ("France", "Chad")
]  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with a few messages, a refused record, a check and two windows, in the tables' own columns."""
    lake = str(tmp_path_factory.mktemp("a lake"))
    at = Places(lake, "app_messages")
    schema = curated_schema(load_contract("app_messages"))
    write_deltalake(at.curated, pa.Table.from_pylist(MESSAGES, schema), partition_by=["event_date"])
    write_deltalake(at.quarantine, pa.Table.from_pylist(REFUSED, QUARANTINE_SCHEMA))
    write_deltalake(at.checks, pa.Table.from_pylist(CHECKED, CHECKS_SCHEMA))
    write_deltalake(f"{lake}/analytics/sentiment_by_country", pa.Table.from_pylist(WINDOWS))
    return lake


def paragraphs() -> list[str]:
    note = json.loads(NOTE.read_text(encoding="utf-8"))
    return [paragraph["text"] for paragraph in note["paragraphs"]]


def queries() -> Iterator[str]:
    """The note's SQL, with the forms' own values: `${name=value}`."""
    for text in paragraphs():
        if text.startswith("%spark.sql\n"):
            yield re.sub(r"\$\{\w+=([^}]*)\}", r"\1", text.partition("\n")[2])


def test_notebooks_hold_no_results() -> None:
    book = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(book)
    for cell in book.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    for paragraph in json.loads(NOTE.read_text(encoding="utf-8"))["paragraphs"]:
        assert not {"results", "result", "user", "dateFinished"} & paragraph.keys()
        assert paragraph["text"].startswith(("%md\n", "%spark.sql\n"))


@pytest.mark.lane("spark-4.1")  # the same cells' SQL runs on both lanes below
def test_the_notebook_runs_from_top_to_bottom_in_a_kernel_of_its_own(
    demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_LAKE", demo)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", " ".join([*(f"{k} {v}" for k, v in SMALL.items()), "pyspark-shell"]))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FOLDER.parent / "libs"), os.environ.get("PYTHONPATH", "")]))
    book = nbformat.read(NOTEBOOK, 4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pages = [found for cell in book.cells for found in shown(cell)]
    assert len(pages) == 5
    assert all("<table>" in page and "<rect" in page for page in pages[:3])
    assert "<td>malformed</td><td>None</td><td>1</td>" in pages[2]
    assert "<td>country_is_known</td><td>passed</td>" in pages[3]
    assert "<td>12</td><td>6</td><td>4</td><td>0.125</td>" in pages[4]


def shown(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        assert output.output_type != "error"
        if "text/html" in output.get("data", {}):
            yield output.data["text/html"]


def test_the_note_runs_from_top_to_bottom_through_spark_sql(spark: SparkSession, demo: str) -> None:
    before = spark.catalog.currentDatabase()
    try:
        register(spark, lake_tables(demo), "sluice")
        found = [spark.sql(query).collect() for query in queries()]
    finally:
        spark.catalog.setCurrentDatabase(before)
        spark.sql("DROP DATABASE IF EXISTS sluice CASCADE")
    assert len(found) == 7
    assert {row["tableName"] for row in found[1]} == {table.name for table in lake_tables(demo)}
    assert [tuple(row) for row in found[2]] == [("France", 2, 0.125, 1, 1), ("Chad", 1, 0.0, 0, 0)]
    assert [tuple(row) for row in found[3]] == [(15, 3)]
    assert [tuple(row) for row in found[4]] == [("malformed", None, 1)]
    assert len(found[5]) == len(found[6]) == 1


def test_both_ask_the_same() -> None:
    book = nbformat.read(NOTEBOOK, 4)
    asked = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    for query in queries():
        assert query.startswith(("USE ", "SHOW ")) or query in asked
