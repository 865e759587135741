"""A run photographed at every boundary: each photograph is a lake as SIGKILL at that instant would leave it.

What survives a killed process is what lies in storage, so a copy of the lake is a faithful stand-in, and one
undisturbed run gives all of them. Real signals are sent, to real processes, in the same tests at a handful of points.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sluice.lake import checks, ledger, merge, metadata, publish, quarantine, tables
from sluice.lake.lease import Holder
from sluice.runtime.storage import LocalStorage

# No process has this number (the kernel's limit is 2^22), so whoever held a lease under it is gone.
_NOBODY = 1 << 23


@dataclass(frozen=True)
class Photograph:
    """A copy of the lake, taken `when`."""

    when: str
    lake: str


class Camera:
    """Copies `lake` to a new folder whenever it is told of a boundary at which something has changed since the last."""

    def __init__(self, lake: str, album: Path) -> None:
        self._lake, self._album = Path(lake), album
        self._last: set[tuple[str, int]] = set()
        self.seen: list[str] = []
        self.photographs: list[Photograph] = []

    def __call__(self, when: str) -> None:
        self.seen.append(when)
        now = {
            (str(path.relative_to(self._lake)), path.stat().st_size)
            for path in self._lake.rglob("*")
            if path.is_file() and "/lease/" not in str(path)
        }
        if now == self._last:
            return
        self._last = now
        to = self._album / f"{len(self.photographs):03d}"
        shutil.copytree(self._lake, to)
        self.photographs.append(Photograph(f"{len(self.photographs)}: {when}", str(to)))


def watch_commits(patch: pytest.MonkeyPatch, seen: Callable[[str], None]) -> None:
    """Call `seen` before and after every commit to a ledger or a table and after every deletion in this process."""

    def around(module: Any, name: str, patched: str) -> None:
        original = getattr(module, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            seen(f"before {patched}")
            found = original(*args, **kwargs)
            seen(f"after {patched}")
            return found

        patch.setattr(module, name, watched)

    around(ledger, "append_rows", "ledger row")
    around(ledger, "create_table", "ledger made")
    around(merge, "compact", "small files merged")
    around(publish, "append_files", "table commit")
    around(quarantine, "append_files", "take back")
    around(checks, "append_files", "checks commit")
    around(checks, "create_table", "checks made")
    around(tables, "create_table", "table made")
    around(metadata, "_next", "a change of metadata")
    around(LocalStorage, "delete", "deletion")


def as_nobody(patch: pytest.MonkeyPatch) -> None:
    """Leases taken from now on belong to a process of this machine that is no more, as a killed run's do."""
    original = Holder.this_process

    def dead(run_id: str) -> Holder:
        holder = original(run_id)
        return Holder(holder.run_id, holder.host, holder.machine, _NOBODY, holder.started)

    patch.setattr(Holder, "this_process", staticmethod(dead))
