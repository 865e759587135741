"""What there is to reckon: which windows, over which files of the source, and why it is all of them where it is.

How far an analysis has come is told by the newest row of its ledger: the source table's id and version, and what made
the rows, contract and SQL. From there on the source's log tells which files came and went; the instants in these touch
windows, and no others can differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sluice.analytics.definition import Analysis
from sluice.analytics.windows import MICROS, touched
from sluice.lake.changes import Span, Version, changed_files, instants_in
from sluice.lake.commit import open_table
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.transitions import LedgerSource, Transition
from sluice.pipeline.context import Context
from sluice.pipeline.terms import Terms, recorded

_WHY_FULL = {
    "asked": "--full true asks for it",
    "first": "nothing is published of it yet",
    "made otherwise": "its contract or its SQL has changed",
    "another table": "the source is another table than the one it was made of, or was set back",
    "no table": "its table is gone",
    "no log": "the source's log does not tell any more what has changed (cleaned up, or its files are vacuumed)",
}


@dataclass(frozen=True)
class Work:
    """Windows to reckon from the source at `version`: `runs` of their numbers; None is all, for the reason `full`."""

    version: Version
    runs: tuple[Span, ...] | None
    full: str = ""
    changed_bytes: int = 0

    @property
    def nothing(self) -> bool:
        return self.runs == ()


def mark(version: Version, analysis: Analysis) -> str:
    """How far an analysis has come, as the ledger's watermark."""
    return f"{version.name}#{analysis.contract.fingerprint[:24]}"


def work(analysis: Analysis, places: Places, ledger: Ledger, version: Version, full: bool) -> Work:
    """What a run has to do now."""
    came = ledger.last.watermark if ledger.last else ""
    why = "asked" if full else _why_full(analysis, places, came, version)
    if why:
        return Work(version, None, _WHY_FULL[why])
    since = int(came.partition("#")[0].rpartition("@")[2])
    changes = changed_files(version, since)
    if changes is None:
        return Work(version, None, _WHY_FULL["no log"])
    step = analysis.windows.slide_seconds * MICROS
    instants = instants_in(version.uri, changes, analysis.windows.event_time, step, analysis.source_columns)
    if instants is None:
        return Work(version, None, _WHY_FULL["no log"])
    changed_bytes = sum(file.size_bytes for file in (*changes.adds, *changes.removes))
    return Work(version, tuple(touched(instants, analysis.windows)), "", changed_bytes)


def _why_full(analysis: Analysis, places: Places, came: str, version: Version) -> str:
    if not came:
        return "first"
    at, _, made = came.partition("#")
    table_id, _, number = at.rpartition("@")
    if made != mark(version, analysis).partition("#")[2]:
        return "made otherwise"
    if table_id != version.table_id or int(number) > version.number:
        return "another table"
    return "" if open_table(places.curated) is not None else "no table"


def plan(context: Context, analysis: Analysis, todo: Work, before: Transition | None) -> Transition:
    """Commit a batch to the ledger; `before` is the last row of the attempt that it follows, if there is one."""
    row = context.transition(before)
    number = context.ledger.last.number if context.ledger.last else 0
    batch_id = before.batch_id if before else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{number:06d}"
    hours = _hours(todo.runs, analysis)
    # The source's version stands for source objects: what the analysis of this version has read.
    source = LedgerSource(
        f"{context.places.dataset}/{analysis.windows.source}",
        todo.changed_bytes,
        todo.version.name,
        todo.version.committed_at,
    )
    return context.ledger.record(
        replace(
            row,
            batch_id=batch_id,
            attempt=before.attempt + 1 if before else 1,
            state="planned",
            first_hour=hours[0],
            last_hour=hours[1],
            sources=(source,),
            reason=todo.full,
            **recorded(Terms(analysis.contract, analysis.suite)),
        )
    )


def _hours(runs: Sequence[Span] | None, analysis: Analysis) -> tuple[str, str]:
    """The hours in which the first and the last window begin; empty where they are all, or not in years 1 to 9999."""
    if not runs:
        return "", ""
    slide = analysis.windows.slide_seconds
    ends = (runs[0][0] * slide, (runs[-1][1] - 1) * slide)
    try:
        first, last = (datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d/%H") for seconds in ends)
    except (ValueError, OverflowError, OSError):
        return "", ""
    return first, last
