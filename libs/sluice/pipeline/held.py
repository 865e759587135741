"""Batches that the gate holds: when one is taken up again, and how somebody publishes one all the same."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import replace

from sluice.errors import UsageError
from sluice.lake.publish import Actions
from sluice.lake.transitions import LedgerSource, Transition
from sluice.pipeline.context import Context
from sluice.pipeline.options import Options
from sluice.pipeline.planning import sources_now

HELD_EXIT_CODE = 3


def check_release(options: Options, held: Sequence[Transition]) -> None:
    """Raise UsageError where the batch to release is not held."""
    names = [row.batch_id for row in held]
    if options.release_held and options.release_held not in names:
        there = f"held are: {', '.join(names)}" if names else "no batch is held"
        raise UsageError(f"--release-held {options.release_held}: expected a batch that the gate holds; {there}")


def taken_up(context: Context, held: Transition) -> str:
    """Why a held batch is staged again in this run; empty where nothing that decided it has changed."""
    if context.options.release_held == held.batch_id:
        return "released"
    if not context.terms.followed_by(held):
        return "the contract or the suite has changed"
    if held.code_version != context.code_version:
        return "the library has changed"
    if _identities(sources_now(context.places, held)) != _identities(held.sources):
        return "its source objects have changed"
    return ""


def _identities(sources: Sequence[LedgerSource]) -> list[tuple[str, int, str]]:
    return [(source.path, source.size_bytes, source.etag) for source in sources]


def released(options: Options, held: Transition) -> Transition:
    """`held` with its failed checks waived by name, if it is the one to release: who asked and why goes on with it."""
    if not options.release_held or options.release_held != held.batch_id:
        return held
    failed = (check["name"] for check in Actions.from_json(held.actions).checks if check["outcome"] == "held")
    waived = tuple(dict.fromkeys([*held.waived, *failed]))
    by = options.released_by or getpass.getuser()
    return replace(held, waived=waived, released_by=by, release_reason=options.reason)


def held_message(held: Sequence[Transition]) -> str:
    """What the operator of a run reads: each held batch with its failed checks, and what to do now."""
    lines = [f"{len(held)} batch{'es are' if len(held) > 1 else ' is'} held by the gate, nothing of it is published:"]
    for row in held:
        lines += [f"  batch {row.batch_id}", *(f"    {line}" for line in row.reason.splitlines())]
    lines.append("mend the data or the suite and run again, or publish it as it is: --release-held BATCH --reason TEXT")
    return "\n".join(lines)
