"""One batch from planned to published.

::

    planned --stage, account, find duplicates, mend--> publishing --publish both tables--> published, swept
       `-- a source object changed while it was read: abandoned, planned again with what is there now
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sluice.contract.model import Contract
from sluice.curate.probe import probe_expressions
from sluice.curate.shape import contract_rules, decided, shaped
from sluice.errors import AccountingError, SourceChanged
from sluice.lake.commit import DataFile
from sluice.lake.duplicates import Duplicates, files_that_may_match, find_duplicates, spoilt_published
from sluice.lake.mend import Group, file_name, mend, plan_groups
from sluice.lake.places import attempt_folder
from sluice.lake.publish import Actions, TableActions, live_files, missing_files, publish
from sluice.lake.quarantine import QUARANTINE_INDEXED, take_back, was_taken_back
from sluice.lake.stage import Stage, StagePlan, not_null_in, partition_folders, records_in, sweep, write_stage
from sluice.lake.tables import HASH, RESCUED, ensure_tables
from sluice.lake.transitions import Counts, LedgerSource, Transition
from sluice.pipeline.carry import leaving, rejoined, told_schema
from sluice.pipeline.context import Context, from_ledger
from sluice.pipeline.planning import AS_RECORDED, contract_of, plan_again
from sluice.raw.listing import task_groups
from sluice.raw.reader import make_reader
from sluice.runtime.storage import join

_ATTEMPTS = 3
# A task's first rows, among which are most of the copies it shares with the task before; for tasks of some size.
_HEAD_ROWS = 64_000
_WORTH_A_HEAD_BYTES = 24 << 20
# Keys compared by one task: 16 bytes each and their bookkeeping.
_KEYS_A_TASK = 2_000_000


@dataclass(frozen=True)
class Staged:
    """A batch ready to be published."""

    actions: Actions
    counts: Counts
    sources: tuple[LedgerSource, ...]


def run_batch(context: Context, planned: Transition, contract: Contract) -> Transition:
    """Stage a planned batch and publish it; returns its `published` row. The upstream runs once per attempt."""
    if not context.ledger.knows_contract(contract.fingerprint, context.spark_version, planned.number):
        context.progress.at("probe", "trying the contract's expressions on extreme values")
        probe_expressions(context.session(), contract)
    ensure_tables(context.places, contract, context.check)
    for _ in range(_ATTEMPTS):
        staged = stage_batch(context, planned, contract)
        if staged is not None:
            return pass_point_of_no_return(context, planned, staged)
        abandon(context, planned, "a source object changed while it was read")
        planned = plan_again(context, planned, contract)
    raise SourceChanged(
        f"{context.places.landing}: source objects of batch {planned.batch_id} changed while they were read, "
        f"{_ATTEMPTS} times over; nothing was published, run again when their writer has finished"
    )


def stage_batch(context: Context, planned: Transition, contract: Contract) -> Staged | None:
    """Read, decide and write a batch's rows once, then account for them; None where a source object has changed."""
    places, options = context.places, context.options
    folder = attempt_folder(planned.batch_id, planned.attempt)
    sources = from_ledger(planned.sources)
    size = sum(source.size_bytes for source in sources)
    context.progress.at("stage", f"batch {planned.batch_id}: {len(sources)} source objects, {size:,} bytes")
    spark = context.session()
    rules = contract_rules(contract)
    groups = task_groups(sources, spark.sparkContext.defaultParallelism, options.target_file_bytes)
    partitions = contract.partition_columns
    keyed = ("_source", "_offset") if contract.key_columns and contract.keep == "first" else ()
    names = tuple(column.name for column in contract.columns)
    plan = StagePlan(
        curated_uri=places.curated,
        quarantine_uri=places.quarantine,
        folder=folder,
        batch_id=planned.batch_id,
        partitions=partitions,
        columns=(*(name for name in names if name not in partitions), HASH, RESCUED, *keyed),
        indexed=(*(name for name in names if name not in partitions), RESCUED),
        target_bytes=options.target_file_bytes,
        byte_equal=not contract.key_columns,
        head_rows=_HEAD_ROWS if size // len(groups) > _WORTH_A_HEAD_BYTES else 0,
        messages={rule.tag: (rule.name, rule.column, rule.message) for rule in rules},
    )
    reader = leaving(make_reader(contract, groups, places.raw), contract)
    raw = spark.range(0, len(groups), 1, len(groups)).mapInArrow(reader, told_schema(contract))
    rows = raw.transform(shaped(contract)).transform(decided(contract, rules))
    stage = write_stage(rows, plan, rejoined(contract))
    context.progress.at("account")
    if any(account["changed"] for account in stage.accounts):
        return None
    counts = account_for(planned, stage)
    return settle(context, planned, contract, plan, stage, counts)


def account_for(planned: Transition, stage: Stage) -> Counts:
    """The counts of a stage; AccountingError unless every source object has one account and every record one place."""
    accounted = sorted(account["source"] for account in stage.accounts)
    if accounted != sorted(source.path for source in planned.sources):
        raise AccountingError(
            f"batch {planned.batch_id}: expected an account of each of {len(planned.sources)} source objects, "
            f"found {len(accounted)}; nothing was published"
        )
    counts = Counts(
        read=sum(account["records"] for account in stage.accounts),
        curated=records_in(stage.curated),
        quarantined=records_in(stage.quarantine),
        filtered=sum(stage.filtered.values()),
        duplicates=stage.duplicates,
    )
    balanced(planned, counts)
    return counts


def balanced(planned: Transition, counts: Counts) -> None:
    """Raise AccountingError unless the records read are the records placed."""
    if counts.read != counts.placed:
        raise AccountingError(
            f"batch {planned.batch_id}: {counts.read} records were read and {counts.placed} placed ({counts}); "
            "nothing was published, the next run stages it anew"
        )


def settle(
    context: Context, planned: Transition, contract: Contract, plan: StagePlan, stage: Stage, counts: Counts
) -> Staged:
    """Take duplicates out of the staged files, join small ones, and say exactly what is to be published."""
    context.progress.at("duplicates")
    spark = context.session()
    touched = [dict(file.partition_values) for file in stage.curated]
    published = live_files(plan.curated_uri, touched) if stage.curated else []
    published = files_that_may_match(contract, stage.curated, published)
    here = plan.curated_uri
    rows = counts.curated + records_in(published)
    spark.conf.set("spark.sql.shuffle.partitions", max(spark.sparkContext.defaultParallelism, rows // _KEYS_A_TASK))
    found = find_duplicates(spark, contract, (here, stage.curated), (here, published))
    curated, removes = _mended(context, plan, stage, found, published)
    quarantine = _joined(context, plan, stage.quarantine)
    counts = replace(
        counts,
        curated=counts.curated - found.duplicates - found.superseded,
        duplicates=counts.duplicates + found.duplicates,
        superseded=found.superseded,
        replaced=found.replaced,
        rescued=not_null_in(curated, RESCUED) - not_null_in(removes, RESCUED),
    )
    balanced(planned, counts)
    if records_in(curated) - records_in(removes) != counts.curated - counts.replaced or (
        records_in(quarantine) != counts.quarantined
    ):
        raise AccountingError(
            f"batch {planned.batch_id}: rewritten files do not hold the rows that were to stay; nothing was published"
        )
    actions = Actions(TableActions(tuple(quarantine)), TableActions(tuple(curated), tuple(removes)))
    by_path = {account["source"]: account for account in stage.accounts}
    sources = tuple(
        replace(s, records=by_path[s.path]["records"], refused=by_path[s.path]["refused"]) for s in planned.sources
    )
    return Staged(actions, counts, sources)


def _mended(
    context: Context, plan: StagePlan, stage: Stage, found: Duplicates, published: list[DataFile]
) -> tuple[list[DataFile], list[DataFile]]:
    """The curated files to name and to un-name."""
    spoilt = set(found.spoilt)
    groups = plan_groups(plan.curated_uri, stage.curated, spoilt, plan.indexed, plan.target_bytes)
    removes = spoilt_published(found, published)
    again = [_replacement(plan, file) for file in removes]
    size = sum(file.size_bytes for group in (*groups, *again) for file in group.files)
    context.progress.at("mend", f"{size:,} of {sum(file.size_bytes for file in stage.curated):,} staged bytes")
    written = mend(context.session(), [*groups, *again], found.drops)
    gone = {file_name(file.path) for group in groups for file in group.files}
    kept = [file for file in stage.curated if file_name(file.path) not in gone]
    return [*kept, *(file for files in written for file in files)], removes


def _replacement(plan: StagePlan, file: DataFile) -> Group:
    """A published file, to be written again in this attempt's folder."""
    folder = join(plan.folder, *partition_folders(file.partition_values))
    return Group(plan.curated_uri, folder, (file,), plan.indexed, plan.target_bytes)


def _joined(context: Context, plan: StagePlan, files: list[DataFile]) -> list[DataFile]:
    groups = plan_groups(plan.quarantine_uri, files, set(), QUARANTINE_INDEXED, plan.target_bytes)
    gone = {file.path for group in groups for file in group.files}
    kept = [file for file in files if file.path not in gone]
    return [*kept, *(file for written in mend(context.session(), groups, {}) for file in written)]


def pass_point_of_no_return(context: Context, planned: Transition, staged: Staged) -> Transition:
    """Commit `publishing`; from here on the batch is only ever finished."""
    context.progress.at("point of no return")
    row = context.transition(planned)
    sequence = row.last_sequence + 1
    publishing = context.ledger.record(
        replace(
            row,
            state="publishing",
            sequence=sequence,
            last_sequence=sequence,
            actions=staged.actions.to_json(),
            counts=staged.counts,
            sources=staged.sources,
        )
    )
    return finish(context, publishing)


def finish(context: Context, publishing: Transition) -> Transition:
    """Publish what a `publishing` row lists and close the batch; safe to repeat from any point."""
    places, sequence = context.places, publishing.sequence
    actions = Actions.from_json(publishing.actions)
    context.progress.at("publish", f"batch {publishing.batch_id}")
    missing = missing_files(places, actions, sequence)
    if missing or was_taken_back(places.quarantine, sequence):
        return start_over(context, publishing, missing)
    metadata: dict[str, Any] = {
        "sluice.run": publishing.run_id,
        "sluice.batch": publishing.batch_id,
        "sluice.contract": publishing.contract_version,
        "sluice.code": publishing.code_version,
    }
    publish(places, actions, sequence, metadata, context.check, context.progress.at)
    context.progress.at("close", f"batch {publishing.batch_id}")
    row = replace(context.transition(publishing), state="published", sequence=sequence, sources=publishing.sources)
    closed = context.ledger.record(row)
    context.progress.at("sweep")
    folder = attempt_folder(publishing.batch_id, publishing.attempt)
    sweep(places.curated, folder, {file.path for file in actions.curated.adds})
    sweep(places.quarantine, folder, {file.path for file in actions.quarantine.adds})
    context.ledger.tidy()
    return closed


def start_over(context: Context, publishing: Transition, missing: list[str]) -> Transition:
    """Files of a batch that was being published are gone: take back what was, and stage it anew as it was planned."""
    context.progress.tell(f"{len(missing)} staged files are gone (VACUUM?): {', '.join(missing[:1])}; staging anew")
    take_back(context.places.quarantine, publishing.batch_id, publishing.sequence, context.check)
    planned = next(t for t in reversed(context.ledger.history(publishing.batch_id)) if t.state == "planned")
    abandon(context, planned, AS_RECORDED)
    contract = contract_of(planned)
    return run_batch(context, plan_again(context, planned, contract, AS_RECORDED), contract)


def abandon(context: Context, planned: Transition, reason: str) -> None:
    """Say that an attempt will never be published, then delete its files."""
    row = context.transition(planned)
    context.ledger.record(replace(row, state="abandoned", sources=planned.sources, reason=reason))
    folder = attempt_folder(planned.batch_id, planned.attempt)
    sweep(context.places.curated, folder, set())
    sweep(context.places.quarantine, folder, set())
