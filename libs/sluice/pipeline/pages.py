"""The pages of a run, written when its batches are closed: made of the ledger and the table of checks alone.

So the page of a run that was killed before it could write one is written by the next run; only what nobody else
knows, how long each step took, is then missing. What is read and written does not grow with the history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.lake.checks import CheckRow, recent_checks
from sluice.lake.examples import quarantine_examples
from sluice.lake.publish import Actions
from sluice.lake.transitions import Transition
from sluice.pipeline.context import Context
from sluice.pipeline.terms import terms_of
from sluice.quality.masking import masked_record
from sluice.quality.model import Check, Result
from sluice.quality.page.model import (
    BatchReport,
    Chart,
    Example,
    Flow,
    IndexEntry,
    Past,
    Reason,
    RunReport,
    Versions,
)
from sluice.quality.page.render import render, render_index
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from sluice.pipeline.terms import Terms
    from sluice.runtime.job import Run

# Earlier batches that a trend shows, and runs that the index lists: what is made again stays this much.
TREND_BATCHES = 30
INDEX_BATCHES = 50
# Batches of one run that are told in full.
DETAILED = 12


def write_pages(
    context: Context, run: Run, closed: Sequence[Transition], charts: Callable[[], Sequence[Chart]] = tuple
) -> None:
    """Write the page of this run, with `charts` of its table, Data Docs of its batches, and the dataset's index.

    Also the page of the run before, where that one was killed before it could. A run that closed nothing writes none.
    """
    last = context.ledger.last
    mine = any(row.run_id == run.run_id for row in closed)
    if not mine and (last is None or last.state not in ("published", "held") or _there(context, last.run_id)):
        return
    context.progress.at("pages")
    by_run = _by_run(context.ledger.closed(INDEX_BATCHES))
    for run_id in [run_id for run_id in by_run if run_id != run.run_id][-1:]:
        if not _there(context, run_id):
            whole = [context.ledger.history(row.batch_id)[-1] for row in by_run[run_id]]
            _write(context, _report(context, run_id, whole, None))
    if mine:
        _write(context, replace(_report(context, run.run_id, closed, run), charts=tuple(charts())))
    entries = [_entry(run_id, rows) for run_id, rows in reversed(by_run.items())]
    page = render_index(context.places.dataset, entries)
    storage_for(context.places.docs).put(join(context.places.docs, "index.html"), page.encode())


def _by_run(rows: Sequence[Transition]) -> dict[str, list[Transition]]:
    by_run: dict[str, list[Transition]] = defaultdict(list)
    for row in rows:
        by_run[row.run_id].append(row)
    return by_run


def _there(context: Context, run_id: str) -> bool:
    uri = _page(context, run_id)
    return storage_for(uri).head(uri) is not None


def _page(context: Context, run_id: str) -> str:
    return join(context.places.docs, "runs", f"{run_id}.html")


def _write(context: Context, report: RunReport) -> None:
    storage_for(context.places.docs).put(_page(context, report.run_id), render(report).encode())


def _entry(run_id: str, rows: Sequence[Transition]) -> IndexEntry:
    flow, held = Flow(), sum(row.state == "held" for row in rows)
    for row in rows:
        flow = flow.plus(_flow(row)) if row.state == "published" else flow
    outcome = "held" if held else "published"
    return IndexEntry(run_id, rows[-1].at, outcome, flow, len(rows), held, f"runs/{run_id}.html", _docs_of(rows[-1]))


def _docs_of(row: Transition) -> str:
    return f"data_docs/{row.batch_id}-{row.attempt}.html" if row.suite_fingerprint else ""


def _flow(row: Transition) -> Flow:
    return Flow(**vars(row.counts))


def _report(context: Context, run_id: str, closed: Sequence[Transition], run: Run | None) -> RunReport:
    checks: dict[str, list[CheckRow]] = defaultdict(list)
    for row in recent_checks(context.places.checks, TREND_BATCHES + len(closed)):
        checks[row.batch_id].append(row)
    told = {row.batch_id for row in [*(row for row in closed if row.state == "held"), *closed[-DETAILED:]]}
    batches = tuple(_batch(context, row, checks, row.batch_id in told) for row in closed)
    newest = closed[-1]
    held = any(row.state == "held" for row in closed)
    versions = Versions(
        newest.code_version,
        newest.contract_version,
        newest.contract_fingerprint,
        newest.suite_fingerprint,
        newest.spark_version,
    )
    docs = _docs_of(newest)
    return RunReport(
        run_id=run_id,
        job=run.job if run else "curate",
        dataset=context.places.dataset,
        lake=context.places.lake,
        outcome="held" if held else "published",
        exit_code=(3 if held else 0) if run else None,
        started_at=run.started_at if run else None,
        ended_at=datetime.now(UTC) if run else None,
        versions=versions,
        seconds=dict(context.progress.seconds) if run else {},
        batches=batches,
        suite_path=f"expectations/{context.places.dataset}.json" if newest.suite_fingerprint else "",
        docs_href=f"../{docs}" if docs else "",
        index_href="../index.html",
    )


def _batch(context: Context, row: Transition, checks: dict[str, list[CheckRow]], detailed: bool) -> BatchReport:
    mine = [check for check in checks[row.batch_id] if check.sequence == row.sequence]
    results = tuple(_result(check) for check in mine)
    head = BatchReport(
        batch_id=row.batch_id,
        attempt=row.attempt,
        state="held" if row.state == "held" else "published",
        sources=len(row.sources),
        source_bytes=sum(source.size_bytes for source in row.sources),
        first_hour=row.first_hour,
        last_hour=row.last_hour,
        flow=_flow(row),
        results=results,
        waived=row.waived,
        released_by=row.released_by,
        release_reason=row.release_reason,
    )
    if not detailed:
        return head
    planned = _planned(context, row)
    terms = terms_of(planned)
    _write_data_docs(context, row, terms, results)
    return replace(
        head,
        trends=_trends(mine, checks, row.sequence),
        reasons=tuple(_reasons(mine)),
        examples=_examples(context, row, terms),
    )


def _planned(context: Context, row: Transition) -> Transition:
    rows = context.ledger.history(row.batch_id)
    return next(found for found in reversed(rows) if found.state == "planned")


def _write_data_docs(context: Context, row: Transition, terms: Terms, results: Sequence[Result]) -> None:
    if terms.suite is None:
        return
    from sluice.quality.data_docs import data_docs_page

    uri = join(context.places.docs, _docs_of(row))
    page = data_docs_page(terms.suite, results, run_id=row.run_id, batch_id=row.batch_id, at=row.at)
    storage_for(uri).put(uri, page.encode())


def _result(row: CheckRow) -> Result:
    check = Check(row.name, row.rule, row.column, row.severity, row.kind, row.mostly, row.message)  # type: ignore[arg-type]
    return Result(check, row.evaluated, row.failed, row.observed, row.observed_value, row.threshold, row.success)


def _trends(mine: Sequence[CheckRow], checks: dict[str, list[CheckRow]], sequence: int) -> dict[str, tuple[Past, ...]]:
    found: dict[str, list[Past]] = {row.name: [] for row in mine}
    for batch_id, rows in checks.items():
        for row in rows:
            if row.name in found and row.sequence < sequence:
                found[row.name].append(Past(batch_id, row.observed_value, row.outcome))  # type: ignore[arg-type]
    return {name: tuple(past[-TREND_BATCHES:]) for name, past in found.items()}


def _reasons(rows: Sequence[CheckRow]) -> list[Reason]:
    """What the quarantined records of a batch were refused for, most frequent first."""
    refusing = [row for row in rows if row.kind == "contract" or (row.kind == "row" and row.severity == "critical")]
    found = [Reason(_rule(row), row.column, row.message, row.failed) for row in refusing if row.failed]
    return sorted(found, key=lambda reason: -reason.records)


def _rule(row: CheckRow) -> str:
    return row.rule if row.kind == "contract" else row.name


def _examples(context: Context, row: Transition, terms: Terms) -> tuple[Example, ...]:
    closing = [
        found for found in context.ledger.history(row.batch_id) if found.sequence == row.sequence and found.actions
    ]
    if not closing:
        return ()
    files = Actions.from_json(closing[-1].actions).quarantine.adds
    return tuple(
        Example(
            masked_record(found["record"] or b"", terms.contract),
            found["source_object"] or "",
            found["offset"] or 0,
            tuple(f"{reason['rule']} {reason['column'] or ''}".strip() for reason in found["reasons"]),
        )
        for found in quarantine_examples(context.places.quarantine, files)
    )
