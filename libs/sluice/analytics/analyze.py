"""Bring an analysis up to date with its source: the order of everything, in one place.

::

    lease -> finish what is being published -> what has changed? -> plan -> reckon -> gate
          -> point of no return -> publish -> close -> page                          (or: -> hold -> page)

Batches of an analysis are about versions of its source, so there is at most one that is open: a held batch, or one that
a killed run left, is taken up again with all that has changed since the last published one. The protocol is the one of
`lake.transitions`; a batch un-names the files of the windows that it reckons and names new ones, in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sluice.analytics.definition import Analysis
from sluice.analytics.page import charts
from sluice.analytics.plan import Work, plan, work
from sluice.analytics.reckon import reckon
from sluice.errors import LocationError
from sluice.lake.changes import Version, newest_version
from sluice.lake.evolved import EvolvedSchema
from sluice.lake.lease import Lease
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.tables import check_fits, ensure_analysis
from sluice.lake.transitions import Transition
from sluice.pipeline.closing import abandon, finish, finish_held, hold, pass_point_of_no_return
from sluice.pipeline.context import Context
from sluice.pipeline.curate import summary
from sluice.pipeline.evolution import Evolution
from sluice.pipeline.gate import Gates
from sluice.pipeline.held import check_release, released
from sluice.pipeline.options import Options
from sluice.pipeline.pages import write_pages
from sluice.pipeline.terms import Terms
from sluice.runtime.job import Run
from sluice.runtime.storage import normal_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ZONE = "analytics"


@dataclass(frozen=True)
class Asked:
    """What an operator may set: `full` reckons every window anew."""

    options: Options
    full: bool = False


def places_of(lake: str, analysis: str) -> Places:
    """Where everything of an analysis lies in a lake."""
    return Places(normal_uri(lake), analysis, zone=ZONE)


def analyze(run: Run, lake: str, analysis: Analysis, asked: Asked) -> Mapping[str, Any]:
    """Reckon what has changed; returns the run's summary, with exit code 3 where the gate holds it.

    Raises LocationError where the source is not there, DatasetBusyError where another run is at work, and nothing
    half-done: whatever stops a run, the next one finishes it.
    """
    places = places_of(lake, analysis.contract.dataset)
    source = Places(places.lake, analysis.windows.source).curated
    version = newest_version(source)
    if version is None:
        raise LocationError(
            f"{source}: expected the curated table that {analysis.contract.dataset} looks at, found none; "
            f"is --lake right, and was {analysis.windows.source} curated?"
        )
    head = {
        "analysis": analysis.contract.dataset,
        "dataset": analysis.windows.source,
        "lake": places.lake,
        "contract": analysis.contract.version,
        "source_version": version.number,
    }
    if asked.options.dry_run:
        return {**head, **dry_run(places, analysis, version, asked)}
    run.progress.at("lease")
    with Lease.acquire(places.lease, run.run_id, asked.options.lease_seconds, run.progress.tell) as lease:
        # Looked at again: while this run waited for the lease, another may have gone further.
        version = newest_version(source) or version
        context = _context(run, places, analysis, asked.options, lease)
        closed, todo = _brought_up(context, analysis, version, asked)
        write_pages(context, run, closed, partial(charts, places.curated, analysis, todo))
    return {**head, "source_version": version.number, **summary(closed), **_told(todo)}


def dry_run(places: Places, analysis: Analysis, version: Version, asked: Asked) -> dict[str, Any]:
    """What a run would do now; writes nothing and takes no lease."""
    ledger = Ledger.open(places.ledger)
    check_fits(places, analysis.contract)
    todo = work(analysis, places, ledger, version, asked.full)
    return {
        "dry_run": True,
        "open_batches": list(ledger.open_batches),
        **_told(todo),
        "changed_bytes": todo.changed_bytes,
        "contract_fingerprint": analysis.contract.fingerprint,
        "suite_fingerprint": Terms(analysis.contract, analysis.suite).suite_fingerprint or None,
    }


def _told(todo: Work | None) -> dict[str, Any]:
    if todo is None:
        return {}
    windows = None if todo.runs is None else sum(end - first for first, end in todo.runs)
    return {"windows": windows, **({"full": todo.full} if todo.full else {})}


def _context(run: Run, places: Places, analysis: Analysis, options: Options, lease: Lease) -> Context:
    gates = Gates()
    return Context(
        places,
        analysis.suite,
        Evolution(analysis.contract, EvolvedSchema(places.evolved)),
        options,
        run.run_id,
        run.code_version,
        lease,
        Ledger.open(places.ledger, lease.check),
        run.progress,
        _starting(run, gates, Terms(analysis.contract, analysis.suite)),
        gates,
    )


def _starting(run: Run, gates: Gates, terms: Terms) -> Callable[[], SparkSession]:
    def session() -> SparkSession:
        gates.warm_up(terms)
        return run.spark

    return session


def _brought_up(
    context: Context, analysis: Analysis, version: Version, asked: Asked
) -> tuple[list[Transition], Work | None]:
    """Finish what was begun, then reckon what has changed: the batches closed, and what was to do."""
    closed = []
    newest = [context.ledger.history(batch)[-1] for batch in context.ledger.open_batches]
    check_release(asked.options, [row for row in newest if row.state == "held"])
    for number, row in enumerate(newest):
        if row.state == "publishing":
            context.progress.at("recover", f"batch {row.batch_id}")
            done = finish(context, row)
            if done is None:
                newest[number] = _lost(context, row)
            else:
                closed.append(done)
    before = next((row for row in newest if row.batch_id in context.ledger.open_batches), None)
    if before is not None and before.state == "held" and not _taken_up(context, analysis, version, before):
        return [*closed, finish_held(context, before)], None
    context.progress.at("changes")
    todo = work(analysis, context.places, context.ledger, version, asked.full)
    if todo.nothing and before is None:
        return closed, todo
    if before is not None and before.state in ("planned", "held"):
        abandon(context, before, before.reason or "the run that planned it ended before it was staged")
    done = _batch(context, analysis, todo, before)
    return [*closed, done], todo


def _taken_up(context: Context, analysis: Analysis, version: Version, held: Transition) -> bool:
    """Whether a held batch is reckoned again: it was released, or something that decided it has changed."""
    return (
        context.options.release_held == held.batch_id
        or not Terms(analysis.contract, analysis.suite).followed_by(held)
        or held.code_version != context.code_version
        or held.sources[0].etag != version.name
    )


def _lost(context: Context, publishing: Transition) -> Transition:
    """Give up a batch whose staged files are gone: from then on nothing is known, so all windows are reckoned."""
    abandon(context, publishing, "staged files were gone before they were published", watermark="")
    return context.ledger.history(publishing.batch_id)[-1]


def _batch(context: Context, analysis: Analysis, todo: Work, before: Transition | None) -> Transition:
    check_fits(context.places, analysis.contract)
    context.progress.at("plan")
    planned = plan(context, analysis, todo, released(context.options, before) if before else None)
    ensure_analysis(context.places, analysis.contract, context.check)
    staged = reckon(context, analysis, planned, todo)
    if any(result.outcome(planned.waived) == "held" for result in staged.results):
        return hold(context, planned, staged)
    publishing = pass_point_of_no_return(context, planned, staged)
    done = finish(context, publishing)
    if done is not None:
        return done
    lost = _lost(context, publishing)
    full = replace(todo, runs=None, full="staged files were gone before they were published")
    return _batch(context, analysis, full, lost)
