"""What S3 refuses is told in one message by every job, with the right exit code, and leaves nothing half-written."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakes import DATASET, curated_rows, deliver, listing, versions, visit
from sluice.lake.commit import open_table
from sluice.lake.places import Places
from sluice.runtime import aws
from sluice.runtime.job import Run, main
from support.contracts import text_of, visits
from support.refusing import DENIED, NO_BUCKET, SLOW_DOWN, Answer, RefusingStore, refusing
from support.s3 import S3Server

ROOT = Path(__file__).parents[2]
Job = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def store(s3_lake: str, s3_service: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingStore]:
    """A store between the job and the real one; it asks once, so that a refusal is a refusal."""
    with refusing(s3_service.endpoint) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint)
        monkeypatch.setenv("SLUICE_AWS_ATTEMPTS", "1")
        forget(monkeypatch)
        yield found
    aws.client.cache_clear()
    aws.bucket_region.cache_clear()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    aws.client.cache_clear()
    aws.bucket_region.cache_clear()


@pytest.fixture
def job(s3_lake: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job over the lake in this process, which may not start Spark: exit code, summary, standard error."""
    (tmp_path / "schemas" / DATASET).mkdir(parents=True)
    (tmp_path / "schemas" / DATASET / "v1.yaml").write_text(text_of(visits()), encoding="utf-8")
    more = {
        "curate": ["--dataset", DATASET, "--definitions", str(tmp_path)],
        "crawl": ["--definitions", str(tmp_path)],
        "query": ["--sql", "SELECT count(*) FROM visits"],
        "register": ["--definitions", str(tmp_path)],
    }

    def run(name: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        spec = importlib.util.spec_from_file_location(f"{name}_job", ROOT / "jobs" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(Run, "spark", property(lambda self: pytest.fail("Spark was asked for")))
        code = 0
        try:
            main(name, ["--lake", s3_lake, *more[name], *arguments], module.body)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capfd.readouterr()
        return code, json.loads(said.out.splitlines()[-1]), said.err

    return run


# Neither Spark nor Delta's own version decides what is told.
one_lane = pytest.mark.lane("spark-4.1")
JOBS = ("curate", "crawl", "query", "register")


def told(found: tuple[int, dict[str, Any], str]) -> tuple[int, str]:
    code, summary, said = found
    assert summary["exit_code"] == code
    assert "Traceback" not in said
    assert said.count(summary["error"]) == 1
    return code, summary["error"]


@one_lane
@pytest.mark.parametrize(
    ("refusal", "codes", "words"),
    [
        (DENIED, (1, 2, 1, 1), "access denied (ListObjectsV2: AccessDenied)"),
        (SLOW_DOWN, (1, 1, 1, 1), "still throttled after all retries (ListObjectsV2: SlowDown)"),
        (NO_BUCKET, (2, 2, 2, 2), "expected a bucket of this name, found none"),
        ((301, "PermanentRedirect"), (2, 2, 2, 2), "set AWS_REGION to the bucket's region"),
        ((400, "AuthorizationHeaderMalformed"), (2, 2, 2, 2), "set AWS_REGION to the bucket's region"),
    ],
)
def test_a_lake_that_cannot_be_listed_is_told_by_every_job(
    job: Job, store: RefusingStore, s3_lake: str, refusal: Answer, codes: tuple[int, ...], words: str
) -> None:
    deliver(s3_lake, [visit(1)])
    store.refuse = lambda asked: refusal if asked.what == "list" else None
    for name, code in zip(JOBS, codes, strict=True):
        found = told(job(name))
        assert found[0] == code, found
        assert words in found[1]
        assert s3_lake in found[1]
    store.refuse = lambda asked: None
    assert len(listing(s3_lake)) == 1


@one_lane
@pytest.mark.parametrize(("refusal", "words"), [(DENIED, "access denied"), (SLOW_DOWN, "still throttled")])
def test_a_run_that_may_not_write_or_read_ends_with_code_1_and_nothing_half_written(
    job: Job, store: RefusingStore, s3_lake: str, refusal: Answer, words: str
) -> None:
    deliver(s3_lake, [visit(1)])
    before = listing(s3_lake)
    store.refuse = lambda asked: refusal if asked.what == "put" else None
    code, said = told(job("curate"))
    assert (code, words in said) == (1, True), said
    code, said = told(job("crawl", "--report", f"{s3_lake}/found.json"))
    assert (code, words in said) == (1, True), said
    assert listing(s3_lake) == before

    # A table's log is refused, which delta-rs alone asks for: the lease is all that was written, and it is given back.
    store.refuse = lambda asked: refusal if "_delta_log" in asked.path else None
    code, said = told(job("curate"))
    assert (code, words in said) == (1, True), said
    store.refuse = lambda asked: refusal if asked.what == "get" and "/raw/" in asked.path else None
    code, said = told(job("crawl"))
    assert (code, words in said) == ((2 if refusal is DENIED else 1), True), said
    store.refuse = lambda asked: None
    assert {uri for uri in listing(s3_lake) if "/lease/" not in uri} == set(before)
    assert versions(s3_lake) == {}


@one_lane
@pytest.mark.parametrize(("refusal", "words"), [(DENIED, "access denied"), (SLOW_DOWN, "still throttled")])
def test_a_query_whose_table_s_log_is_refused_is_told_so_with_code_1(
    job: Job, store: RefusingStore, s3_lake: str, refusal: Answer, words: str
) -> None:
    uri = Places(s3_lake, DATASET).curated
    write_deltalake(uri, pa.table({"id": [1, 2]}), storage_options=aws.delta_options(uri))
    store.refuse = lambda asked: refusal if asked.what in ("get", "head") and "_delta_log/" in asked.path else None
    code, said = told(job("query"))
    assert (code, words in said) == (1, True), said


def test_a_bucket_in_another_region_is_reached_there_by_boto3_and_by_delta_rs(
    s3_lake: str, store: RefusingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = Places(s3_lake, DATASET).curated
    write_deltalake(uri, pa.table({"id": [1, 2]}), storage_options=aws.delta_options(uri))
    store.region = "eu-central-1"
    forget(monkeypatch)
    assert open_table(uri).version() == 0  # type: ignore[union-attr]
    assert len(curated_rows(s3_lake)) == 2
    assert len(listing(s3_lake)) == 2
    assert {asked.region for asked in store.asked} == {"us-east-1", "eu-central-1"}
