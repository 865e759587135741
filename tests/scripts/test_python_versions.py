"""One source for every interpreter that a runtime brings: 3.11 of Glue 5.1 and EMR to 3.13 of Glue 6.0."""

from __future__ import annotations

import ast
import functools
import tomllib
from pathlib import Path
from typing import Any

import pytest

from environment_files import environment, release

pytestmark = pytest.mark.lane("spark-4.1")

ROOT = Path(__file__).parents[2]
FILES = [path for folder in ("libs", "jobs", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]
# Python's own modules that 3.12 and 3.13 took away (PEP 594, PEP 632, imp, asyncore and friends).
_GONE = set(
    "aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib "
    "ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib".split()
)


def runtimes() -> dict[str, Any]:
    return tomllib.loads((ROOT / "runtimes.toml").read_text(encoding="utf-8"))


@functools.cache
def trees(version: tuple[int, int]) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=version) for path in FILES}


def test_every_file_is_python_as_the_oldest_interpreter_reads_it() -> None:
    major, minor = (int(part) for part in runtimes()["python"][0].split("."))
    oldest = (major, minor)
    assert trees(oldest)
    with pytest.raises(SyntaxError):
        ast.parse("def f[T](x: T) -> T: ...", feature_version=oldest)


def test_no_file_imports_what_a_newer_python_took_away() -> None:
    for path, tree in trees((3, 11)).items():
        for node in ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & _GONE, path


def test_one_release_serves_every_runtime_and_has_wheels_for_its_interpreters() -> None:
    told = runtimes()
    one = release(environment())
    assert set(one.manifest.lanes) == set(told["lanes"])
    for name, lane in told["lanes"].items():
        assert list(one.manifest.lanes[name].runs_on) == lane["runs_on"]
    for runtime in ("Glue 5.1", "Glue 6.0", "emr-7.12.0", "emr-7.14.0", "emr-spark-8.1.0"):
        one.lane_for(runtime)
    for name, pythons in told["release"]["python"].items():
        assert set(pythons) <= set(told["python"])
        for python in pythons:
            assert (ROOT / "requirements" / "wheels" / f"{name}-cp{python.replace('.', '')}.txt").is_file()
