"""The wheel carries the library and the data that it needs at run time, and nothing else."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

from support.machine import ROOT, bare_environment, run


def test_the_wheel_holds_the_library_its_contracts_and_its_suites(tmp_path: Path) -> None:
    source = tmp_path / "a clone"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    shutil.copytree(ROOT / "libs" / "sluice", source / "libs" / "sluice", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "schemas", source / "schemas")
    (source / "expectations").mkdir()
    (source / "expectations" / "app_messages.json").write_text("{}", encoding="utf-8")

    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "-w",
        tmp_path,
        source,
    ]
    done = run(command, cwd=tmp_path, env=bare_environment())
    assert done.returncode == 0, done.stderr

    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "sluice-0.1.0-py3-none-any.whl"
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(source / "libs").as_posix() for path in (source / "libs").rglob("*.py")}
    contracts = {f"sluice/{path.relative_to(source).as_posix()}" for path in (source / "schemas").glob("*/v*.*")}
    pages = {path.relative_to(source / "libs").as_posix() for path in (source / "libs").rglob("*.html.j2")}
    assert contracts
    enrich = source / "libs/sluice/enrich/data"
    pages |= {path.relative_to(source / "libs").as_posix() for path in enrich.glob("*")}
    assert pages
    assert files == modules | contracts | pages | {"sluice/py.typed", "sluice/expectations/app_messages.json"}
