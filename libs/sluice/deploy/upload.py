"""Brings a release to its prefix, which never changes once its manifest is there.

::

    claim.json     put if absent, first: the sha256 of the manifest that this prefix is for
    every file     put if absent
    manifest.json  put if absent, last: a prefix that has one is a whole release

Whatever is interrupted is taken up by the next call, which looks at what is there. Two at once with the same release
write the same bytes, and each file is written by one of them; with two different ones the claim lets one through.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.deploy.release import MANIFEST, Release, ReleaseFile, read_release
from sluice.errors import ProblemsError, StorageError
from sluice.runtime.files import put_file
from sluice.runtime.storage import StoredObject, join, normal_uri, storage_for

CLAIM = "claim.json"
_PIECE = 8 << 20
_ATTEMPTS = 4


@dataclass(frozen=True)
class Uploaded:
    """What a call did: counts of files, the manifest among them. `already_there`: nothing was left to do."""

    uri: str
    written: int
    found: int
    written_bytes: int

    @property
    def already_there(self) -> bool:
        return self.written == 0


def upload(folder: Path, uri: str) -> Uploaded:
    """Bring the release in `folder` to the prefix `uri`.

    Raises ProblemsError, naming the files, where the folder is not what was built or the prefix holds other bytes
    (nothing of it is changed); StorageError where storage fails: call again.
    """
    release = read_release(folder)
    release.verify()
    uri = normal_uri(uri)
    storage = storage_for(uri)
    there = {stored.uri[len(uri) + 1 :]: stored for stored in storage.list(uri)}
    manifest = ReleaseFile(MANIFEST, hashlib.sha256(release.manifest).hexdigest(), len(release.manifest))
    found = [file for file in (*release.files, manifest) if file.path in there]
    _refuse(uri, release, [file for file in found if not _same(folder, file, there[file.path])], there)
    claim = json.dumps({"version": release.version, "manifest_sha256": manifest.sha256}).encode()
    place = join(uri, CLAIM)
    if MANIFEST not in there and not storage.put(place, claim, if_absent=True) and storage.read(place) != claim:
        _refuse(uri, release, [ReleaseFile(CLAIM, "", 0)], there)
    written = [file for file in release.files if file.path not in there and _bring(release, file, uri)]
    if MANIFEST not in there and _bring(release, manifest, uri):
        written.append(manifest)
    counts = len(release.files) + 1 - len(written), sum(file.size_bytes for file in written)
    return Uploaded(uri, len(written), *counts)


def _bring(release: Release, file: ReleaseFile, uri: str) -> bool:
    """Write one file; False where another upload has just written the same one."""
    place = join(uri, file.path)
    for attempt in range(_ATTEMPTS):
        if put_file(release.folder / file.path, place):
            return True
        stored = storage_for(place).head(place)
        if stored is not None:
            _refuse(uri, release, [] if _same(release.folder, file, stored) else [file], {file.path: stored})
            return False
        time.sleep(0.5 * 2**attempt)  # S3 says "conflict" of two writes at once, of which either may have failed
    raise StorageError(
        f"{place}: was refused {_ATTEMPTS} times, and is not there; somebody else writes to it: run again"
    )


def _refuse(uri: str, release: Release, other: list[ReleaseFile], there: Mapping[str, StoredObject]) -> None:
    if not other:
        return
    problems = [f"{file.path}: holds other bytes" for file in other if file.path != CLAIM]
    if len(problems) < len(other):
        problems.append(f"{CLAIM}: another release of this version is being uploaded, or was begun")
    way_out = "a release is never replaced: raise __version__ in libs/sluice/__init__.py and build anew"
    if MANIFEST not in there:
        way_out += "; this one was never finished, so that no job runs from it: its prefix may also be deleted"
    raise ProblemsError(f"{uri}: release {release.version}", [*problems, way_out])


def _same(folder: Path, file: ReleaseFile, stored: StoredObject) -> bool:
    """Are the stored bytes those of the file? By size, then by ETag (their MD5, but for KMS), else read."""
    if stored.size_bytes != file.size_bytes:
        return False
    with open(folder / file.path, "rb") as stream:
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if stored.etag.strip('"') == md5:
        return True
    digest, reader = hashlib.sha256(), storage_for(stored.uri).open(stored.uri)
    try:
        while piece := reader.read(_PIECE):
            digest.update(piece)
    finally:
        reader.close()
    return digest.hexdigest() == file.sha256
