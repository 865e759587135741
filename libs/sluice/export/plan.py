"""Which files of a copy stay, and which rows are written, so that cost follows the change.

A partition that only gained files gains files in the copy; its small ones are written together now and then. One that
lost rows is written again. All files of a copy have the same columns, so other columns mean another copy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.export.changes import Change, changes
from sluice.export.pointer import CopyFile, Pointer
from sluice.export.snapshot import Key, Partition, Snapshot
from sluice.runtime.storage import join

# So many small files a partition may have before they are written as one: each row is then written a few times only.
SMALL_FILES = 8
_SMALL = 0.25


@dataclass(frozen=True)
class Input:
    """A Parquet file whose rows are copied."""

    uri: str
    size_bytes: int
    rows: int | None


@dataclass(frozen=True)
class Work:
    """What one partition's copy is made of: files that stay, and files whose rows are written."""

    key: Key
    values: Mapping[str, Any]
    kept: tuple[CopyFile, ...]
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Plan:
    """`unchanged` are files of partitions that are not looked at; `gone` are keys of partitions without rows."""

    works: tuple[Work, ...]
    unchanged: tuple[CopyFile, ...]
    gone: tuple[Key, ...]
    why: str


def make_plan(now: Snapshot, before: Pointer | None, folder: str, target_bytes: int) -> Plan:
    """What is to be done so that the copy in `folder`, which `before` tells, has the rows of `now`."""
    why = _why_all(now, before)
    if before is None or why:
        works = tuple(_whole(now, key, partition) for key, partition in now.partitions.items())
        gone = tuple(before.digests().keys() - now.partitions.keys()) if before else ()
        return Plan(works, (), gone, why or "first copy")
    by_key: dict[Key, list[CopyFile]] = defaultdict(list)
    for file in before.files:
        by_key[file.key()].append(file)
    changed = changes(now, before)
    works = tuple(
        _work(now, key, now.partitions[key], changed[key], by_key.get(key, []), folder, target_bytes)
        for key in changed
        if key in now.partitions
    )
    unchanged = tuple(file for key, files in by_key.items() if key not in changed for file in files)
    gone = tuple(key for key in changed if key not in now.partitions)
    return Plan(works, unchanged, gone, "rows changed" if changed else "")


def _why_all(now: Snapshot, before: Pointer | None) -> str:
    if before is None:
        return ""
    if before.table_id != now.table_id:
        return "another table has taken its place"
    if before.partition_columns != list(now.partition_columns):
        return "partition columns changed"
    return "columns changed" if before.columns != now.columns else ""


def _whole(now: Snapshot, key: Key, partition: Partition) -> Work:
    inputs = tuple(Input(join(now.uri, s.path), s.size_bytes, s.rows) for s in partition.sources)
    return Work(key, partition.values, (), inputs)


def _work(
    now: Snapshot,
    key: Key,
    partition: Partition,
    change: Change | None,
    there: Sequence[CopyFile],
    folder: str,
    target_bytes: int,
) -> Work:
    added = [s for s in partition.sources if change is not None and s.path in change.added]
    if change is None or change.removed or len(added) != len(change.added):
        return _whole(now, key, partition)  # an added file that is not named any more has been rewritten since
    inputs = [Input(join(now.uri, s.path), s.size_bytes, s.rows) for s in added]
    small = [file for file in there if file.size_bytes < target_bytes * _SMALL]
    merged = small if len(small) >= SMALL_FILES else []
    kept = tuple(file for file in there if file not in merged)
    inputs += [Input(join(folder, file.path), file.size_bytes, file.rows) for file in merged]
    rows = sum(file.rows for file in kept) + sum(each.rows or 0 for each in inputs)
    if partition.rows != rows:  # the log has said of a file twice that it is new: only the whole is sure
        return _whole(now, key, partition)
    return Work(key, partition.values, kept, tuple(inputs))
