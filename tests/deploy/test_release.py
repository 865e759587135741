"""A release is what its manifest says, or it is refused with everything that differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from releases import small_release
from sluice.deploy.release import read_release
from sluice.errors import LocationError, ProblemsError, UsageError


def test_a_release_as_built_is_read_and_verified(tmp_path: Path) -> None:
    release = read_release(small_release(tmp_path))
    release.verify()
    assert release.version == "1.2.3"
    assert release.wheel in {file.path for file in release.files}
    assert release.lanes["spark-4.1"].environment == "lanes/spark-4.1/environment.tar.gz"


def test_every_file_that_is_missing_changed_or_too_much_is_named(tmp_path: Path) -> None:
    release = read_release(small_release(tmp_path))
    (tmp_path / "sbom.json").unlink()
    (tmp_path / "jobs/job_0.py").write_text("# 0, two\n", encoding="utf-8")
    (tmp_path / "jobs/job_1.py").write_text("# longer than it was\n", encoding="utf-8")
    (tmp_path / "jobs/other.py").write_text("", encoding="utf-8")
    with pytest.raises(ProblemsError) as refused:
        release.verify()
    assert refused.value.problems == (
        "jobs/job_0.py: its content is not the one that was built",
        "jobs/job_1.py: expected 9 bytes, found 21",
        "jobs/other.py: is not in the manifest",
        "sbom.json: missing",
        "build it anew",
    )


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(LocationError, match=r"expected a release's manifest, found none; make one with scripts/build"):
        read_release(tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"form": 2}, "form 2"),
        ({"name": "other"}, "'other'"),
        ({"lanes": {"spark-4.1": {}}}, "runs_on"),
        ({"files": []}, "sbom.json"),
        ({"files": [{"path": "../outside", "sha256": "0", "bytes": 1}]}, "../outside"),
        ({"files": [{"path": "/etc/hostname", "sha256": "0", "bytes": 1}]}, "/etc/hostname"),
        ({"files": 7}, "Expected `array`, got `int`"),
    ],
)
def test_a_manifest_of_another_form_is_refused_with_what_is_wrong(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    place = small_release(tmp_path) / "manifest.json"
    place.write_text(json.dumps(json.loads(place.read_text("utf-8")) | changes), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_release(tmp_path)
    assert told in str(refused.value)
    assert str(place) in str(refused.value)
