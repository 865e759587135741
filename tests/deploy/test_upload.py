"""A prefix with a manifest is one whole release, whoever was interrupted and however many uploaded."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from releases import small_release
from sluice.deploy.upload import Uploaded, upload
from sluice.errors import ProblemsError, StorageDenied
from sluice.runtime import aws
from sluice.runtime.files import put_file
from sluice.runtime.storage import storage_for
from support.s3 import S3Server

_UPLOAD = """
import sys
from pathlib import Path
from sluice.deploy.upload import upload
upload(Path(sys.argv[1]), sys.argv[2])
"""
_MEMORY = """
import resource, sys
from pathlib import Path
from sluice.runtime import aws
from sluice.runtime.files import put_file

def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

assert put_file(Path(sys.argv[1]).with_name("small"), sys.argv[2] + "/first")
before = peak_bytes()
assert put_file(Path(sys.argv[1]), sys.argv[2] + "/large")
print(peak_bytes() - before)
"""


def contents(uri: str) -> dict[str, bytes]:
    storage = storage_for(uri)
    return {stored.uri[len(uri) + 1 :]: storage.read(stored.uri) for stored in storage.list(uri)}


def is_whole(folder: Path, uri: str) -> bool:
    there = contents(uri)
    there.pop("claim.json")
    return there == {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_an_uploaded_release_is_whole_and_is_there_already_the_next_time(s3_lake: str, tmp_path: Path) -> None:
    folder, uri = small_release(tmp_path), f"{s3_lake}/sluice/1.2.3"
    first = upload(folder, uri)
    assert (first.written, first.found) == (9, 0)
    assert is_whole(folder, uri)
    assert upload(folder, uri) == Uploaded(uri, 0, 9, 0)
    assert upload(folder, uri).already_there


def test_a_folder_takes_a_release_as_s3_does(lake: str, tmp_path: Path) -> None:
    folder = small_release(tmp_path / "release")
    assert upload(folder, lake).written == 9
    assert is_whole(folder, lake)
    assert upload(folder, lake).already_there


def test_a_release_that_exists_with_other_bytes_is_refused_and_left_alone(s3_lake: str, tmp_path: Path) -> None:
    uri = f"{s3_lake}/sluice/1.2.3"
    upload(small_release(tmp_path / "one"), uri)
    before = contents(uri)
    with pytest.raises(ProblemsError) as refused:
        upload(small_release(tmp_path / "two", text="two"), uri)
    assert refused.value.problems == (
        "jobs/job_0.py: holds other bytes",
        "jobs/job_1.py: holds other bytes",
        "jobs/job_2.py: holds other bytes",
        "manifest.json: holds other bytes",
        "a release is never replaced: raise __version__ in libs/sluice/__init__.py and build anew",
    )
    assert contents(uri) == before


def test_what_was_uploaded_and_changed_since_is_named(s3_lake: str, s3_service: S3Server, tmp_path: Path) -> None:
    uri, folder = f"{s3_lake}/sluice/1.2.3", small_release(tmp_path)
    upload(folder, uri)
    storage_for(uri).put(f"{uri}/jobs/job_1.py", b"# 1, oNe\n")
    with pytest.raises(ProblemsError, match=r"1\.2\.3: 2 problems\n  jobs/job_1\.py: holds other bytes\n"):
        upload(folder, uri)


def test_a_changed_folder_is_refused_before_anything_is_written(s3_lake: str, tmp_path: Path) -> None:
    folder = small_release(tmp_path)
    (folder / "jobs/job_0.py").write_text("# 0, two\n", encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"jobs/job_0\.py: its content is not the one that was built"):
        upload(folder, f"{s3_lake}/sluice/1.2.3")
    assert contents(s3_lake) == {}


def test_a_killed_upload_has_no_manifest_and_the_next_one_finishes_it(s3_lake: str, tmp_path: Path) -> None:
    folder, uri = small_release(tmp_path, scripts=150), f"{s3_lake}/sluice/1.2.3"
    process = subprocess.Popen([sys.executable, "-c", _UPLOAD, str(folder), uri])
    try:
        deadline = time.monotonic() + 60
        while len(list(storage_for(uri).list(uri))) < 4 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    finally:
        process.kill()
        process.wait()
    there = contents(uri)
    assert "manifest.json" not in there
    assert len(there) >= 4
    done = upload(folder, uri)
    assert 0 < done.written < 156
    assert done.written + done.found == 156
    assert is_whole(folder, uri)


def test_two_uploads_of_one_release_at_once_are_harmless(s3_lake: str, tmp_path: Path) -> None:
    folder, uri = small_release(tmp_path, scripts=20), f"{s3_lake}/sluice/1.2.3"
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: upload(folder, uri), range(2)))
    assert sum(each.written for each in done) == 26
    assert is_whole(folder, uri)


def test_of_two_different_releases_at_once_one_is_there_whole_and_the_other_refused(
    s3_lake: str, tmp_path: Path
) -> None:
    uri = f"{s3_lake}/sluice/1.2.3"
    folders = [small_release(tmp_path / text, text=text, scripts=10) for text in ("one", "two")]

    def attempt(folder: Path) -> bool:
        try:
            return bool(upload(folder, uri).written)
        except ProblemsError:
            return False

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(attempt, folders))
    assert sorted(won) == [False, True]
    assert is_whole(folders[won.index(True)], uri)


def test_one_that_was_begun_and_given_up_says_how_to_make_way(s3_lake: str, tmp_path: Path) -> None:
    uri = f"{s3_lake}/sluice/1.2.3"
    storage_for(uri).put(f"{uri}/claim.json", b'{"version": "1.2.3", "manifest_sha256": "of another"}')
    with pytest.raises(ProblemsError) as refused:
        upload(small_release(tmp_path), uri)
    assert refused.value.problems == (
        "claim.json: another release of this version is being uploaded, or was begun",
        "a release is never replaced: raise __version__ in libs/sluice/__init__.py and build anew; "
        "this one was never finished, so that no job runs from it: its prefix may also be deleted",
    )


def test_who_may_not_write_is_told_so(
    s3_lake: str, s3_service: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_service.environment("reader").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it has found its credentials
    aws.client.cache_clear()
    with pytest.raises(
        StorageDenied, match=r"access denied \(PutObject: AccessDenied\); grant this role the permission"
    ):
        upload(small_release(tmp_path), f"{s3_lake}/sluice/1.2.3")
    aws.client.cache_clear()


def test_a_large_file_is_never_whole_in_memory(s3_lake: str, tmp_path: Path) -> None:
    for name, size_bytes in (("small", 1), ("large", 96 << 20)):
        with open(tmp_path / name, "wb") as stream:
            stream.truncate(size_bytes)
    command = [sys.executable, "-c", _MEMORY, str(tmp_path / "large"), s3_lake]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(told.stdout) < 32 << 20
    assert not put_file(tmp_path / "large", f"{s3_lake}/large")
