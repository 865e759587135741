"""What the page of a run tells, as plain data that a pipeline fills; nothing here reads a lake or needs Spark.

Every text is shown as it is given, only escaped: whoever fills this in has masked personal data before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sluice.quality.model import Outcome, Result

State = Literal["published", "held"]


@dataclass(frozen=True)
class Flow:
    """Where a batch's records went, in records, named as in the ledger's counts.

    `rescued` are among the curated (a field that did not fit was set aside), `replaced` are rows published earlier that
    newer ones took the place of: neither is a place of its own.
    """

    read: int = 0
    curated: int = 0
    quarantined: int = 0
    duplicates: int = 0
    superseded: int = 0
    filtered: int = 0
    rescued: int = 0
    replaced: int = 0

    @property
    def placed(self) -> int:
        """Records that have a place; less than `read` only where somebody miscounted, and then the page says so."""
        return self.curated + self.quarantined + self.duplicates + self.superseded + self.filtered

    def plus(self, other: Flow) -> Flow:
        return Flow(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Past:
    """What a check observed in an earlier batch; `value` is None where it observed no number."""

    batch_id: str
    value: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Reason:
    """Records of a batch that are in quarantine for one reason; `rule` and `column` as in the quarantine table."""

    rule: str
    column: str
    message: str
    records: int


@dataclass(frozen=True)
class Example:
    """A refused record, personal data masked already, and its place: byte `offset` in the unpacked source object."""

    text: str
    source: str
    offset: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchReport:
    """One batch as this run left it.

    `first_hour` and `last_hour` are arrival hours as the ledger has them. `filtered_by` maps what a filter is called to
    records. `waived` are names of checks whose failure `released_by` accepted for `release_reason`. `trends` has the
    earlier observations of a check by its name, oldest first, without this batch's own.
    """

    batch_id: str
    attempt: int
    state: State
    sources: int
    source_bytes: int
    first_hour: str
    last_hour: str
    flow: Flow
    filtered_by: dict[str, int] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    trends: dict[str, tuple[Past, ...]] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    examples: tuple[Example, ...] = ()
    waived: tuple[str, ...] = ()
    released_by: str = ""
    release_reason: str = ""

    def of_outcome(self, *outcomes: Outcome) -> tuple[Result, ...]:
        """The results of these outcomes, in the suite's order."""
        waived = frozenset(self.waived)
        return tuple(result for result in self.results if result.outcome(waived) in outcomes)


@dataclass(frozen=True)
class Versions:
    """What the run ran; empty where nobody knows any more. A suite's fingerprint is empty where there is no suite."""

    code: str = ""
    contract: str = ""
    contract_fingerprint: str = ""
    suite_fingerprint: str = ""
    spark: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its `label`, its `parts` in the order of the chart's names, and a `note` beside it."""

    label: str
    parts: tuple[float, ...]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars of one kind, `across` (side by side, as over time) or one below the other; `parts` names what they are of.

    `tones` are names of colours, one for each part. `summary` says in words what the picture shows.
    """

    title: str
    summary: str
    parts: tuple[str, ...]
    tones: tuple[str, ...]
    bars: tuple[Bar, ...]
    across: bool = False


@dataclass(frozen=True)
class RunReport:
    """One run of a job over one dataset; `batches` in the order in which they were taken up.

    `started_at`, `ended_at` and `exit_code` are None and `seconds` (by step) is empty where the page is made again for
    a run that was killed. `outcome` is the summary line's word for it. Relative to the page, `docs_href` leads to Data
    Docs (empty: there are none) and `index_href` to the list of the dataset's runs.
    """

    run_id: str
    job: str
    dataset: str
    lake: str
    outcome: str
    exit_code: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    versions: Versions = field(default_factory=Versions)
    seconds: dict[str, float] = field(default_factory=dict)
    batches: tuple[BatchReport, ...] = ()
    suite_path: str = ""
    docs_href: str = ""
    index_href: str = "index.html"
    charts: tuple[Chart, ...] = ()

    @property
    def flow(self) -> Flow:
        """All published batches together, as the summary line has them: of a held one nothing is anywhere yet."""
        total = Flow()
        for batch in self.batches:
            if batch.state == "published":
                total = total.plus(batch.flow)
        return total

    @property
    def held_records(self) -> int:
        """Records read of batches that are held."""
        return sum(batch.flow.read for batch in self.held)

    @property
    def held(self) -> tuple[BatchReport, ...]:
        return tuple(batch for batch in self.batches if batch.state == "held")


@dataclass(frozen=True)
class IndexEntry:
    """A line of a dataset's index of runs.

    `flow` is that of the published among `batches`, `held` the count of the others. `href` leads to the run's page,
    `docs_href` to its Data Docs or is empty, both relative to the index.
    """

    run_id: str
    at: datetime | None
    outcome: str
    flow: Flow
    batches: int
    held: int
    href: str
    docs_href: str = ""
