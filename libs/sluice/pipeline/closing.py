"""How a batch ends: published whole, or held with only its checks published; every step can be repeated.

The state diagram is in `lake.transitions`. Up to the ledger's `publishing` row an attempt can be thrown away; from
there on it can only be finished, whatever has changed since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sluice.lake.checks import as_json, publish_checks, row_of, tidy_checks
from sluice.lake.places import attempt_folder
from sluice.lake.publish import Actions, missing_files, publish
from sluice.lake.quarantine import was_taken_back
from sluice.lake.stage import sweep
from sluice.lake.transitions import Counts, LedgerSource, State, Transition
from sluice.pipeline.context import Context
from sluice.pipeline.gate import check_rows
from sluice.quality.model import Result
from sluice.quality.results import failures


@dataclass(frozen=True)
class Staged:
    """A batch ready to be published, and what its checks found."""

    actions: Actions
    counts: Counts
    sources: tuple[LedgerSource, ...]
    results: tuple[Result, ...]
    # How far the dataset has come once this is published, where that is not told when a batch is planned.
    watermark: str = ""


def pass_point_of_no_return(context: Context, planned: Transition, staged: Staged) -> Transition:
    """Commit `publishing`; from here on the batch is only ever finished."""
    context.progress.at("point of no return")
    return _decided(context, planned, staged, "publishing")


def hold(context: Context, planned: Transition, staged: Staged) -> Transition:
    """Commit `held`: what failed is kept with the batch, its checks are published, and none of its rows."""
    context.progress.at("hold", f"batch {planned.batch_id}")
    return finish_held(context, _decided(context, planned, staged, "held"))


def _decided(context: Context, planned: Transition, staged: Staged, state: State) -> Transition:
    row = context.transition(planned)
    sequence = row.last_sequence + 1
    told = "published" if state == "publishing" else state
    checks = check_rows(planned, context.run_id, staged.results, told, sequence)
    return context.ledger.record(
        replace(
            row,
            state=state,
            sequence=sequence,
            last_sequence=sequence,
            actions=replace(staged.actions, checks=tuple(as_json(check) for check in checks)).to_json(),
            counts=staged.counts,
            watermark=staged.watermark if staged.watermark and state == "publishing" else row.watermark,
            sources=staged.sources,
            reason="\n".join(failures(staged.results, planned.waived)) if state == "held" else "",
        )
    )


def finish(context: Context, publishing: Transition) -> Transition | None:
    """Publish what a `publishing` row lists and close the batch; safe to repeat from any point.

    None, and nothing done, where files that it lists are gone, or it was taken back before.
    """
    places, sequence = context.places, publishing.sequence
    actions = Actions.from_json(publishing.actions)
    context.progress.at("publish", f"batch {publishing.batch_id}")
    missing = missing_files(places, actions, sequence)
    if missing or was_taken_back(places.quarantine, sequence):
        context.progress.tell(f"{len(missing)} staged files are gone (VACUUM?): {', '.join(missing[:1])}; staging anew")
        return None
    metadata: dict[str, Any] = {
        "sluice.run": publishing.run_id,
        "sluice.batch": publishing.batch_id,
        "sluice.contract": publishing.contract_version,
        "sluice.code": publishing.code_version,
    }
    publish(places, actions, sequence, metadata, context.check, context.progress.at)
    _publish_checks(context, actions, sequence)
    context.progress.at("close", f"batch {publishing.batch_id}")
    row = replace(context.transition(publishing), state="published", sequence=sequence, sources=publishing.sources)
    closed = context.ledger.record(row)
    context.progress.at("sweep")
    folder = attempt_folder(publishing.batch_id, publishing.attempt)
    sweep(places.curated, folder, {file.path for file in actions.curated.adds})
    sweep(places.quarantine, folder, {file.path for file in actions.quarantine.adds})
    context.ledger.tidy()
    tidy_checks(places.checks, context.check)
    return closed


def finish_held(context: Context, held: Transition) -> Transition:
    """Publish the checks of a held batch, once; its files stay, for looking at, until it is taken up again."""
    _publish_checks(context, Actions.from_json(held.actions), held.sequence)
    return held


def _publish_checks(context: Context, actions: Actions, sequence: int) -> None:
    if actions.checks:
        context.progress.at("publish checks")
        publish_checks(context.places.checks, [row_of(check) for check in actions.checks], sequence, context.check)


def abandon(context: Context, planned: Transition, reason: str, **changes: Any) -> None:
    """Say that an attempt will never be published, then delete its files; `changes` are to the ledger's row."""
    row = context.transition(planned)
    context.ledger.record(replace(row, state="abandoned", sources=planned.sources, reason=reason, **changes))
    folder = attempt_folder(planned.batch_id, planned.attempt)
    sweep(context.places.curated, folder, set())
    sweep(context.places.quarantine, folder, set())
