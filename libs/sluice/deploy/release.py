"""A release on disk, as scripts/build made it: read its manifest, and hold every file to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sluice.errors import LocationError, ProblemsError, UsageError

MANIFEST = "manifest.json"
SBOM = "sbom.json"
FORM = 1


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release; `path` is relative to its folder, with slashes."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Lane:
    """What a release holds for the runtimes of one lane; all paths are those of its files.

    `wheels` (for `python`) are what Glue lacks, `wheelhouse` is all of these as one zip; `environment` is an archive
    for Spark to unpack, with everything in it, or None.
    """

    runs_on: tuple[str, ...]
    python: str
    wheelhouse: str
    wheels: tuple[str, ...]
    environment: str | None


@dataclass(frozen=True)
class Release:
    """A release as its manifest tells it, in `folder`. `manifest` is the manifest's own bytes."""

    folder: Path
    version: str
    commit: str
    built_from: str
    python_requires: str
    lanes: Mapping[str, Lane]
    files: tuple[ReleaseFile, ...]
    manifest: bytes

    @property
    def wheel(self) -> str:
        """The path of the library's own wheel."""
        return f"sluice-{self.version}-py3-none-any.whl"

    def verify(self) -> None:
        """Hold every file to the manifest; raises ProblemsError with all that is missing, changed or too much."""
        wanted = {file.path: file for file in self.files}
        there = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        problems = [f"{path}: is not in the manifest" for path in there - set(wanted) - {MANIFEST}]
        for path, file in wanted.items():
            place = self.folder / path
            if path not in there:
                problems.append(f"{path}: missing")
            elif (size := place.stat().st_size) != file.size_bytes:
                problems.append(f"{path}: expected {file.size_bytes} bytes, found {size}")
            elif _sha256(place) != file.sha256:
                problems.append(f"{path}: its content is not the one that was built")
        if problems:
            raise ProblemsError(f"{self.folder}: release {self.version}", [*sorted(problems), "build it anew"])


def read_release(folder: Path) -> Release:
    """The release in `folder`. Raises LocationError where there is none, UsageError where its manifest is no such."""
    place = folder / MANIFEST
    try:
        text = place.read_bytes()
    except OSError as error:
        raise LocationError(
            f"{place}: expected a release's manifest, found none; make one with scripts/build"
        ) from error
    try:
        return _release(folder, text, json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{place}: expected a manifest of form {FORM}, found {type(error).__name__}: {error}; build it anew"
        ) from error


def _release(folder: Path, text: bytes, told: Mapping[str, Any]) -> Release:
    if told["form"] != FORM or told["name"] != "sluice":
        raise ValueError(f"form {told['form']!r} of {told['name']!r}")
    lanes = {name: _lane(each) for name, each in told["lanes"].items()}
    files = tuple(ReleaseFile(_inside(each["path"]), each["sha256"], int(each["bytes"])) for each in told["files"])
    release = Release(
        folder, told["version"], told["commit"], told["built_from"], told["python_requires"], lanes, files, text
    )
    listed = {file.path for file in files}
    named = {release.wheel, SBOM}
    for lane in lanes.values():
        named |= {*lane.wheels, lane.wheelhouse, *([lane.environment] if lane.environment else [])}
    if named - listed:
        raise ValueError(f"{', '.join(sorted(named - listed))} not among its files")
    return release


def _lane(told: Mapping[str, Any]) -> Lane:
    return Lane(
        tuple(told["runs_on"]), told["python"], told["wheelhouse"], tuple(told["wheels"]), told["environment"] or None
    )


def _inside(path: str) -> str:
    """`path`, where it stays in the folder: a manifest from elsewhere must not name other files of this machine."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or path == MANIFEST:
        raise ValueError(f"{path!r} among its files")
    return path


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
