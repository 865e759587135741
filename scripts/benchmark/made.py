"""Made data: landed once by scripts/land's own code, then used by everybody who is measured."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.errors import StorageError, UsageError

DATASET = "app_messages"
_SUFFIXES = {"": 1, "k": 1_000, "m": 1_000_000}


def count(text: str) -> int:
    """`50k`, `2m`, `1000` -> a number; for argparse."""
    found = re.fullmatch(r"(\d+)([km]?)", text.lower().replace("_", ""))
    if not found or not int(found[1]):
        raise ValueError(text)
    return int(found[1]) * _SUFFIXES[found[2]]


@dataclass(frozen=True)
class Landed:
    """A lake whose raw zone is filled; `manifest` says what curation of it must show."""

    lake: Path
    manifest: dict[str, Any]
    dataset: str = DATASET

    @property
    def raw(self) -> Path:
        return self.lake / "raw" / self.dataset

    @property
    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = self.manifest["expected"]
        return found


def landed(lake: Path, seed: int, arguments: Sequence[str], dataset: str = DATASET) -> Landed:
    """The lake with these messages, or records of `dataset`, which the arguments then name; landed now unless a kept
    folder has them. UsageError where it has others."""
    marks = lake / f"landed-{seed}.json"
    order = [*arguments, "--seed", str(seed)]
    manifest = lake / "_landed" / dataset / f"seed-{seed}.json"
    if marks.exists():
        if json.loads(marks.read_text()) != order:
            raise UsageError(f"{lake}: kept data was made with other arguments; give another --keep or remove it")
        return Landed(lake, json.loads(manifest.read_text()), dataset)
    command = [sys.executable, "-m", "landing", "--lake", str(lake), *order]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise StorageError(f"{lake}: landing ended with code {done.returncode}; what went wrong stands above")
    marks.write_text(json.dumps(order))
    return Landed(lake, json.loads(manifest.read_text()), dataset)


def copy_lake(source: Path, target: Path) -> Path:
    """A lake of its own with the same content, fresh: source objects and data files by hard link, the rest copied."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_linked)
    return target


def add_raw(source: Path, target: Path) -> None:
    """Put the source objects of one lake into another."""
    shutil.copytree(source / "raw", target / "raw", copy_function=_linked, dirs_exist_ok=True)


def _linked(source: str, target: str) -> None:
    if source.endswith((".parquet", ".gz")) or f"{os.sep}raw{os.sep}" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def read_once(folder: Path) -> None:
    """Bring files into the page cache, so that nobody pays for being first."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                while stream.read(1 << 22):
                    pass


def files_in(*folders: Path) -> tuple[int, int]:
    """(files, bytes) below `folders`."""
    sizes = [path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
