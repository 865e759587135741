"""The export job as a process: summary on the last line, exit codes, and SIGKILL in the middle of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from copies import copy_rows, pointer, table_rows, table_uri
from lakes import listing

pytestmark = pytest.mark.lane("spark-4.1")  # no Spark is started
JOB = Path(__file__).parents[2] / "jobs" / "export.py"


def command(lake: str, *arguments: str) -> list[str]:
    return [sys.executable, str(JOB), "--lake", lake, "--table", "visits", *arguments, "--JOB_NAME", "x"]


def job(lake: str, *arguments: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(command(lake, *arguments), capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "starting Spark" not in done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["exit_code"] == done.returncode
    return done.returncode, summary


def test_the_job_tells_what_it_did_in_its_summary_and_by_its_code(lake: str) -> None:
    code, summary = job(lake)
    assert (code, "expected Delta tables below" in str(summary["error"])) == (2, True)
    write_deltalake(table_uri(lake), pa.table({"n": [1, 2]}))
    before = listing(lake)
    code, summary = job(lake, "--dry-run", "true")
    assert (code, summary["outcome"], listing(lake)) == (0, "planned", before)
    assert job(lake)[1]["outcome"] == "exported"
    assert job(lake)[1]["outcome"] == "nothing new"
    assert job(lake, "--manifest", "hive")[0] == 2
    named = [sys.executable, str(JOB), "--lake", lake]
    for arguments, expected in ([], 2), (["--dataset", "visits"], 0):
        assert subprocess.run([*named, *arguments], capture_output=True, timeout=60, check=False).returncode == expected
    assert copy_rows(lake) == table_rows(table_uri(lake))


def test_a_stopped_run_keeps_others_out_with_code_4_and_a_killed_one_is_finished_by_the_next(lake: str) -> None:
    many = pa.table({"n": pa.array(range(400), pa.int64()), "p": pa.array([n // 2 for n in range(400)], pa.int64())})
    write_deltalake(table_uri(lake), many, partition_by=["p"])
    process = subprocess.Popen(command(lake), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        data, until = Path(lake, "parquet/visits/data"), time.monotonic() + 50
        while not any(data.rglob("*.parquet")):
            assert time.monotonic() < until
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGSTOP)
        assert not Path(lake, "parquet/visits/_latest.json").exists()
        assert job(lake)[0] == 4
    finally:
        process.kill()
        process.wait()
    code, summary = job(lake)
    assert (code, summary["outcome"], summary["unfinished_runs"]) == (0, "exported", 1)
    assert copy_rows(lake) == table_rows(table_uri(lake))
    named = {file["path"].rsplit("/", 1)[1] for file in pointer(lake)["files"]}
    assert {path.name for path in data.rglob("*.parquet")} == named
