"""Drain a dataset's landing zone: the order of everything, in one place.

::

    lease -> recover -> list -> plan -> stage once -> account -> duplicates -> point of no return -> publish -> close
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.contract.model import Contract
from sluice.errors import LocationError
from sluice.lake.lease import Lease
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.tables import check_fits
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.batch import abandon, finish, run_batch
from sluice.pipeline.context import Context
from sluice.pipeline.options import Options
from sluice.pipeline.planning import AS_RECORDED, bounded, contract_of, new_sources, plan_again, plan_batch
from sluice.runtime.job import Run
from sluice.runtime.storage import normal_uri, storage_for


def curate(run: Run, lake: str, contract: Contract, options: Options) -> Mapping[str, Any]:
    """Curate all that is new; returns the run's summary.

    Raises LocationError where the lake has no such raw prefix, DatasetBusyError where another run is at work, and
    nothing half-done: whatever stops a run, the next one finishes it.
    """
    places = Places(normal_uri(lake), contract.dataset)
    if next(iter(storage_for(places.landing).list(places.landing)), None) is None:
        raise LocationError(
            f"{places.landing}: expected source objects below it, found none; "
            f"is --lake right, and does the stream deliver to raw/{contract.dataset}/?"
        )
    head = {"dataset": contract.dataset, "lake": places.lake, "contract": contract.version}
    if options.dry_run:
        return {**head, **dry_run(places, contract, options)}
    run.progress.at("lease")
    with Lease.acquire(places.lease, run.run_id, options.lease_seconds, run.progress.tell) as lease:
        ledger = Ledger.open(places.ledger, lease.check)
        session = lambda: run.spark  # noqa: E731 - Spark starts when a batch asks for it
        context = Context(places, contract, options, run.run_id, run.code_version, lease, ledger, run.progress, session)
        closed = [*recover(context), *drain(context)]
    return {**head, **summary(closed)}


def recover(context: Context) -> list[Transition]:
    """Finish what runs before this one began: the batch that was being published first, then the other open ones."""
    open_batches = context.ledger.open_batches
    if not open_batches:
        return []
    context.progress.at("recover", f"{len(open_batches)} open batches")
    newest = {batch: context.ledger.history(batch)[-1] for batch in open_batches}
    closed = [finish(context, row) for row in newest.values() if row.state == "publishing"]
    again = [row for row in newest.values() if row.state != "publishing"]
    if again:
        check_fits(context.places, context.contract)
    for row in again:
        if row.state == "planned":
            abandon(context, row, row.reason or "the run that planned it ended before it was staged")
        contract, reason = context.contract, ""
        if row.reason == AS_RECORDED:
            reason = AS_RECORDED
            contract = contract_of([r for r in context.ledger.history(row.batch_id) if r.state == "planned"][-1])
        closed.append(run_batch(context, plan_again(context, row, contract, reason), contract))
    return closed


def drain(context: Context) -> list[Transition]:
    """Curate what no batch has planned yet, batch by batch."""
    context.progress.at("list")
    sources, full = new_sources(context.places, context.ledger, context.options)
    closed = []
    batches = list(bounded(sources, context.options))
    for number, batch in enumerate(batches):
        if number == 0:
            check_fits(context.places, context.contract)
        context.progress.at("plan", f"{len(batch)} of {len(sources)} new source objects")
        # Until the last batch is planned a full listing is none: a run killed before would hide what is left.
        last = number + 1 == len(batches)
        closed.append(run_batch(context, plan_batch(context, batch, full and last), context.contract))
    return closed


def dry_run(places: Places, contract: Contract, options: Options) -> dict[str, Any]:
    """What a run would do now; writes nothing and takes no lease."""
    ledger = Ledger.open(places.ledger)
    check_fits(places, contract)
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
        "contract_fingerprint": contract.fingerprint,
    }


def summary(closed: list[Transition]) -> dict[str, Any]:
    """What the published batches add up to."""
    total = Counts()
    for row in closed:
        total = total.plus(row.counts)
    return {
        "outcome": "published" if closed else "nothing new",
        "batches": [row.batch_id for row in closed],
        "source_objects": sum(len(row.sources) for row in closed),
        "counts": vars(total),
        "balanced": total.read == total.placed,
    }
