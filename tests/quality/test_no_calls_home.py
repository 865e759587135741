"""Nothing that looks at data calls anybody: a process that may reach only itself does all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lane("spark-4.1")  # Great Expectations is the same on both lanes

# Fails the process at any attempt to reach another machine, or to ask for its name, in whatever thread.
_GUARD = """
import ipaddress, os, sys

def own(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "", None)

def guard(event, args):
    if event == "socket.getaddrinfo":
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.gethostbyname":
        host = args[0]
    else:
        return
    if not own(host):
        os.write(2, f"CALLED {event} {host}\\n".encode())
        os._exit(77)

sys.addaudithook(guard)
"""

_WORK = """
import json, pathlib
from datetime import UTC, date, datetime
from sluice.contract.build import build
from sluice.quality.data_docs import data_docs_page
from sluice.quality.gate import probe_gate, validate
from sluice.quality.load import load_suite
from sluice.quality.results import row_results
from sluice.quality.suite import classify
from sluice.runtime.session import build_session
from support.contracts import text_of, visits

assert "GX_ANALYTICS_ENABLED" not in __import__("os").environ
contract = build(text_of(visits()), "visits.yaml")
suite = load_suite("visits", pathlib.Path(sys.argv[1]))
checks = classify(suite, contract)
spark = build_session("guarded", {"spark.master": "local[1]", "spark.sql.shuffle.partitions": "1"})
run = {"batch_arrival_min": datetime.now(UTC), "batch_arrival_max": datetime.now(UTC), "run_date": date.today()}
probe_gate(spark, contract, suite, checks, run)
rows = spark.range(10).selectExpr("cast(id as string) id", "cast(id as double) size")
results = validate(spark, contract, suite, checks, run, rows, 10, ("_record_hash",))
results += row_results([check for check in checks if check.kind == "row"], [10], [1])
page = data_docs_page(suite, results, run_id="r", batch_id="b", at=datetime.now(UTC))
spark.stop()
import time
time.sleep(2)  # what a thread would send, it would send now
print("DONE", len(results), len(page) > 1000)
"""

_SUITE = {
    "name": "visits",
    "expectations": [
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "size", "max_value": 9}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}},
    ],
}


def guarded(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own, as somebody's who never heard of Great Expectations' settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GX_")}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), kept.get("PYTHONPATH", "")])
    driver = "--driver-memory 1g --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 pyspark-shell"
    environment = {**kept, "PYTHONPATH": paths, "PYSPARK_SUBMIT_ARGS": driver, "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", _GUARD + code, str(folder)],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_suite_gate_and_page_reach_no_other_machine(tmp_path: Path) -> None:
    (tmp_path / "visits.json").write_text(json.dumps(_SUITE), encoding="utf-8")
    found = guarded(_WORK, tmp_path)
    assert "CALLED" not in found.stderr, found.stderr[-2000:]
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.strip().splitlines()[-1] == "DONE 3 True"
    assert not (tmp_path / ".great_expectations").exists()


def test_the_guard_catches_a_call_by_address_by_name_and_in_a_thread(tmp_path: Path) -> None:
    by_address = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    by_name = "import urllib.request; urllib.request.urlopen('https://example.invalid/', timeout=1)"
    for call in (by_address, by_name):
        in_thread = f"import threading; t = threading.Thread(target=lambda: exec({call!r})); t.start(); t.join()"
        for code in (call, in_thread):
            found = guarded(f"try:\n    exec({code!r})\nexcept OSError:\n    pass\n", tmp_path)
            assert found.returncode == 77, found.stderr[-2000:]
            assert "CALLED" in found.stderr


def test_the_guard_lets_a_process_speak_with_itself(tmp_path: Path) -> None:
    code = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(s.getsockname())\n"
    assert guarded(code, tmp_path).returncode == 0
