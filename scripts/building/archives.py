"""The two archives of a lane: a zip of wheels, which Glue installs, and an environment, which Spark unpacks.

The environment holds no interpreter. One that was built here would lean on this system's libraries and folders, which
is the commonest failure of such archives; its `bin/python` is a few lines of shell that start the cluster's own Python
with the packages beside it. So it is the same wherever it is built, and runs wherever it is unpacked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from building.wheel import write_zip
from building.wheels import Wheel

# Only these folders are known to be of no use to a running job; what was taken away without need breaks an import.
_TESTS = "tests"
_HEADERS = ("pyarrow/include/", "pyarrow/src/", "numpy/_core/include/")
FIXED_AT = 315_532_800  # 1980: an archive of the same wheels is the same in every release
_FORM = 1  # raise it where this module's archives change, or a kept one is taken for them

_LAUNCHER = """#!/bin/sh
# Starts the cluster's own Python with the packages beside this file. SLUICE_CLUSTER_PYTHON names another interpreter.
here=$(cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
start() {
  site=$here/lib/python$1/site-packages
  [ -d "$site" ] || return
  export PYTHONPATH="$site:$here/lib/any/site-packages${PYTHONPATH:+:$PYTHONPATH}" PYTHONNOUSERSITE=1
  shift
  exec "$@"
}
if [ -n "${SLUICE_CLUSTER_PYTHON:-}" ]; then
  version=$("$SLUICE_CLUSTER_PYTHON" -IS -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1
  start "$version" "$SLUICE_CLUSTER_PYTHON" "$@"
  tried="$SLUICE_CLUSTER_PYTHON, which is $version"
else
  for version in @versions@; do
    for place in "" /usr/bin/ /usr/local/bin/; do
      found=$(command -v "${place}python$version") && "$found" -IS -c 0 2>/dev/null && start "$version" "$found" "$@"
    done
  done
  tried="no such command on PATH, in /usr/bin or in /usr/local/bin"
fi
echo "environment/bin/python: expected Python @versions@, found $tried; choose a platform that has one" >&2
exit 127
"""


def wheels_zip(target: Path, wheels: Sequence[Wheel], at: int) -> None:
    """`wheels/` with the wheels and a requirements.txt of their exact versions, as Glue 5.0 and later take it."""
    lines = "".join(f"{wheel.name}=={wheel.version}\n" for wheel in wheels)
    members: list[tuple[str, bytes | Path]] = [(f"wheels/{wheel.path.name}", wheel.path) for wheel in wheels]
    write_zip(target, sorted([*members, ("wheels/requirements.txt", lines.encode())], key=lambda one: one[0]), at)


def environment_key(wheels: Mapping[str, Sequence[Wheel]]) -> str:
    """What an environment's bytes follow from: its wheels by interpreter, this module's form, the machine's zlib."""
    parts = {python: sorted(wheel.sha256 for wheel in each) for python, each in wheels.items()}
    told = json.dumps([_FORM, _LAUNCHER, zlib.ZLIB_RUNTIME_VERSION, list(parts.items())])
    return hashlib.sha256(told.encode()).hexdigest()


def environment(target: Path, wheels: Mapping[str, Sequence[Wheel]]) -> None:
    """The environment of `wheels` by interpreter ("3.13"), the preferred one first, as tar.gz.

    A wheel that all interpreters share lies in lib/any, the others in lib/python<version>.
    """
    shared = set.intersection(*({wheel.sha256 for wheel in each} for each in wheels.values()))
    if len(wheels) == 1:
        shared = set()
    members: dict[str, bytes] = {}
    for python, each in wheels.items():
        for wheel in each:
            site = f"lib/{'any' if wheel.sha256 in shared else f'python{python}'}/site-packages"
            members |= {f"{site}/{name}": data for name, data in unpacked(wheel.path)}
    launcher = _LAUNCHER.replace("@versions@", " ".join(wheels)).encode()
    members |= {"bin/python": launcher, "bin/python3": launcher}
    draft = target.with_name(f"{target.name}.{os.getpid()}.draft")  # two builds at once may pack the same
    with (
        open(draft, "wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in _folders(members):
            archive.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name in sorted(members):
            entry = _entry(name, tarfile.REGTYPE, 0o755 if name.startswith("bin/") else 0o644)
            entry.size = len(members[name])
            archive.addfile(entry, io.BytesIO(members[name]))
    draft.rename(target)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, FIXED_AT
    return entry


def _folders(names: Mapping[str, bytes]) -> list[str]:
    return sorted({str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."})


def unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """A wheel's files as they lie in site-packages, without what a job has no use for.

    RECORD is left out, since it would tell of files that are not there.
    """
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename
            top, _, rest = name.partition("/")
            if top.endswith(".data"):
                kind, _, name = rest.partition("/")
                if kind not in ("purelib", "platlib"):
                    continue
            if info.is_dir() or name.endswith(".dist-info/RECORD") or name.startswith(_HEADERS):
                continue
            if _TESTS not in PurePosixPath(name).parts[1:-1]:
                yield name, archive.read(info)
