"""One lake in S3, every job on it: held, released and published, with pages; crawled, asked, registered."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakes import DATASET, curated_by, curated_rows, deliver, expectation, listing, places, suite_of, transitions, visit
from sluice.contract.load import load_contract
from sluice.lake.tables import curated_schema
from sluice.runtime.aws import delta_options
from sluice.runtime.job import Run, main
from sluice.runtime.storage import storage_for
from support.contracts import text_of, visits
from support.s3 import S3Server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
FEW = suite_of(expectation("few rows", "table_row_count_to_be_between", min_value=1, max_value=3))
GLUE = ["--JOB_NAME", "x", "--TempDir", "s3://b/t", "--JOB_RUN_ID", "y"]


def body(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"{name}_job", ROOT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.body


def here(capfd: pytest.CaptureFixture[str], name: str, *arguments: str) -> tuple[int, list[str], str]:
    """A job in this process: its exit code, the lines of standard output, standard error."""
    code = 0
    try:
        main(name, [*arguments, *GLUE], body(name))
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capfd.readouterr()
    return code, said.out.splitlines(), said.err


def test_every_job_works_on_one_lake_in_s3(
    spark: SparkSession,
    s3_lake: str,
    s3_service: S3Server,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_service.environment().items():
        monkeypatch.setitem(spark.sparkContext.environment, name, value)
    spelt = s3_lake.replace("s3://", "s3a://")
    deliver(s3_lake, [*(visit(n) for n in range(5)), {"id": None}])

    held = curated_by(spark, spelt, suite=FEW)
    assert (held["outcome"], held["exit_code"], curated_rows(s3_lake)) == ("held", 3, [])
    (batch,) = held["held"]
    told = curated_by(spark, spelt, suite=FEW, release_held=batch, reason="a known burst", released_by="ops")
    assert (told["outcome"], told["counts"]["curated"], told["counts"]["quarantined"]) == ("published", 5, 1)
    assert transitions(s3_lake)[-1].release_reason == "a known burst"
    pages = [uri for uri in listing(places(s3_lake).docs) if uri.endswith(".html")]
    assert {"index.html"} < {uri.rsplit("/", 1)[1] for uri in pages}
    client, bucket = s3_service.client(), s3_service.bucket
    kinds = {client.head_object(Bucket=bucket, Key=uri.split("/", 3)[3])["ContentType"] for uri in pages}
    assert kinds == {"text/html; charset=utf-8"}

    asked = ["--lake", spelt, "--output", "csv", "--sql", "SELECT count(*) AS n, min(id) AS first FROM visits"]
    command = [sys.executable, str(ROOT / "jobs" / "query.py"), *asked, *GLUE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert (lines[:2], json.loads(lines[-1])["outcome"]) == (["n,first", "5,v0"], "answered")

    monkeypatch.setattr(Run, "spark", spark)
    code, lines, _ = here(capfd, "query", *asked, "--engine", "spark")
    assert (code, lines[:2]) == (0, ["n,first", "5,v0"])
    code, lines, said = here(capfd, "register", "--lake", spelt, "--database", "on_s3")
    names = ["visits", "visits_checks", "visits_quarantine"]
    assert (code, [table["name"] for table in json.loads(lines[-1])["tables"]]) == (0, names), said
    assert spark.sql("SELECT count(*) FROM on_s3.visits").collect()[0][0] == 5
    spark.sql("DROP DATABASE on_s3 CASCADE")

    definitions = tmp_path / "schemas" / DATASET
    definitions.mkdir(parents=True)
    (definitions / "v1.yaml").write_text(text_of(visits()), encoding="utf-8")
    crawl = ["crawl", "--lake", spelt, "--definitions", str(tmp_path), "--report", f"{spelt}/found.json"]
    code, lines, said = here(capfd, *crawl)
    assert (code, json.loads(lines[-1])["datasets"][0]["records"]) == (0, 6), said
    report = json.loads(storage_for(s3_lake).read(f"{s3_lake}/found.json"))
    assert report["datasets"] == json.loads(lines[-1])["datasets"]
    before = listing(s3_lake)
    code, lines, _ = here(capfd, *crawl[:3], "--write-contract", f"{s3_lake}/definitions")
    assert (code, "expected a local folder" in lines[-1]) == (2, True)
    assert listing(s3_lake) == before


def test_windows_of_a_lake_in_s3_are_reckoned_and_copied_once(
    spark: SparkSession,
    s3_lake: str,
    s3_service: S3Server,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_service.environment().items():
        monkeypatch.setitem(spark.sparkContext.environment, name, value)
    monkeypatch.setattr(Run, "spark", spark)
    at = datetime(2017, 11, 26, 15, 56, 1, tzinfo=UTC)
    rows = [
        {"event_time": at, "event_date": at.date(), "country": country, "sentiment": "neutral", "sentiment_value": 0.0}
        for country in ("Chad", "Chad", "Peru")
    ]
    uri = f"{s3_lake}/curated/app_messages"
    table = pa.Table.from_pylist(rows, curated_schema(load_contract("app_messages")))
    write_deltalake(uri, table, partition_by=["event_date"], storage_options=delta_options(uri))
    spelt = s3_lake.replace("s3://", "s3a://")
    analyze = ["--lake", spelt, "--dataset", "app_messages", "--analysis", "sentiment_by_country"]
    code, lines, said = here(capfd, "analyze", *analyze)
    told = json.loads(lines[-1])
    assert (code, told["outcome"], told["counts"]["curated"]) == (0, "published", 12), (
        said
    )  # six windows, two countries
    assert [uri for uri in listing(f"{s3_lake}/docs/sentiment_by_country") if uri.endswith("index.html")]
    code, lines, said = here(capfd, "export", "--lake", spelt, "--table", "sentiment_by_country")
    assert code == 0, said
    latest = json.loads(storage_for(s3_lake).read(f"{s3_lake}/parquet/sentiment_by_country/_latest.json"))
    assert sum(file["rows"] for file in latest["files"]) == 12
    before = listing(s3_lake)
    for job in (["analyze", *analyze], ["export", "--lake", spelt, "--table", "sentiment_by_country"]):
        code, lines, said = here(capfd, *job)
        assert code == 0, said
    assert not [uri for uri in listing(s3_lake) if uri not in before and "lease/" not in uri]


def test_spark_s_own_keys_that_are_denied_are_told_in_one_message(s3_lake: str, tmp_path: Path) -> None:
    uri = f"{s3_lake}/curated/visits"
    write_deltalake(uri, pa.table({"id": ["a"]}), storage_options=delta_options(uri))
    conf = "--conf spark.hadoop.fs.s3a.access.key=nobody --conf spark.hadoop.fs.s3a.secret.key=nobody"
    submit = f"--driver-memory 512m --conf spark.ui.enabled=false --master local[1] {conf} pyspark-shell"
    command = [sys.executable, str(ROOT / "jobs" / "register.py"), "--lake", s3_lake]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=tmp_path,
        env={**os.environ, "PYSPARK_SUBMIT_ARGS": submit},
    )  # fmt: skip
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["exit_code"]) == (1, 1)
    assert "access denied to Spark's own S3 client" in summary["error"]
    assert "Traceback" not in done.stderr
