"""Drain a dataset's landing zone: the order of everything, in one place.

::

    lease -> recover -> list -> plan -> stage once -> account -> duplicates -> gate
          -> point of no return -> publish -> close -> page            (or: -> hold -> page)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.contract.model import Contract
from sluice.errors import LocationError, UsageError
from sluice.lake.evolved import EvolvedSchema
from sluice.lake.lease import Lease
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.tables import check_fits
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.batch import finish_or_start_over, run_batch
from sluice.pipeline.closing import abandon, finish_held
from sluice.pipeline.context import Context
from sluice.pipeline.evolution import Evolution
from sluice.pipeline.gate import Gates
from sluice.pipeline.held import HELD_EXIT_CODE, check_release, held_message, released, taken_up
from sluice.pipeline.options import Options
from sluice.pipeline.pages import write_pages
from sluice.pipeline.planning import AS_RECORDED, bounded, new_sources, plan_again, plan_batch
from sluice.pipeline.terms import Terms, terms_of
from sluice.quality.model import Suite
from sluice.runtime.job import Run
from sluice.runtime.storage import normal_uri, storage_for

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def curate(run: Run, lake: str, contract: Contract, options: Options, suite: Suite | None = None) -> Mapping[str, Any]:
    """Curate all that is new; returns the run's summary, with exit code 3 where a batch is held by the gate.

    Raises LocationError where the lake has no such raw prefix, DatasetBusyError where another run is at work, and
    nothing half-done: whatever stops a run, the next one finishes it.
    """
    if contract.windows is not None:
        raise UsageError(f"{contract.path} is the contract of an analysis; bring it up to date with jobs/analyze.py")
    apart = normal_uri(options.quarantine) if options.quarantine else ""
    places = Places(normal_uri(lake), contract.dataset, apart)
    if next(iter(storage_for(places.landing).list(places.landing)), None) is None:
        raise LocationError(
            f"{places.landing}: expected source objects below it, found none; "
            f"is --lake right, and does the stream deliver to raw/{contract.dataset}/?"
        )
    head = {"dataset": contract.dataset, "lake": places.lake, "contract": contract.version}
    if options.dry_run:
        return {**head, **dry_run(places, Terms(_evolution(places, contract).contract, suite), options)}
    run.progress.at("lease")
    with Lease.acquire(places.lease, run.run_id, options.lease_seconds, run.progress.tell) as lease:
        ledger = Ledger.open(places.ledger, lease.check)
        gates = Gates()
        context = Context(
            places,
            suite,
            _evolution(places, contract),
            options,
            run.run_id,
            run.code_version,
            lease,
            ledger,
            run.progress,
            _starting(run, gates, Terms(contract, suite)),
            gates,
        )
        closed = [*recover(context), *drain(context)]
        write_pages(context, run, closed)
    return {**head, **summary(closed), **_evolved(context)}


def _evolution(places: Places, contract: Contract) -> Evolution:
    return Evolution(contract, EvolvedSchema.read(places.evolved))


def _evolved(context: Context) -> dict[str, Any]:
    """The evolved raw schema, where there is one or might be."""
    told = context.evolution.told()
    return {"evolved": told} if told or context.evolution.given.unknown_fields == "evolve" else {}


def _starting(run: Run, gates: Gates, terms: Terms) -> Callable[[], SparkSession]:
    """What starts Spark when a batch asks for it, and with it whatever else takes its time to start."""

    def session() -> SparkSession:
        gates.warm_up(terms)
        return run.spark

    return session


def recover(context: Context) -> list[Transition]:
    """Finish what runs before this one began: the batch that was being published first, then the other open ones.

    A held batch is taken up again when it is released, or when what decided it has changed; else it stays as it is, and
    its row is among those returned.
    """
    newest = {batch: context.ledger.history(batch)[-1] for batch in context.ledger.open_batches}
    held = [row for row in newest.values() if row.state == "held"]
    check_release(context.options, held)
    if not newest:
        return []
    context.progress.at("recover", f"{len(newest)} open batches")
    closed = [finish_or_start_over(context, row) for row in newest.values() if row.state == "publishing"]
    why = {row.batch_id: taken_up(context, finish_held(context, row)) for row in held}
    closed += [row for row in held if not why[row.batch_id]]
    again = [row for row in newest.values() if row.state in ("planned", "abandoned") or why.get(row.batch_id)]
    if again:
        check_fits(context.places, context.terms.contract)
        context.gates.open(context, context.terms, again[0].sources)
    for row in again:
        if row.state != "abandoned":
            reason = why.get(row.batch_id) or row.reason or "the run that planned it ended before it was staged"
            abandon(context, row, reason)
        terms, reason = context.terms, ""
        if row.reason == AS_RECORDED:
            reason = AS_RECORDED
            terms = terms_of([r for r in context.ledger.history(row.batch_id) if r.state == "planned"][-1])
        planned = plan_again(context, released(context.options, row), terms, reason)
        closed.append(run_batch(context, planned, terms))
    return closed


def drain(context: Context) -> list[Transition]:
    """Curate what no batch has planned yet, batch by batch."""
    context.progress.at("list")
    sources, full = new_sources(context.places, context.ledger, context.options)
    closed = []
    batches = list(bounded(sources, context.options))
    for number, batch in enumerate(batches):
        if number == 0:
            check_fits(context.places, context.terms.contract)
            # A suite that could not run is refused before anything is planned.
            context.gates.open(context, context.terms, batch)
        context.progress.at("plan", f"{len(batch)} of {len(sources)} new source objects")
        # Until the last batch is planned a full listing is none: a run killed before would hide what is left.
        last = number + 1 == len(batches)
        closed.append(run_batch(context, plan_batch(context, batch, full and last), context.terms))
    return closed


def dry_run(places: Places, terms: Terms, options: Options) -> dict[str, Any]:
    """What a run would do now; writes nothing and takes no lease."""
    ledger = Ledger.open(places.ledger)
    check_fits(places, terms.contract)
    sources, _ = new_sources(places, ledger, options)
    batches = list(bounded(sources, options))
    return {
        "dry_run": True,
        "open_batches": list(ledger.open_batches),
        "new_source_objects": len(sources),
        "new_stored_bytes": sum(source.size_bytes for source in sources),
        "batches": len(batches),
        "first_source_object": sources[0].path if sources else None,
        "last_source_object": sources[-1].path if sources else None,
        "contract_fingerprint": terms.contract.fingerprint,
        "suite_fingerprint": terms.suite_fingerprint or None,
    }


def summary(closed: list[Transition]) -> dict[str, Any]:
    """What the published batches add up to, and what is held."""
    total = Counts()
    published = [row for row in closed if row.state == "published"]
    held = [row for row in closed if row.state == "held"]
    for row in published:
        total = total.plus(row.counts)
    told: dict[str, Any] = {
        "outcome": "held" if held else "published" if published else "nothing new",
        "batches": [row.batch_id for row in published],
        "source_objects": sum(len(row.sources) for row in published),
        "counts": vars(total),
        "balanced": total.read == total.placed,
    }
    if held:
        told |= {
            "held": {row.batch_id: row.reason.splitlines() for row in held},
            "error": held_message(held),
            "exit_code": HELD_EXIT_CODE,
        }
    return told
