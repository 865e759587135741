"""The job: its last line holds all that was found, the table fits a terminal, and neither shows anybody's data."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from landing.__main__ import land
from landing.arguments import parse
from sluice.catalog import full
from sluice.catalog.crawl import Options, crawl
from sluice.runtime.job import main
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
GLUE = ["--JOB_NAME", "x", "--TempDir", "s3://b/t", "--JOB_RUN_ID", "y"]
PEOPLE = [
    {"id": at, "name": f"Ann Smith{at}", "mail": f"ann{at}@example.org", "phone": 4915112345000 + at} for at in range(9)
]

Job = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def job(capfd: pytest.CaptureFixture[str]) -> Job:
    """The job in this process: exit code, summary, standard error."""
    spec = importlib.util.spec_from_file_location("crawl_job", ROOT / "jobs" / "crawl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
        code = 0
        try:
            main("crawl", [*arguments, *GLUE], module.body)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capfd.readouterr()
        return code, json.loads(said.out.splitlines()[-1]), said.err

    return run


def people(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "x.json").write_text("".join(json.dumps(one) for one in PEOPLE))
    return folder


def test_the_last_line_and_the_report_tell_all_and_the_table_fits_a_terminal(job: Job, tmp_path: Path) -> None:
    people(tmp_path / "raw" / "people" / "2017" / "11" / "26" / "15")
    report = tmp_path / "found.json"
    code, summary, said = job("--lake", str(tmp_path), "--report", str(report))
    assert (code, summary["exit_code"]) == (0, 0)
    assert json.loads(report.read_text()) == {key: summary[key] for key in ("location", "datasets")}
    (found,) = summary["datasets"]
    assert (found["name"], found["format"], found["records"]) == ("people", "json", 9)
    assert found["partition_keys"] == [
        {"name": "arrival_hour", "kind": "hour", "first": "2017/11/26/15", "last": "2017/11/26/15"}
    ]
    assert found["first_arrival_at"] == "2017-11-26T15:00:00Z"
    assert found["fields"]["id"] == {
        "seen": 9, "present": 1.0, "null": 0.0, "kinds": {"integer": 9}, "lowest_integer": 0, "highest_integer": 8,
        "distinct": 9, "distinct_is_estimate": False,
        "examples": ["0"],
    }  # fmt: skip
    assert found["likely_keys"][0]["path"] == ["id"]
    assert found["athena"] == "records are back to back: no line ends"
    assert max(len(line) for line in said.splitlines() if str(tmp_path) not in line) <= 80
    assert "people" in said


def test_neither_output_shows_a_value_that_tells_of_a_person(job: Job, tmp_path: Path) -> None:
    people(tmp_path / "raw" / "people" / "owner=Ann Smith1")
    _, summary, said = job("--lake", str(tmp_path))
    told = json.dumps(summary) + said
    for one in PEOPLE:
        assert not [value for name, value in one.items() if name != "id" and str(value) in told]
    assert summary["datasets"][0]["partition_keys"][0]["first"] == "xxx xxxxx0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--location", "LAKE"], "--lake"),
        (["--lake", "LAKE"], "raw: expected objects, found none"),
        (["--lake", "LAKE", "--location", "LAKE/no"], "no: expected objects, found none; is --location right?"),
        (["--lake", "LAKE", "--location", "LAKE/docs/a.bin/x"], "x: expected"),
        (["--lake", "LAKE", "--location", "LAKE/docs"], "JSON, CSV, Parquet or Delta, found 1 binary, 1 text alone"),
        (["--lake", "LAKE", "--location", "LAKE", "--type", "csv"], "no dataset of csv among 3 objects"),
        (["--lake", "LAKE", "--location", "LAKE", "--exclude", "**"], "left out (3)"),
        (["--lake", "LAKE", "--exclude", "{a"], "'{a' cannot be read"),
        (["--lake", "LAKE", "--sample", "0"], "expected a whole number of at least 1"),
        (["--lake", "LAKE", "--exclud", "a"], "did you mean --exclude?"),
        (["--lake", "ftp://x/y"], "this scheme is not supported"),
        (["--lake", ""], "--lake: expected a value, found an empty one"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_clear_message_with_code_2(
    job: Job, tmp_path: Path, arguments: list[str], said: str
) -> None:
    people(tmp_path / "people")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.bin").write_bytes(b"\x00\x01")
    (tmp_path / "docs" / "notes.txt").write_text("Only words.\n")
    code, summary, told = job(*(word.replace("LAKE", str(tmp_path)) for word in arguments))
    assert (code, summary["exit_code"]) == (2, 2)
    assert said in summary["error"]
    assert "Traceback" not in told


def test_in_s3_the_same_is_found_and_a_bucket_that_is_not_there_is_told(job: Job, tmp_path: Path, s3_lake: str) -> None:
    people(tmp_path / "raw" / "people" / "day=2017-11-26")
    table = pa.table({"id": [1, 2, 3], "of": [{"a": 1.5}, None, {"a": None}]})
    pq.write_table(table, tmp_path / "t.parquet")
    write_deltalake(str(tmp_path / "d"), table)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        storage_for(s3_lake).put(join(s3_lake, str(path.relative_to(tmp_path))), path.read_bytes())
    here, there = crawl(str(tmp_path)), crawl(s3_lake)
    assert [(one.name, one.format, one.records) for one in here if one.format != "parquet"] == [
        (one.name, one.format, one.records) for one in there if one.format != "parquet"
    ]
    assert {one.location.removeprefix(str(tmp_path)) for one in here} == {
        one.location.removeprefix(s3_lake) for one in there
    }
    assert {one.format: one.root for one in here if one.format != "delta"} == {
        one.format: one.root for one in there if one.format != "delta"
    }
    assert (len(here), sorted(one.format for one in there)) == (3, ["delta", "json", "parquet"])
    bucket = s3_lake.removeprefix("s3://").split("/")[0]
    for location, said in ((f"{s3_lake}/no", "found none"), (s3_lake.replace(bucket, "nobodys"), "expected")):
        code, summary, _ = job("--lake", s3_lake, "--location", location)
        assert (code, location in summary["error"]) == (2, True), summary["error"]
        assert said in summary["error"]


def test_a_sample_needs_no_spark_and_the_job_runs_as_a_process(tmp_path: Path) -> None:
    people(tmp_path / "raw" / "people")
    command = [sys.executable, "-X", "importtime", str(ROOT / "jobs" / "crawl.py"), "--lake", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    assert json.loads(done.stdout.splitlines()[-1])["datasets"][0]["records"] == 9
    assert "pyspark" not in done.stderr


def test_reading_all_in_spark_tells_what_reading_all_at_once_does(
    spark: SparkSession, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = land(parse(["--lake", lake, "--messages", "6000", "--damaged", "0.01", "--object-bytes", "40000"]))[
        "expected"
    ]
    here = crawl(f"{lake}/raw", Options(full=True, lake=True))
    monkeypatch.setattr(full, "WORTH_SPARK_BYTES", 0)
    monkeypatch.setattr(full, "_TASK_BYTES", 100_000)
    there = crawl(f"{lake}/raw", Options(full=True, lake=True), lambda: spark)
    assert there == here
    assert here[0].records + here[0].damaged == expected["records"]
    assert here[0].full
    sample = crawl(f"{lake}/raw", Options(sample=200, lake=True))
    assert (sample[0].records, sample[0].full, sample[0].objects) == (200, False, here[0].objects)


def test_names_that_would_steer_a_terminal_are_shown_in_plain_letters(job: Job, tmp_path: Path) -> None:
    (tmp_path / "raw" / "odd").mkdir(parents=True)
    record = {"a\x1b[31mred\r": 1, "long" * 200: 2}
    (tmp_path / "raw" / "odd" / "x.json").write_text(json.dumps(record))
    code, summary, told = job("--lake", str(tmp_path))
    assert (code, list(summary["datasets"][0]["fields"])) == (0, list(record))
    assert "\x1b" not in told.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\\x1b" in told.replace("\n", "")
    assert told.count("long") < 50


def test_a_job_that_is_told_to_end_says_so_on_its_last_line(tmp_path: Path) -> None:
    """The body waits; the process gets SIGTERM, as schedulers send it, or Ctrl-C."""
    code = (
        "import sys, time\nfrom sluice.runtime.job import main\n"
        "def body(run, argv):\n    print('ready', flush=True)\n    time.sleep(60)\n    return {}\n"
        "main('waits', sys.argv[1:], body)"
    )
    for sent, wanted in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(sent)
            told = process.stdout.read().splitlines()
            assert process.wait(30) == wanted
        assert json.loads(told[-1])["exit_code"] == wanted
