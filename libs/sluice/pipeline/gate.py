"""The suite at work in one batch: what it asks of rows, and what it says of the batch before anything is published.

`quality` knows Great Expectations, `curate` decides rows, `lake` keeps files and past checks; here one is handed to the
other. Without a suite there is no gate, and Great Expectations is never imported.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluice.curate.rules import Asked
from sluice.errors import AccountingError
from sluice.lake.checks import CheckRow, recent_checks
from sluice.lake.rows import staged_rows
from sluice.lake.stage import Stage, nulls_in, records_in
from sluice.lake.tables import HASH
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.terms import Terms
from sluice.quality.model import Check, Result
from sluice.raw.listing import arrival_hour, failed_step

if TYPE_CHECKING:
    from sluice.lake.commit import DataFile
    from sluice.pipeline.context import Context
    from sluice.quality.compare import Comparison
    from sluice.quality.history import HistoryCheck
    from sluice.quality.predicates import RowCheck


@dataclass(frozen=True)
class Gate:
    """A suite made ready for one batch: every check is known to run before the first record is read."""

    terms: Terms
    parameters: Mapping[str, Any]
    rows: tuple[RowCheck, ...]
    whole: tuple[Check, ...]
    history: tuple[HistoryCheck, ...]
    compare: tuple[Comparison, ...] = ()

    @property
    def asked(self) -> list[Asked]:
        """What every row that the contract accepts is asked."""
        return [Asked(one.applies, one.fails, one.check.severity == "critical") for one in self.rows]

    @property
    def messages(self) -> dict[str, tuple[str, str, str]]:
        """The reason (rule, column, message) by the tag of a row that fails."""
        checks = [one.check for one in self.rows]
        return {f"#{number}": (check.name, check.column, check.message) for number, check in enumerate(checks)}

    @property
    def columns(self) -> frozenset[str]:
        """Curated columns that rows are asked about."""
        return frozenset().union(*(one.columns for one in self.rows))


@dataclass
class Gates:
    """Makes gates, and begins to import what they need before it is needed, since that takes seconds."""

    _last: Gate | None = None
    _known: set[tuple[str, str]] = field(default_factory=set)

    def warm_up(self, terms: Terms) -> None:
        """Import Great Expectations beside whatever the run does next."""
        if terms.suite is not None:
            from sluice.quality.expectations import great_expectations

            threading.Thread(target=great_expectations, name="import", daemon=True).start()

    def open(self, context: Context, terms: Terms, sources: Sequence[Any]) -> Gate | None:
        """The gate of a batch of these source objects; None without a suite.

        Raises SuiteError with all problems where a check does not fit the contract or could not run.
        """
        if terms.suite is None:
            return None
        parameters = suite_parameters(sources)
        if self._last is not None and (self._last.terms, self._last.parameters) == (terms, parameters):
            return self._last
        context.progress.at("suite")
        self._last = self._made(context, terms, parameters)
        return self._last

    def _made(self, context: Context, terms: Terms, parameters: Mapping[str, Any]) -> Gate:
        from sluice.quality.compare import comparisons
        from sluice.quality.gate import probe_gate
        from sluice.quality.history import history_checks
        from sluice.quality.predicates import row_checks
        from sluice.quality.probe import probe
        from sluice.quality.suite import classify

        contract, suite, spark = terms.contract, terms.suite, context.session()
        assert suite is not None
        whole = tuple(check for check in classify(suite, contract) if check.kind == "gate")
        history, compare = tuple(history_checks(suite, contract)), tuple(comparisons(suite, contract))
        rows = row_checks(spark, contract, suite, parameters)
        key = (contract.fingerprint, suite.fingerprint)
        if key not in self._known:
            number = context.ledger.last.number + 1 if context.ledger.last else 0
            if not context.ledger.knows_contract(key[0], context.spark_version, number, key[1]):
                probe(spark, contract, rows, suite.path)
                probe_gate(spark, contract, suite, whole, parameters)
            self._known.add(key)
        return Gate(terms, parameters, rows, whole, history, compare)


def suite_parameters(sources: Sequence[Any]) -> dict[str, Any]:
    """What a suite may name as `$PARAMETER`: the arrival hours of the batch, whole, and the day of the run (UTC).

    Where a source object is in no hour's folder, the time of its last change stands for its arrival. Nothing of
    Firehose's error objects comes as far as the suite, so they count only where there is nothing else.
    """
    bounds: list[tuple[datetime, datetime]] = []
    for source in [source for source in sources if not failed_step(source.path)] or sources:
        hour = arrival_hour(source.path)
        if hour:
            start = datetime.strptime(hour, "%Y/%m/%d/%H").replace(tzinfo=UTC)
            bounds.append((start, start + timedelta(hours=1)))
        else:
            bounds.append((source.modified_at, source.modified_at))
    return {
        "batch_arrival_min": min(first for first, _ in bounds),
        "batch_arrival_max": max(last for _, last in bounds),
        "run_date": datetime.now(UTC).date(),
    }


def judged(
    context: Context, gate: Gate | None, stage: Stage, counts: Counts, fresh: Sequence[DataFile], terms: Terms
) -> list[Result]:
    """What every check found in a batch that is staged and has lost its duplicates; `fresh` are its curated files.

    Values of classified columns are masked. Raises AccountingError where rows refused and rows failed differ.
    """
    from sluice.quality.results import contract_results, filtered_results

    by_suite = {reason[:2] for reason in gate.messages.values()} if gate else set()
    by_contract = Counter({key: count for key, count in stage.reasons.items() if key not in by_suite})
    results = contract_results(by_contract, counts.read) + filtered_results(stage.filtered, counts.read)
    if gate is None:
        return results
    from sluice.quality.masking import masked_results
    from sluice.quality.results import row_results

    context.progress.at("gate")
    asked = [stage.asked[number] for number in range(len(gate.rows))]
    failed = [stage.failed[number] for number in range(len(gate.rows))]
    _agree(gate, stage, failed)
    results += row_results([one.check for one in gate.rows], asked, failed)
    results += _whole(context, gate, fresh)
    results += _history(context, gate, counts, fresh)
    results += _comparisons(context, gate, fresh)
    return masked_results(results, terms.contract)


def judged_whole(
    context: Context,
    gate: Gate | None,
    asked: Sequence[int],
    failed: Sequence[int],
    counts: Counts,
    fresh: Sequence[DataFile],
) -> list[Result]:
    """What every check of the suite found in staged rows none of which can be refused: they belong to one whole.

    `asked` and `failed` count rows by the row-level checks; a critical one that rows fail holds the batch.
    """
    if gate is None:
        return []
    from sluice.quality.masking import masked_results
    from sluice.quality.results import row_results

    context.progress.at("gate")
    found = row_results([one.check for one in gate.rows], asked, failed)
    results = [replace(result, check=replace(result.check, kind="gate")) for result in found]
    results += _whole(context, gate, fresh)
    results += _history(context, gate, counts, fresh)
    return masked_results(results, gate.terms.contract)


def _agree(gate: Gate, stage: Stage, failed: Sequence[int]) -> None:
    for one, rows in zip(gate.rows, failed, strict=True):
        refused = stage.reasons[one.check.name, one.check.column]
        if one.check.severity == "critical" and rows != refused:
            raise AccountingError(
                f"check {one.check.name}: {rows} rows failed it and {refused} are in quarantine for it; "
                "nothing was published, the next run stages the batch anew"
            )


def _whole(context: Context, gate: Gate, fresh: Sequence[DataFile]) -> list[Result]:
    from sluice.quality.gate import gate_columns, validate

    count = records_in(fresh)
    if not count or not gate.whole:
        return []
    contract, suite, spark = gate.terms.contract, gate.terms.suite, context.session()
    assert suite is not None
    columns = gate_columns(suite, contract)
    rows = staged_rows(spark, contract, context.places.curated, fresh, columns)
    unique = contract.key_columns or (HASH,)
    return validate(spark, contract, suite, gate.whole, gate.parameters, rows, count, tuple(unique))


def _history(context: Context, gate: Gate, counts: Counts, fresh: Sequence[DataFile]) -> list[Result]:
    from sluice.quality.history import history_results, profile

    if not gate.history:
        return []
    contract, rows = gate.terms.contract, records_in(fresh)
    # Columns of a partition are in no file, and nested ones have no count of their own.
    plain = [c.name for c in contract.columns if c.name not in contract.partition_columns and "<" not in c.type]
    nulls = {name: nulls_in(fresh, name) for name in plain} if fresh else {}
    now = profile(gate.history, counts.read, counts.quarantined, rows, nulls)
    past: dict[str, list[float]] = {check.name: [] for check in gate.history}
    wanted = max(check.batches for check in gate.history)
    for row in recent_checks(context.places.checks, wanted, state="published"):
        if row.name in past and row.observed_value is not None:
            past[row.name].append(row.observed_value)
    return history_results(gate.history, now, past, rows)


def _comparisons(context: Context, gate: Gate, fresh: Sequence[DataFile]) -> list[Result]:
    if not gate.compare or not fresh:
        return []
    from sluice.pipeline.comparison import compared
    from sluice.quality.compare import comparison_results

    context.progress.at("compare")
    spark, contract = context.session(), gate.terms.contract
    found = [(asked, compared(spark, contract, context.places, fresh, asked)) for asked in gate.compare]
    return [result for asked, one in found for result in comparison_results(asked, one)]


def check_rows(
    planned: Transition, run_id: str, results: Sequence[Result], state: str, sequence: int
) -> list[CheckRow]:
    """Results as the table of checks keeps them."""
    now = datetime.now(UTC)
    return [
        CheckRow(
            dataset=planned.sources[0].path.split("/")[0] if planned.sources else "",
            batch_id=planned.batch_id,
            attempt=planned.attempt,
            sequence=sequence,
            state=state,
            run_id=run_id,
            checked_at=now,
            **{f.name: getattr(result.check, f.name) for f in fields(Check)},
            **{name: value for name, value in vars(result).items() if name != "check"},
            outcome=result.outcome(planned.waived),
            suite_fingerprint=planned.suite_fingerprint,
        )
        for result in results
    ]
