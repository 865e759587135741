"""What a release is made from: exactly the files of one commit, in a folder of their own."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import UsageError

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_PACKAGE = Path("libs/sluice/__init__.py")
_SHOWN = 10


@dataclass(frozen=True)
class Source:
    """`folder` holds the files and nothing else; `committed_at` is in seconds of the Unix epoch."""

    folder: Path
    version: str
    commit: str
    built_from: str
    committed_at: int


def export(root: Path, folder: Path, *, allow_dirty: bool) -> Source:
    """Copy the commit that is checked out in `root` to `folder`, whatever else lies in `root`.

    With `allow_dirty` the files as they are, and a version that says so: `0.1.0+dirty.<digest of the files>`.
    Raises UsageError where `root` is no clone, or has changes and may not.
    """
    commit = _git(root, "rev-parse", "HEAD").decode().strip()
    committed_at = int(_git(root, "show", "-s", "--format=%ct", "HEAD"))
    changed = _git(root, "status", "--porcelain", "--untracked-files=all").decode(errors="replace").splitlines()
    if changed and not allow_dirty:
        shown = "\n  ".join(changed[:_SHOWN] + ["..."] * (len(changed) > _SHOWN))
        raise UsageError(
            f"expected the files of a commit, found {len(changed)} changed since {commit[:12]}:\n  {shown}\n"
            "Commit or remove them, or build with --allow-dirty true, which the version will tell"
        )
    folder.mkdir(parents=True)
    if not changed:
        with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", "HEAD"))) as archive:
            archive.extractall(folder, filter="data")
        return Source(folder, _version(folder), commit, "commit", committed_at)
    digest = _copy_files(root, folder)
    version = f"{_version(folder)}+dirty.{digest[:12]}"
    module = folder / _PACKAGE
    module.write_text(_VERSION.sub(f'__version__ = "{version}"', module.read_text("utf-8")), "utf-8")
    return Source(folder, version, commit, "files changed since the commit", committed_at)


def _copy_files(root: Path, folder: Path) -> str:
    """Copies what git tracks or would track; returns a digest of names and contents."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0")
    digest = hashlib.sha256()
    for name in sorted({name for name in listed if name and (root / name).is_file()}):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
        digest.update(f"{name}\0{hashlib.sha256(target.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def _version(folder: Path) -> str:
    found = _VERSION.search((folder / _PACKAGE).read_text("utf-8"))
    if found is None:
        raise UsageError(f'{_PACKAGE}: expected a line __version__ = "...", found none')
    return found[1]


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UsageError("expected git, by which a release knows its commit, found none on PATH; install it") from error
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"{root}: expected a clone of the project, found that git {arguments[0]} says: {told}")
    return done.stdout
