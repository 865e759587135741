"""The library's own wheel, made by setuptools and then written anew so that its bytes follow from its files alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from building.source import Source
from sluice.errors import UsageError

_HOOK = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]), file=sys.stderr)"
_STEERING = ("PYTHON", "SETUPTOOLS", "DISTUTILS", "DIST_EXTRA_CONFIG", "VIRTUAL_ENV")


def build_wheel(source: Source, out: Path, work: Path) -> Path:
    """Make `out`/sluice-<version>-py3-none-any.whl. Raises UsageError where setuptools is another, or fails."""
    _same_setuptools(source)
    work.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    env = {**kept, "SOURCE_DATE_EPOCH": str(source.committed_at), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-P", "-s", "-c", _HOOK, str(work)]
    done = subprocess.run(command, cwd=source.folder, env=env, capture_output=True, text=True, check=False, umask=0o022)
    if done.returncode != 0:
        last = "\n  ".join(done.stderr.splitlines()[-15:])
        raise UsageError(f"expected setuptools to make the wheel, found:\n  {last}")
    (made,) = work.glob("*.whl")
    target = out / f"sluice-{source.version}-py3-none-any.whl"
    _write_anew(made, target, source.committed_at)
    return target


def _same_setuptools(source: Source) -> None:
    """The wheel's metadata is setuptools' own text, so another version may make other bytes."""
    lines = (source.folder / "requirements" / "build.txt").read_text("utf-8").splitlines()
    wanted = next(line.split("==")[1] for line in lines if line.startswith("setuptools=="))
    found = importlib.metadata.version("setuptools")
    if found != wanted:
        raise UsageError(f"expected setuptools {wanted} (requirements/build.txt), found {found}; run scripts/build")


def _write_anew(made: Path, target: Path, at: int) -> None:
    with zipfile.ZipFile(made) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    del files[record]
    rows = [f"{name},sha256={_digest(files[name])},{len(files[name])}" for name in sorted(files)]
    files[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    order = sorted(files, key=lambda name: (".dist-info/" in name, name == record, name))
    write_zip(target, [(name, files[name]) for name in order], at)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def write_zip(target: Path, members: list[tuple[str, bytes | Path]], at: int) -> None:
    """A zip of `members` in their order, nothing of the machine in it: fixed time, modes and system.

    Stored, not deflated: compressed bytes depend on the machine's zlib, and wheels inside are compressed already.
    """
    moment = max(time.gmtime(at)[:6], (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())
