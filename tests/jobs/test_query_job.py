"""The query job as a process: result, then summary on the last line; a metastore; mistakes are told with code 2."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakes import listing

ROOT = Path(__file__).parents[2]
GLUE = ["--JOB_NAME", "x", "--TempDir", "s3://b/t", "--JOB_RUN_ID", "y"]
SUBMIT = ["spark-submit", "--master", "local[1]", "--driver-memory", "1g", "--conf", "spark.ui.enabled=false"]


def job(name: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    command = [sys.executable, str(ROOT / "jobs" / f"{name}.py"), *arguments, *GLUE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    return done, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("query", ["--sql", "SELECT 1"], "expected Delta tables below curated/"),
        ("query", [], "expected a query, by --sql or by --file, found none"),
        ("query", ["--sql", "SELECT 1", "--file", "x.sql"], "found both"),
        ("query", ["--file", "x.sql"], "--file x.sql: expected a readable text"),
        ("query", ["--sql", "SELECT 1", "--output", "xml"], "invalid choice: 'xml'"),
        ("query", ["--sql", "SELECT 1", "--engine", "athena"], "invalid choice: 'athena'"),
        ("register", ["--database", "a`b"], "expected a database's name of a-z"),
        ("register", ["--target", "glue"], "expected s3://bucket/prefix, found a local folder"),
    ],
)
def test_what_cannot_be_done_is_told_with_code_2_before_spark_is_started(
    lake: str, name: str, arguments: list[str], said: str
) -> None:
    done, summary = job(name, "--lake", lake, *arguments)
    assert (done.returncode, summary["exit_code"]) == (2, 2), done.stderr
    assert said in str(summary["error"])
    assert "Traceback" not in done.stderr
    assert "starting Spark" not in done.stderr
    assert listing(lake) == {}


def test_a_query_needs_no_spark_and_leaves_nothing_behind(lake: str, tmp_path: Path) -> None:
    write_deltalake(f"{lake}/curated/visits", pa.table({"path": ["/a", "/b", "/a"], "size": [1, 2, 3]}))
    before = listing(lake)
    sql = 'SELECT "path", sum(size) AS bytes FROM visits GROUP BY 1 ORDER BY 1'
    asked = ["--lake", lake, "--sql", sql, "--output", "json", *GLUE]
    command = [sys.executable, "-X", "importtime", str(ROOT / "jobs" / "query.py"), *asked]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, cwd=tmp_path
    )
    first, second, last = map(json.loads, done.stdout.splitlines())
    assert (first, second) == ({"path": "/a", "bytes": 4}, {"path": "/b", "bytes": 2})
    assert (last["outcome"], last["engine"], last["exit_code"]) == ("answered", "native", 0)
    assert "duckdb" in done.stderr
    assert "pyspark" not in done.stderr
    assert listing(lake) == before
    assert not list((tmp_path).glob("[!a]*"))


def test_a_submitted_query_registers_in_a_metastore_and_writes_its_result_and_a_summary(
    lake: str, tmp_path: Path
) -> None:
    write_deltalake(f"{lake}/curated/visits", pa.table({"path": ["/a", "/b", "/a"], "size": [1, 2, 3]}))
    before = listing(lake)
    metastore = f"spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:;databaseName={tmp_path}/metastore;create=true"
    conf = ["--conf", "spark.sql.catalogImplementation=hive", "--conf", metastore]
    conf += ["--conf", f"spark.sql.warehouse.dir={tmp_path}/warehouse"]  # where a metastore keeps its own
    out = tmp_path / "result.csv"
    asked = ["--lake", lake, "--sql", 'SELECT "path", sum(size) AS bytes FROM visits GROUP BY 1 ORDER BY 1']
    asked += ["--engine", "spark"]
    command = [*SUBMIT, *conf, str(ROOT / "jobs" / "query.py"), *asked, "--output", "csv", "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(csv.reader(out.open(newline=""))) == [["path", "bytes"], ["/a", "4"], ["/b", "2"]]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["outcome"], summary["rows"], summary["cut"], summary["exit_code"]) == ("answered", 2, False, 0)
    assert (tmp_path / "metastore").is_dir()
    assert not (tmp_path / "spark-warehouse").exists()
    assert listing(lake) == before
