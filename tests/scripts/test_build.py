"""A release follows from its commit alone, and from nothing of the machine that builds it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from building import archives, locks
from building.source import export
from building.wheels import Target, Wheel, sha256_of
from sluice.deploy.release import Release, read_release
from sluice.errors import ProblemsError, UsageError
from support.machine import ROOT, bare_environment

LANE = os.environ.get("SLUICE_LANE", "spark-4.1")
TARGET = Target("3.11", "x86_64", "2.34")


def clone(folder: Path) -> Path:
    """The committed project in `folder`."""
    git(folder.parent, "clone", "--quiet", "--depth=1", f"file://{ROOT}", str(folder))
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def run_build(root: Path, *arguments: str, umask: int = 0o022, **env: str) -> subprocess.CompletedProcess[str]:
    """scripts/build of `root` without making its environments: this one's Python, and what earlier builds have kept."""
    paths = os.pathsep.join([str(root / "libs"), str(root / "scripts")])
    command = [sys.executable, "-P", "-m", "building", f"--cache={ROOT / '.cache' / 'build'}", *arguments]
    return subprocess.run(
        command, cwd=root, env=bare_environment(PYTHONPATH=paths, **env), umask=umask,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_same_commit_gives_the_same_bytes_wherever_and_however_it_is_built(tmp_path: Path) -> None:
    here, there = tmp_path / "one", tmp_path / "an other/clone of it"
    there.parent.mkdir()
    done = run_build(clone(here), "--lane", LANE, umask=0o077, TZ="Pacific/Kiritimati", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "elsewhere"
    done = run_build(clone(there), "--lane", LANE, "--out", str(out), TZ="America/Lima", PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    release = read_release(out)
    release.verify()  # so that equal manifests are equal files; that packing anew gives the same is `packed`'s to show
    assert (here / "dist/sluice" / told["version"] / "manifest.json").read_bytes() == release.manifest
    assert str(tmp_path).encode() not in release.manifest + (out / "sbom.json").read_bytes()
    it_holds_the_library_with_its_contracts_and_suites(release)
    its_lane_is_whole(release)
    its_bill_names_every_wheel(release)


def it_holds_the_library_with_its_contracts_and_suites(release: Release) -> None:
    names = set(zipfile.ZipFile(release.folder / release.wheel).namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    data = {f"sluice/{path}" for path in tracked if re.fullmatch(r"(schemas/.*\.yaml|expectations/.*\.json)", path)}
    assert len(data) >= 2
    assert data <= names
    assert "sluice/pipeline/curate.py" in names
    jobs = {file.path for file in release.files if file.path.startswith("jobs/")}
    assert jobs == {path for path in tracked if re.fullmatch(r"jobs/\w+\.py", path)}


def its_lane_is_whole(release: Release) -> None:
    lane = release.lanes[LANE]
    with zipfile.ZipFile(release.folder / lane.wheelhouse) as archive:
        inside = {name for name in archive.namelist() if name.endswith(".whl")}
        pins = archive.read("wheels/requirements.txt").decode().split()
    assert {Path(name).name for name in inside} == {Path(name).name for name in lane.wheels}
    names = {pin.split("==")[0] for pin in pins}
    assert {"great-expectations", "deltalake", "msgspec", "isal", "pyyaml"} <= names
    assert not names & {"pyspark", "delta-spark", "py4j", "pyarrow", "numpy", "pandas", "boto3", "pytest", "duckdb"}
    assert lane.environment
    with tarfile.open(release.folder / lane.environment) as archive:
        first = [archive.next() for _ in range(200)]
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in first if entry} == {(0, 0, "", 315532800)}


def its_bill_names_every_wheel(release: Release) -> None:
    bill = json.loads((release.folder / "sbom.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    hashes = {part["bom-ref"]: part["hashes"][0]["content"] for part in bill["components"]}
    wheels = {Path(file.path).name: file.sha256 for file in release.files if file.path.endswith(".whl")}
    del wheels[release.wheel]
    assert hashes == wheels
    assert {entry["ref"] for entry in bill["dependencies"]} == {*hashes, release.wheel}
    needed = {ref for entry in bill["dependencies"] for ref in entry["dependsOn"]}
    assert needed == set(hashes), "everything is there because something needs it"
    assert [part["name"] for part in bill["components"] if not part.get("licenses")] == []


@pytest.mark.lane("spark-4.1")
def test_a_changed_tree_is_refused_by_name_and_its_version_tells_where_it_is_allowed(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone")
    (root / "jobs/curate.py").write_text("print('changed')\n", encoding="utf-8")
    (root / "schemas/new.yaml").write_text("a: 1\n", encoding="utf-8")
    done = run_build(root)
    assert done.returncode == 2
    assert re.search(r"found 2 changed since \w{12}:\n   M jobs/curate\.py\n  \?\? schemas/new\.yaml\n", done.stderr)
    assert not (root / "dist").exists()

    first = export(root, tmp_path / "first", allow_dirty=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\+dirty\.[0-9a-f]{12}", first.version)
    assert f'__version__ = "{first.version}"' in (first.folder / "libs/sluice/__init__.py").read_text("utf-8")
    assert (first.folder / "schemas/new.yaml").exists()
    assert export(root, tmp_path / "again", allow_dirty=True).version == first.version
    (root / "schemas/new.yaml").write_text("a: 2\n", encoding="utf-8")
    assert export(root, tmp_path / "second", allow_dirty=True).version != first.version


@pytest.mark.lane("spark-4.1")
def test_what_a_commit_does_not_hold_is_not_built(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone")
    (root / ".venv").mkdir()
    (root / ".venv/ignored.py").write_text("", encoding="utf-8")
    source = export(root, tmp_path / "source", allow_dirty=False)
    assert not (source.folder / ".venv").exists()
    assert "+" not in source.version
    with pytest.raises(UsageError, match="expected a clone of the project"):
        export(tmp_path, tmp_path / "nothing", allow_dirty=True)


def wheel(folder: Path, name: str, version: str, *needs: str, files: dict[str, str] | None = None) -> Wheel:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    told = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in (files or {f"{name}/__init__.py": ""}).items():
            archive.writestr(place, text)
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(told) + "\n")
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return Wheel(path, sha256_of(path))


@pytest.mark.lane("spark-4.1")
def test_a_lock_that_does_not_fit_is_refused_with_all_that_is_wrong(tmp_path: Path) -> None:
    own = wheel(tmp_path, "own", "1", "a>=2", 'b; extra == "quality"', "pyspark", 'w; sys_platform == "win32"')
    locked = [wheel(tmp_path, "a", "1", "c"), wheel(tmp_path, "b", "1"), wheel(tmp_path, "d", "1")]
    pins = {"a": "1", "b": "2", "c": "1", "d": "1"}
    with pytest.raises(ProblemsError) as refused:
        locks.check(own, locked, pins, {"pyspark"}, TARGET, "lock")
    assert refused.value.problems == (
        "a needs c, which is not locked",
        "b 1: requirements/ pins 2",
        "d: nothing needs it",
        "own needs a>=2, locked is 1",
        "make it anew with scripts/build --lock true",
    )


@pytest.mark.lane("spark-4.1")
def test_what_a_runtime_has_already_is_left_out_with_what_only_that_needs(tmp_path: Path) -> None:
    own = wheel(tmp_path, "own", "1", "boto", "tool")
    locked = [
        wheel(tmp_path, "boto", "1", "botocore", "shared"), wheel(tmp_path, "botocore", "1"),
        wheel(tmp_path, "shared", "1"), wheel(tmp_path, "tool", "1", "shared"),
    ]  # fmt: skip
    assert locks.only_through(own, locked, ["boto"], TARGET) == {"boto", "botocore"}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """An environment of two small wheels for two interpreters, unpacked; twice packed, to the same bytes."""
    shared = wheel(tmp_path, "shared", "1", files={"shared/__init__.py": "told = 'shared'\n", "shared/tests/t.py": ""})
    one = wheel(tmp_path, "one", "1", files={"one-1.data/purelib/one.py": "told = 'one'\n", "one-1.data/scripts/x": ""})
    old = wheel(tmp_path, "one", "0", files={"one.py": "told = 'old'\n"})
    mine = "{}.{}".format(*sys.version_info)
    archives.environment(tmp_path / "a.tar.gz", {mine: [shared, one], "3.9": [old, shared]})
    os.utime(shared.path, (0, 0))
    archives.environment(tmp_path / "b.tar.gz", {mine: [one, shared], "3.9": [shared, old]})
    assert digest(tmp_path / "a.tar.gz") == digest(tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes()[4:8] == bytes(4), "gzip's own time of packing"
    subprocess.run(["tar", "-xzf", "a.tar.gz", "--one-top-level=environment"], cwd=tmp_path, check=True)
    return tmp_path / "environment"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def launched(packed: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the archive's python as Spark does: by a relative path, from the folder that it was unpacked into."""
    changes = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **env}
    command = ["./environment/bin/python", "-c", code]
    return subprocess.run(command, cwd=packed.parent, env=changes, capture_output=True, text=True, check=False)


@pytest.mark.lane("spark-4.1")
def test_an_unpacked_environment_starts_the_machines_python_with_its_own_packages(packed: Path) -> None:
    names = sorted(path.relative_to(packed).as_posix() for path in packed.rglob("*.py"))
    mine = "python{}.{}".format(*sys.version_info)
    assert names == sorted(
        [
            "lib/any/site-packages/shared/__init__.py",
            f"lib/{mine}/site-packages/one.py",
            "lib/python3.9/site-packages/one.py",
        ]
    )
    code = "import one, shared, given, sys; print(one.told, shared.told, sys.argv)"
    (packed.parent / "sparks").mkdir()
    (packed.parent / "sparks/given.py").write_text("", encoding="utf-8")
    (packed.parent / "sparks/one.py").write_text("told = 'not ours'\n", encoding="utf-8")
    for env in ({}, {"SLUICE_CLUSTER_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}):
        done = launched(packed, code, PYTHONPATH=str(packed.parent / "sparks"), **env)
        assert (done.stdout, done.stderr) == ("one shared ['-c']\n", "")


@pytest.mark.lane("spark-4.1")
def test_a_cluster_without_a_fitting_python_is_told_which_it_must_have(packed: Path) -> None:
    other = packed.parent / "other"
    other.write_text("#!/bin/sh\necho 3.8\n", encoding="utf-8")
    other.chmod(0o755)
    done = launched(packed, "1", SLUICE_CLUSTER_PYTHON=str(other))
    mine = "{}.{}".format(*sys.version_info)
    assert done.returncode == 127
    told = f"expected Python {mine} 3.9, found {other}, which is 3.8; choose a platform that has one"
    assert done.stderr == f"environment/bin/python: {told}\n"
