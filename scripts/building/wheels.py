"""Other people's wheels: read their metadata, fetch exactly the locked ones, keep them for the next build."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.markers import Environment, default_environment
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from sluice.errors import UsageError

_MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_PYTHON", "PIP_NO_BINARY")
# Every manylinux there is, newest first; those beyond the platform's glibc are left out.
_OLDER = {"2.17": "manylinux2014", "2.12": "manylinux2010", "2.5": "manylinux1"}


@dataclass(frozen=True)
class Target:
    """An interpreter that a release has wheels for: `python` such as 3.13, on Linux with this `glibc` or newer."""

    python: str
    platform: str
    glibc: str

    @property
    def tag(self) -> str:
        return "cp" + self.python.replace(".", "")

    def environment(self) -> Environment:
        """What markers of requirements are asked of; pip itself would ask the interpreter that runs it."""
        return {
            **default_environment(), "python_version": self.python, "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython", "implementation_version": f"{self.python}.0", "os_name": "posix",
            "platform_machine": self.platform, "platform_python_implementation": "CPython",
            "platform_system": "Linux", "sys_platform": "linux", "platform_release": "", "platform_version": "",
        }  # fmt: skip

    def options(self) -> list[str]:
        """pip's options that choose wheels for it."""
        newest = int(self.glibc.split(".")[1])
        names = [f"manylinux_2_{minor}_{self.platform}" for minor in range(newest, 4, -1)]
        names += [f"{name}_{self.platform}" for name in _OLDER.values()]
        words = ["--only-binary=:all:", "--implementation=cp", f"--python-version={self.python}"]
        return [*words, *(f"--platform={name}" for name in names)]


@dataclass(frozen=True)
class Pin:
    """One line of a lock: exactly this wheel."""

    name: str
    version: str
    sha256: str

    def line(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return str(parse_wheel_filename(self.path.name)[0])

    @property
    def version(self) -> str:
        return str(parse_wheel_filename(self.path.name)[1])

    @property
    def pin(self) -> Pin:
        return Pin(self.name, self.version, self.sha256)

    @cached_property
    def metadata(self) -> Metadata:
        with zipfile.ZipFile(self.path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return Metadata.from_email(archive.read(name), validate=False)

    def needs(self, target: Target, extras: Iterable[str] = ()) -> list[Requirement]:
        """What it requires on `target` with these `extras`."""
        found, asked = [], [target.environment() | {"extra": extra} for extra in ("", *extras)]
        for requirement in self.metadata.requires_dist or ():
            if requirement.marker is None or any(requirement.marker.evaluate(dict(each)) for each in asked):
                found.append(requirement)
        return found


class Store:
    """A folder of wheels kept between builds; each is looked at again before it is used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def locked(self, pins: Sequence[Pin], target: Target) -> list[Wheel]:
        """The wheels of `pins`, fetched where they are not here. Raises UsageError with pip's last words."""
        here = self._by_hash({pin.name for pin in pins})
        missing = [pin for pin in pins if pin.sha256 not in here]
        if missing:
            self._download([pin.line() for pin in missing], target, "--require-hashes")
            here = self._by_hash({pin.name for pin in pins})
        return [here[pin.sha256] for pin in pins]

    def newest_fitting(self, names: Sequence[str], target: Target) -> list[Wheel]:
        """The wheels that pip chooses for `name==version` each; for making a lock."""
        return self._download(list(names), target)

    def _by_hash(self, names: set[str]) -> dict[str, Wheel]:
        found = {}
        for path in sorted(self.folder.glob("*.whl")):
            if str(parse_wheel_filename(path.name)[0]) in names:
                digest = sha256_of(path)
                found[digest] = Wheel(path, digest)
        return found

    def _download(self, lines: list[str], target: Target, *more: str) -> list[Wheel]:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".fetching-") as folder:
            wanted = Path(folder, "requirements.txt")
            wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
            command = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--no-deps", "--progress-bar=off"]
            command += [*target.options(), *more, "--disable-pip-version-check", f"--dest={folder}", "-r", str(wanted)]
            env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
            env.pop("PYTHONPATH", None)
            done = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                last = "\n  ".join((done.stdout + done.stderr).splitlines()[-12:])
                raise UsageError(
                    f"expected pip to fetch {len(lines)} wheels for Python {target.python}, found:\n  {last}"
                )
            wheels = []
            for path in sorted(Path(folder).glob("*.whl")):
                kept = path.replace(self.folder / path.name)
                wheels.append(Wheel(kept, sha256_of(kept)))
            return wheels


def sha256_of(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical(name: str) -> str:
    return str(canonicalize_name(name))
