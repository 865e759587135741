"""A release on disk, as scripts/build made it: read its manifest, and hold every file to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from sluice.errors import LocationError, ProblemsError, UsageError

MANIFEST = "manifest.json"
SBOM = "sbom.json"
FORM = 1


class ReleaseFile(msgspec.Struct, frozen=True, rename={"size_bytes": "bytes"}):
    """One file of a release; `path` is relative to its folder, with slashes."""

    path: str
    sha256: str
    size_bytes: int


class Lane(msgspec.Struct, frozen=True):
    """What a release holds for the runtimes of one lane; all paths are those of its files.

    `wheels` (for `python`) are what Glue lacks, `wheelhouse` is all of these as one zip; `environment` is an archive
    for Spark to unpack, with everything in it, or None where none could be built.
    """

    runs_on: tuple[str, ...]
    python: str
    wheelhouse: str
    wheels: tuple[str, ...]
    environment: str | None = None


class Function(msgspec.Struct, frozen=True):
    """The delivery stream's function, compiled for `datasets`; `zip` is one of the release's files."""

    zip: str
    handler: str
    python: str
    architecture: str
    datasets: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True):
    """manifest.json, the file that is uploaded last; this is the only place that knows its form."""

    form: int
    name: str
    version: str
    commit: str
    built_from: str
    python_requires: str
    lanes: dict[str, Lane]
    files: tuple[ReleaseFile, ...]
    delivery: Function | None = None  # a release without the default lane has none

    @property
    def wheel(self) -> str:
        """The path of the library's own wheel."""
        return f"sluice-{self.version}-py3-none-any.whl"


@dataclass(frozen=True)
class Release:
    """A release in `folder`. `manifest` is the manifest's own bytes, `told` what they say."""

    folder: Path
    told: Manifest
    manifest: bytes

    @property
    def version(self) -> str:
        return self.told.version

    @property
    def lanes(self) -> Mapping[str, Lane]:
        return self.told.lanes

    @property
    def files(self) -> tuple[ReleaseFile, ...]:
        return self.told.files

    @property
    def wheel(self) -> str:
        return self.told.wheel

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
    return Release(folder, decoded(text, str(place)), text)


def decoded(text: bytes, where: str) -> Manifest:
    """The manifest that `text` is. Raises UsageError for another form, and where it names what it has not."""
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        _check(manifest)
    except ValueError as error:  # msgspec's are such, too
        raise UsageError(
            f"{where}: expected a manifest of form {FORM}, found another: {error}; build it anew"
        ) from error
    return manifest


def _check(manifest: Manifest) -> None:
    if manifest.form != FORM or manifest.name != "sluice":
        raise ValueError(f"form {manifest.form!r} of {manifest.name!r}")
    for file in manifest.files:
        _inside(file.path)
    named = {manifest.wheel, SBOM, *([manifest.delivery.zip] if manifest.delivery else [])}
    for lane in manifest.lanes.values():
        named |= {*lane.wheels, lane.wheelhouse, *([lane.environment] if lane.environment else [])}
    lacking = named - {file.path for file in manifest.files}
    if lacking:
        raise ValueError(f"{', '.join(sorted(lacking))} not among its files")


def _inside(path: str) -> None:
    """ValueError where `path` leaves the folder: a manifest must not name other files of this machine."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or path == MANIFEST:
        raise ValueError(f"{path!r} among its files")


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
