"""One run of the export, in order.

::

    lease -> pointer -> snapshot of the table -> plan        nothing to do: nothing is written
    attempt    _attempts/<run>.json                          killed after it: the next run clears up and does it all
    write      data/<run>/part-....parquet                   the same; no reader sees these
    pointer    _latest.json, compare and swap                the copy is of the new version from here on
    manifests  where there are some                          killed before the end: the next run writes them
    delete     what no pointer has named for the grace,      the same
               and what killed runs left; then the attempt

A run that takes over from another always replaces the pointer before it deletes anything of that run's: a sleeper that
wakes up then finds another pointer than it has read, and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice.catalog.lake_tables import LakeTable, lake_tables
from sluice.errors import AccountingError, LeaseLostError, UsageError
from sluice.export.attempts import Attempt, begin, finish, unfinished
from sluice.export.manifests import wanted_kinds, write_manifests
from sluice.export.plan import Plan, make_plan
from sluice.export.pointer import CopyFile, Gone, Pointer, read_pointer, swap_pointer
from sluice.export.snapshot import Snapshot, read_snapshot
from sluice.export.writing import Target, tasks_of, write_here, write_on_spark
from sluice.lake.lease import Lease
from sluice.runtime.job import Run
from sluice.runtime.storage import join, normal_uri
from sluice.runtime.swap import Seen


@dataclass(frozen=True)
class Options:
    """`manifest` as in `manifests.wanted_kinds`; `to` where copies are kept, if not in the lake's parquet/.

    From `spark_bytes` to copy on, Spark's workers do it.
    """

    manifest: str = ""
    grace_hours: float = 24.0
    target_file_bytes: int = 128 << 20
    lease_seconds: float = 300.0
    dry_run: bool = False
    quarantine: str = ""
    to: str = ""
    spark_bytes: int = 2 << 30


@dataclass(frozen=True)
class Step:
    """What one run has found, before it writes anything."""

    copy: str
    now: Snapshot
    before: Pointer | None
    seen: Seen | None
    plan: Plan
    manifests: list[str]
    left: list[Attempt]
    expired: list[str]

    @property
    def nothing_to_do(self) -> bool:
        before = self.before
        same = before is not None and before.table_version == self.now.version and before.manifests == self.manifests
        moved = before is not None and before.location != self.copy
        return same and not moved and not (self.plan.works or self.plan.gone or self.left or self.expired)


def export(run: Run, lake: str, table: str, options: Options) -> Mapping[str, Any]:
    """Bring the Parquet copy of `table`, called as in a catalog, up to the table; returns the run's summary.

    Raises UsageError for a table that is not there or cannot be copied, DatasetBusyError where another run is at work.
    """
    found = _table(lake, table, options.quarantine)
    copy = join(normal_uri(options.to) if options.to else join(normal_uri(lake), "parquet"), found.name)
    wanted_kinds(options.manifest, copy, ())  # a wrong word is told before anything else
    if options.dry_run:
        return _summary(found, copy, _look(found, copy, options), "planned")
    with Lease.acquire(join(copy, "_lease"), run.run_id, options.lease_seconds, run.progress.tell) as lease:
        run.progress.at("plan")
        step = _look(found, copy, options)
        if step.nothing_to_do:
            return _summary(found, copy, step, "nothing new")
        return _copy(run, found, copy, step, options, lease.check)


def _table(lake: str, name: str, quarantine: str) -> LakeTable:
    tables = {table.name: table for table in lake_tables(lake, quarantine)}
    if name not in tables:
        raise UsageError(f"--table {name}: expected a table of {lake}, which has: {', '.join(sorted(tables))}")
    return tables[name]


def _look(table: LakeTable, copy: str, options: Options) -> Step:
    left = unfinished(copy)
    before, seen = read_pointer(copy)
    now = read_snapshot(table.uri)
    plan = make_plan(now, before, copy, options.target_file_bytes)
    manifests = wanted_kinds(options.manifest, copy, before.manifests if before else ())
    # What a killed run has superseded may still be in its manifests: its grace begins when these are written.
    oldest = time.time() - options.grace_hours * 3600
    expired = [file.path for file in before.superseded if file.since <= oldest] if before and not left else []
    return Step(copy, now, before, seen, plan, manifests, left, expired)


def _copy(
    run: Run, table: LakeTable, copy: str, step: Step, options: Options, check: Callable[[], None]
) -> Mapping[str, Any]:
    changed = {work.key for work in step.plan.works} | set(step.plan.gone)
    changed |= {key for attempt in step.left for key in attempt.changed()}
    attempt = Attempt(run.run_id, f"data/{run.run_id}", [list(key) for key in sorted(changed, key=str)], step.expired)
    begin(copy, attempt)
    run.progress.at("write", f"partitions: {len(step.plan.works)}")
    written = _write(run, copy, attempt, step, options, check)
    pointer = _pointer(run, table, copy, step, written)
    run.progress.at("publish")
    check()
    if not swap_pointer(copy, pointer, step.seen):
        theirs, _ = read_pointer(copy)
        finish(copy, [Attempt(attempt.run_id, attempt.folder)], theirs.named() if theirs else ())
        raise LeaseLostError(f"{copy}: another run has replaced the pointer; this one has taken its files away again")
    there = step.before is not None and step.before.location == copy
    before = step.before.manifests if step.before and there else []
    run.progress.at("manifests")
    write_manifests(pointer, changed, before, check)
    run.progress.at("clear up")
    check()
    deleted = finish(copy, [*step.left, attempt], pointer.named())
    run.progress.at("")
    wrote = {"files_written": len(written), "rows_written": sum(file.rows for file in written)}
    wrote |= {"bytes_written": sum(file.size_bytes for file in written), "files_deleted": deleted}
    return {**_summary(table, copy, step, "exported"), **wrote, "files": len(pointer.files), "rows": pointer.rows}


def _write(
    run: Run, copy: str, attempt: Attempt, step: Step, options: Options, check: Callable[[], None]
) -> list[CopyFile]:
    tasks = tasks_of(step.now, step.plan.works, options.target_file_bytes)
    target = Target(copy, attempt.folder, step.now.schema, options.target_file_bytes)
    if not tasks:
        return []
    if _bytes(step.plan) >= options.spark_bytes:
        return write_on_spark(run.spark, tasks, target)
    return write_here(tasks, target, check)


def _pointer(run: Run, table: LakeTable, copy: str, step: Step, written: Sequence[CopyFile]) -> Pointer:
    now, before = step.now, step.before
    kept = [*step.plan.unchanged, *(file for work in step.plan.works for file in work.kept)]
    files = sorted([*kept, *written], key=lambda file: (str(file.key()), file.path))
    rows = sum(file.rows for file in files)
    known = [partition.rows for partition in now.partitions.values()]
    if None not in known and rows != sum(count or 0 for count in known):
        raise AccountingError(
            f"{copy}: expected the {sum(count or 0 for count in known)} rows of version {now.version}, found {rows}; "
            f"nothing was published. Move {copy} away to have the copy made anew"
        )
    return Pointer(
        table=table.name,
        table_id=now.table_id,
        table_version=now.version,
        sequence=before.sequence + 1 if before else 1,
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run.run_id,
        location=copy,
        rows=rows,
        columns=now.columns,
        partition_columns=list(now.partition_columns),
        files=files,
        manifests=step.manifests,
        sources=sorted(((list(key), p.digest) for key, p in now.partitions.items()), key=str),
        superseded=_superseded(step, {file.path for file in files}),
    )


def _superseded(step: Step, named: set[str]) -> list[Gone]:
    if step.before is None:
        return []
    at = round(time.time(), 3)
    waiting = [file for file in step.before.superseded if file.path not in step.expired]
    if step.left:
        waiting = [Gone(file.path, at) for file in waiting]
    return [*waiting, *(Gone(file.path, at) for file in step.before.files if file.path not in named)]


def _bytes(plan: Plan) -> int:
    return sum(each.size_bytes for work in plan.works for each in work.inputs)


def _summary(table: LakeTable, copy: str, step: Step, outcome: str) -> dict[str, Any]:
    return {
        "table": table.name,
        "outcome": outcome,
        "copy": copy,
        "table_version": step.now.version,
        "copied_before": step.before.table_version if step.before else None,
        "why": step.plan.why,
        "partitions": len(step.now.partitions),
        "partitions_changed": len(step.plan.works),
        "partitions_gone": len(step.plan.gone),
        "bytes_to_copy": _bytes(step.plan),
        "manifests": step.manifests,
        "unfinished_runs": len(step.left),
    }
