"""One batch from planned to published, or to held.

::

    planned --stage, account, find duplicates, mend, gate--> publishing --publish all tables--> published, swept
       |                                              `----> held: its checks are published, nothing else
       |-- a source object changed while it was read: abandoned, planned again with what is there now
       `-- fields came that become columns (`pipeline.evolution`): abandoned, planned again with them
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from sluice.contract.model import Contract
from sluice.curate.probe import probe_expressions
from sluice.curate.shape import contract_rules, decided, shaped
from sluice.enrich.batches import enriching
from sluice.errors import AccountingError, SourceChanged
from sluice.lake.commit import DataFile
from sluice.lake.duplicates import Duplicates, files_that_may_match, find_duplicates, spoilt_published
from sluice.lake.mend import Group, file_name, mend, plan_groups
from sluice.lake.places import attempt_folder
from sluice.lake.publish import Actions, TableActions, live_files
from sluice.lake.quarantine import QUARANTINE_INDEXED, take_back
from sluice.lake.stage import Stage, StagePlan, not_null_in, partition_folders, records_in, write_stage
from sluice.lake.tables import HASH, RESCUED, ensure_tables
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.carry import leaving, rejoined, told_schema
from sluice.pipeline.closing import Staged, abandon, finish, hold, pass_point_of_no_return
from sluice.pipeline.context import Context, from_ledger
from sluice.pipeline.gate import judged
from sluice.pipeline.planning import AS_RECORDED, plan_again
from sluice.pipeline.terms import Terms, terms_of
from sluice.pipeline.typed import reading, typed
from sluice.raw.listing import task_groups
from sluice.raw.reader import make_reader
from sluice.runtime.storage import join

_ATTEMPTS = 3
_CHANGED = "a source object changed while it was read"
# A task's first rows, among which are most of the copies it shares with the task before; for tasks of some size.
_HEAD_ROWS = 64_000
_WORTH_A_HEAD_BYTES = 24 << 20
# Keys compared by one task: 16 bytes each and their bookkeeping.
_KEYS_A_TASK = 2_000_000


def run_batch(context: Context, planned: Transition, terms: Terms) -> Transition:
    """Stage a planned batch, then publish or hold it; returns its last row. The upstream runs once per attempt."""
    contract = terms.contract
    if not context.ledger.knows_contract(contract.fingerprint, context.spark_version, planned.number):
        context.progress.at("probe", "trying the contract's expressions on extreme values")
        probe_expressions(context.session(), contract)
    ensure_tables(context.places, contract, context.check, recorded=planned.reason == AS_RECORDED)
    changed = 0
    while changed < _ATTEMPTS:
        staged = stage_batch(context, planned, terms)
        if isinstance(staged, Staged):
            if any(result.outcome(planned.waived) == "held" for result in staged.results):
                return hold(context, planned, staged)
            return finish_or_start_over(context, pass_point_of_no_return(context, planned, staged))
        abandon(context, planned, staged)
        changed += staged == _CHANGED
        recorded = planned.reason == AS_RECORDED
        terms = terms if recorded else context.terms
        planned = plan_again(context, planned, terms, AS_RECORDED if recorded else "")
        ensure_tables(context.places, terms.contract, context.check, recorded)
    raise SourceChanged(
        f"{context.places.landing}: source objects of batch {planned.batch_id} changed while they were read, "
        f"{_ATTEMPTS} times over; nothing was published, run again when their writer has finished"
    )


def stage_batch(context: Context, planned: Transition, terms: Terms) -> Staged | str:
    """Read, decide and write a batch's rows once, then account for them; else why it has to be done again."""
    places, options, contract = context.places, context.options, terms.contract
    gate = context.gates.open(context, terms, planned.sources)
    asked, messages, looked_at = (gate.asked, gate.messages, gate.columns) if gate else ([], {}, frozenset[str]())
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
        messages=messages | {rule.tag: (rule.name, rule.column, rule.message) for rule in rules},
    )
    reader = typed(make_reader(reading(contract), groups, places.raw), contract)
    reader = leaving(enriching(reader, contract.enrich), contract, looked_at)
    raw = spark.range(0, len(groups), 1, len(groups)).mapInArrow(reader, told_schema(contract, looked_at))
    rows = raw.transform(shaped(contract)).transform(decided(contract, rules, asked))
    stage = write_stage(rows, plan, rejoined(contract))
    context.progress.at("account")
    if any(account["changed"] for account in stage.accounts):
        return _CHANGED
    counts = account_for(planned, stage)
    if contract.unknown_fields == "evolve" and planned.reason != AS_RECORDED and _evolves(context, planned, stage):
        return "fields came that are columns from now on"
    staged, fresh = settle(context, planned, contract, plan, stage, counts)
    return replace(staged, results=tuple(judged(context, gate, stage, staged.counts, fresh, terms)))


def _evolves(context: Context, planned: Transition, stage: Stage) -> bool:
    context.progress.at("evolve")
    return context.evolution.look(context.session, context.places.curated, planned.batch_id, stage, context.check)


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
) -> tuple[Staged, list[DataFile]]:
    """Take duplicates out of the staged files, join small ones, and say exactly what is to be published.

    Also the files of what is new: `keep: newest` writes published files again, and their rows were checked before.
    """
    context.progress.at("duplicates")
    spark = context.session()
    touched = [dict(file.partition_values) for file in stage.curated]
    published = live_files(plan.curated_uri, touched) if stage.curated else []
    published = files_that_may_match(contract, stage.curated, published)
    here = plan.curated_uri
    rows = counts.curated + records_in(published)
    spark.conf.set("spark.sql.shuffle.partitions", max(spark.sparkContext.defaultParallelism, rows // _KEYS_A_TASK))
    found = find_duplicates(spark, contract, (here, stage.curated), (here, published))
    curated, again, removes = _mended(context, plan, stage, found, published)
    fresh, curated = curated, [*curated, *again]
    quarantine = _joined(context, plan, stage.quarantine)
    counts = replace(
        counts,
        curated=counts.curated - found.duplicates - found.superseded,
        duplicates=counts.duplicates + found.duplicates,
        superseded=found.superseded,
        replaced=found.replaced,
        rescued=not_null_in(curated, RESCUED) - not_null_in(removes, RESCUED, here),
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
    return Staged(actions, counts, sources, ()), fresh


def _mended(
    context: Context, plan: StagePlan, stage: Stage, found: Duplicates, published: list[DataFile]
) -> tuple[list[DataFile], list[DataFile], list[DataFile]]:
    """The curated files to name: the batch's, and published ones written again; and those to un-name."""
    spoilt = set(found.spoilt)
    groups = plan_groups(plan.curated_uri, stage.curated, spoilt, plan.indexed, plan.target_bytes)
    removes = spoilt_published(found, published)
    again = [_replacement(plan, file) for file in removes]
    size = sum(file.size_bytes for group in (*groups, *again) for file in group.files)
    context.progress.at("mend", f"{size:,} of {sum(file.size_bytes for file in stage.curated):,} staged bytes")
    written = mend(context.session(), [*groups, *again], found.drops)
    gone = {file_name(file.path) for group in groups for file in group.files}
    kept = [file for file in stage.curated if file_name(file.path) not in gone]
    fresh, rewritten = written[: len(groups)], written[len(groups) :]
    return [*kept, *chain.from_iterable(fresh)], list(chain.from_iterable(rewritten)), removes


def _replacement(plan: StagePlan, file: DataFile) -> Group:
    """A published file, to be written again in this attempt's folder."""
    folder = join(plan.folder, *partition_folders(file.partition_values))
    return Group(plan.curated_uri, folder, (file,), plan.indexed, plan.target_bytes)


def _joined(context: Context, plan: StagePlan, files: list[DataFile]) -> list[DataFile]:
    groups = plan_groups(plan.quarantine_uri, files, set(), QUARANTINE_INDEXED, plan.target_bytes)
    gone = {file.path for group in groups for file in group.files}
    kept = [file for file in files if file.path not in gone]
    return [*kept, *(file for written in mend(context.session(), groups, {}) for file in written)]


def finish_or_start_over(context: Context, publishing: Transition) -> Transition:
    """Finish a batch that has passed the point of no return; where its files are gone, stage it anew as it was planned.

    Then what was published of it is taken back first.
    """
    closed = finish(context, publishing)
    if closed is not None:
        return closed
    take_back(context.places.quarantine, publishing.batch_id, publishing.sequence, context.check)
    planned = next(t for t in reversed(context.ledger.history(publishing.batch_id)) if t.state == "planned")
    abandon(context, planned, AS_RECORDED)
    terms = terms_of(planned)
    return run_batch(context, plan_again(context, planned, terms, AS_RECORDED), terms)
