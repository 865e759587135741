"""What there is to do: open batches first, then what the ledger does not know, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.transitions import LedgerSource, Transition
from sluice.pipeline.context import Context, to_ledger
from sluice.pipeline.options import Options
from sluice.pipeline.terms import Terms, recorded
from sluice.raw.listing import arrival_hour, failed_step, list_sources, look_back_from
from sluice.raw.source import SourceObject
from sluice.runtime.storage import join, storage_for

# The reason of attempts at a batch that had passed the point of no return: it stays under the contract it had then.
AS_RECORDED = "staged files were gone before they were published; staged anew under the recorded contract"


def new_sources(places: Places, ledger: Ledger, options: Options) -> tuple[list[SourceObject], bool]:
    """Source objects that no batch has planned, in the order of their keys, error objects in their hours; and whether
    all hours were listed.

    Listing goes back from how far it had come before by the look-back, and to the beginning when a full one is due.
    """
    newest = ledger.last
    due = newest is None or newest.full_listing_at is None
    if newest is not None and newest.full_listing_at is not None:
        due = datetime.now(UTC) - newest.full_listing_at >= timedelta(hours=options.full_listing_hours)
    if options.since:
        from_hour, full = options.since, False
    else:
        from_hour = "" if due or newest is None else look_back_from(newest.watermark)
        full = not from_hour and not options.until
    known = ledger.known_sources(from_hour)
    listed = list_sources(places.landing, places.dataset, from_hour, options.until, failed=True)
    new = [s for s in listed if (s.path, s.size_bytes, s.etag) not in known]
    if any(failed_step(source.path) for source in new):
        # Their keys come after all hours: were they planned last, a run killed before would list on from the newest.
        new.sort(key=lambda source: arrival_hour(source.path))
    return new, full


def bounded(sources: list[SourceObject], options: Options) -> Iterator[list[SourceObject]]:
    """`sources` cut into batches of at most the options' bytes and objects; one larger object is a batch of its own."""
    batch: list[SourceObject] = []
    size = 0
    for source in sources:
        if batch and (len(batch) >= options.max_batch_files or size + source.size_bytes > options.max_batch_bytes):
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += source.size_bytes
    if batch:
        yield batch


def plan_batch(context: Context, sources: list[SourceObject], full: bool) -> Transition:
    """Commit a new batch to the ledger."""
    hours = sorted(filter(None, (arrival_hour(source.path) for source in sources)))
    now = datetime.now(UTC)
    row = context.transition(None)
    number = context.ledger.last.number if context.ledger.last else 0
    batch_id = f"{now:%Y%m%dT%H%M%SZ}-{number:06d}"
    # A bounded run does not move how far listing has come: what it left out must be found by the next one.
    moves = hours and not context.options.since and len(hours) == len(sources)
    watermark = max(row.watermark, hours[-1]) if moves else row.watermark
    return context.ledger.record(
        replace(
            row,
            batch_id=batch_id,
            attempt=1,
            state="planned",
            watermark=watermark,
            full_listing_at=now if full else row.full_listing_at,
            first_hour=hours[0] if hours else "",
            last_hour=hours[-1] if hours else "",
            sources=to_ledger(sources),
            **recorded(context.terms),
        )
    )


def plan_again(context: Context, planned: Transition, terms: Terms, reason: str = "") -> Transition:
    """Commit the next attempt at a batch whose last one was abandoned; its source objects are looked at anew."""
    row = context.transition(planned)
    sources = sources_now(context.places, planned)
    return context.ledger.record(
        replace(row, attempt=planned.attempt + 1, state="planned", sources=sources, reason=reason, **recorded(terms))
    )


def sources_now(places: Places, row: Transition) -> tuple[LedgerSource, ...]:
    """The source objects of a batch as they are now, not read yet."""
    return tuple(_seen(places, source) for source in row.sources)


def _seen(places: Places, source: LedgerSource) -> LedgerSource:
    """The source object as it is now; one that is gone stays as it was listed, and reading it will say so."""
    uri = join(places.raw, source.path)
    found = storage_for(uri).head(uri)
    if found is None:
        return replace(source, records=-1, refused=-1)
    return LedgerSource(source.path, found.size_bytes, found.etag, found.modified_at)
