"""What of a report is shown and in which order, so that a page stays small however large the run was."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from sluice.quality.model import Outcome, Result
from sluice.quality.page.flow import Picture, draw
from sluice.quality.page.model import BatchReport, Example, Reason, RunReport
from sluice.quality.page.trend import Trend, trend
from sluice.quality.page.words import counted

LINES = 500  # batches with a line of their own
DETAILS = 12  # batches shown whole
CHECKS = 60  # of a batch
REASONS = 20
EXAMPLES = 5
STEPS = 40
_WORST_FIRST: tuple[Outcome, ...] = ("held", "waived", "refused", "reported", "passed")

WORDS: dict[Outcome, tuple[str, str]] = {
    "held": ("Holds the batch", "it failed, so nothing of this batch is published"),
    "waived": ("Waived", "it failed, and somebody released the batch all the same"),
    "refused": ("Rows refused", "rows that failed it are in quarantine, the rest goes on"),
    "reported": ("Reported", "it failed, which is worth knowing and stops nothing"),
    "passed": ("Passed", "it found what it expects"),
}


@dataclass(frozen=True)
class CheckView:
    result: Result
    outcome: Outcome
    status: str
    trend: Trend | None


@dataclass(frozen=True)
class BatchView:
    """A batch with its details; `left_out` says in words what a limit kept off the page."""

    report: BatchReport
    number: int
    picture: Picture
    checks: tuple[CheckView, ...]
    legend: tuple[tuple[Outcome, str, str], ...]
    failures: tuple[Result, ...]
    release: str
    reasons: tuple[Reason, ...]
    examples: tuple[Example, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    name: str
    seconds: float
    percent: float


def lines(report: RunReport) -> tuple[tuple[int, BatchReport], ...]:
    """Held batches, then the newest, each with its place in the run; in the order of the run."""
    return _chosen(report, LINES)


def details(report: RunReport) -> tuple[BatchView, ...]:
    """Held batches first, since somebody has to do something about them, then the newest."""
    chosen = sorted(_chosen(report, DETAILS), key=lambda one: (one[1].state != "held", -one[0]))
    return tuple(_batch(number, batch) for number, batch in chosen)


def steps(report: RunReport) -> tuple[Step, ...]:
    """In the order in which they are given, which is that of the run."""
    longest = max(report.seconds.values(), default=0.0) or 1.0
    return tuple(
        Step(name, took, round(100 * took / longest, 1)) for name, took in list(report.seconds.items())[:STEPS]
    )


def headline(report: RunReport) -> str:
    """The run in one line: how many batches were published and held."""
    held, published = len(report.held), len(report.batches) - len(report.held)
    told = [counted(published, "batch published", "batches published")] if published else []
    told += [counted(held, "batch held", "batches held")] if held else []
    return ", ".join(told) or "no new data"


def tone(exit_code: int | None, held: int) -> str:
    """How a run went, as the name of a colour and a sign; the words beside it say the same."""
    if held:
        return "held"
    return "failed" if exit_code else "passed"


def _chosen(report: RunReport, limit: int) -> tuple[tuple[int, BatchReport], ...]:
    numbered = list(enumerate(report.batches, start=1))
    first = sorted(numbered, key=lambda one: (one[1].state != "held", -one[0]))[:limit]
    return tuple(sorted(first, key=lambda one: one[0]))


def _batch(place: int, batch: BatchReport) -> BatchView:
    waived = frozenset(batch.waived)
    found = [(result.outcome(waived), result) for result in batch.results]
    found.sort(key=lambda one: _WORST_FIRST.index(one[0]))
    reasons = sorted(batch.reasons, key=lambda one: -one.records)
    checks = tuple(_check(batch, *one) for one in found[:CHECKS])
    present = {one.outcome for one in checks}
    left_out = [
        f"{counted(total - limit, what)} more {'is' if total - limit == 1 else 'are'} not shown here"
        for total, limit, what in (
            (len(found), CHECKS, "check"),
            (len(reasons), REASONS, "reason"),
            (len(batch.examples), EXAMPLES, "example"),
        )
        if total > limit
    ]
    return BatchView(
        report=batch,
        number=place,
        picture=draw(batch.flow),
        checks=checks,
        legend=tuple((outcome, *WORDS[outcome]) for outcome in _WORST_FIRST if outcome in present),
        failures=batch.of_outcome("held"),
        release=f"--release-held {shlex.quote(batch.batch_id)} --reason TEXT",
        reasons=tuple(reasons[:REASONS]),
        examples=batch.examples[:EXAMPLES],
        left_out=tuple(left_out),
    )


def _check(batch: BatchReport, outcome: Outcome, result: Result) -> CheckView:
    past = batch.trends.get(result.check.name, ())
    return CheckView(result, outcome, WORDS[outcome][0], trend(past, result.observed_value, outcome))
