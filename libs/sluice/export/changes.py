"""Which partitions' rows changed between two versions of a table: told by the actions of the commits between them.

Actions that only move rows (OPTIMIZE: `dataChange` false) change nothing. Where the commits are not there any more, or
say too little, the partitions whose set of files is another count as changed: more than need be, never less.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sluice.errors import SourceMissing
from sluice.export.pointer import Pointer
from sluice.export.snapshot import Key, Snapshot
from sluice.runtime.storage import join, storage_for


@dataclass
class Change:
    """What commits did to one partition: paths that were added, and whether any was taken away."""

    added: set[str] = field(default_factory=set)
    removed: bool = False


def changes(now: Snapshot, before: Pointer) -> dict[Key, Change | None]:
    """The partitions whose rows are not those of `before`; None: not known how, to be copied whole."""
    told = _by_commits(now, before.table_version)
    old = before.digests()
    if told is None or not told.keys() <= now.partitions.keys() | old.keys():
        told = {key: None for key, partition in now.partitions.items() if partition.digest != old.get(key)}
    # A partition that is in one of the two alone has changed, whatever the commits say.
    told.update({key: told.get(key) for key in now.partitions.keys() ^ old.keys()})
    return told


def _by_commits(now: Snapshot, version: int) -> dict[Key, Change | None] | None:
    if version > now.version:
        return None
    found: dict[Key, Change | None] = {}
    try:
        for action, kind in _actions(now.uri, version + 1, now.version):
            if not action.get("dataChange", True):
                continue
            values = action.get("partitionValues")
            if values is None:  # a remove action need not tell its partition
                return None
            change = found.setdefault(now.key(values), Change())
            assert change is not None
            if kind == "add":
                change.added.add(unquote(action["path"]))
            else:
                change.removed = True
    except SourceMissing:
        return None
    return found


def _actions(uri: str, first: int, last: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    storage = storage_for(uri)
    for version in range(first, last + 1):
        for line in storage.read(join(uri, "_delta_log", f"{version:020d}.json")).splitlines():
            action = json.loads(line) if line.strip() else {}
            for kind in ("add", "remove"):
                if action.get(kind):
                    yield action[kind], kind
