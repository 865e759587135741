"""Raw rows -> rows in the shape of the contract, each with its fate: the pass in which all about a row is decided.

A record has one fate, the first that applies: malformed, filtered, contract, (suite,) duplicate. The first three are
decided here; duplicates need other rows and are found in what is staged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from sluice.contract.model import Column as ContractColumn
from sluice.contract.model import Contract
from sluice.curate.rules import Rule

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    Step = Callable[[DataFrame], DataFrame]

# The columns of a stage beside the contract's own; the first two are the curated table's too.
HASH, RESCUED = "_record_hash", "_rescued"
FATE, SOURCE, OFFSET, RECORD, REASONS, FAILS, ACCOUNT = (
    "fate", "_source", "_offset", "_record", "_reasons", "_fails", "_account",
)  # fmt: skip
FATES = CURATED, QUARANTINE, FILTERED, ACCOUNTS = "curated", "quarantine", "filtered", "account"


def shaped(contract: Contract) -> Step:
    """Raw reader rows -> contract columns, in order, beside the reader's own and `_has_<n>`: all sources were there."""

    def step(raw: DataFrame) -> DataFrame:
        rows = raw.withColumn("_filter", _first_filter(contract))
        for number, column in enumerate(contract.columns):
            # One select per column: sources are looked up before the column hides a raw field of its name.
            has = _all_present(column.sources).alias(f"_has_{number}")
            value = F.expr(column.expression or f"`{column.name}`").alias(column.name)
            others = [F.col(f"`{name}`") for name in rows.columns if name.lower() != column.name.lower()]
            rows = rows.select(*others, value, has)
        return rows

    return step


def contract_rules(contract: Contract) -> list[Rule]:
    """The rules that the contract itself sets on a row shaped by `shaped`."""
    rules = []
    for number, column in enumerate(contract.columns):
        value, has = F.col(f"`{column.name}`"), F.col(f"_has_{number}")
        if column.expression is not None and column.sources:
            message = f"no {column.type} can be made of what was received"
            rules.append(Rule("not_convertible", column.name, message, has & value.isNull()))
        if column.required:
            absent = value.isNull() & ~has if column.expression is not None and column.sources else value.isNull()
            message = "required, and not there or null"
            rules.append(Rule("missing_required", column.name, message, absent & ~_refused_already(contract, column)))
        if column.partition_position is not None and column.type == "string":
            rules.append(
                Rule("empty_partition_value", column.name, "an empty text cannot name a partition", value == "")
            )
    return rules


def decided(contract: Contract, rules: Sequence[Rule]) -> Step:
    """Shaped rows -> the rows of a stage: fate, contract columns, and what the refused ones are kept with."""

    def step(rows: DataFrame) -> DataFrame:
        failed = F.concat_ws(",", *(F.when(rule.fails, F.lit(rule.tag)) for rule in rules))
        # One cheap test decides for nearly every row; the text is made for the few that fail.
        any_failed = reduce(lambda a, b: a | b, (F.coalesce(rule.fails, F.lit(False)) for rule in rules), F.lit(False))
        # Of what is no record, the reader's reason says all there is to say.
        tagged = rows.withColumn(FAILS, F.when(~_no_record() & any_failed, failed)).withColumn(FATE, _fate())
        return tagged.select(*_staged_columns(contract))

    return step


def _no_record() -> Column:
    return F.col(REASONS).isNotNull() & F.col("_bad").isNull()


def _fate() -> Column:
    return (
        F.when(F.col(ACCOUNT).isNotNull(), ACCOUNTS)
        .when(_no_record(), QUARANTINE)
        .when(F.col("_filter").isNotNull(), FILTERED)
        .when(F.col(REASONS).isNotNull() | F.col(FAILS).isNotNull(), QUARANTINE)
        .otherwise(CURATED)
    )


def _staged_columns(contract: Contract) -> list[Column]:
    kept, refused = F.col(FATE) == CURATED, F.col(FATE) == QUARANTINE
    columns = [F.col(f"`{c.name}`") for c in contract.columns]
    # Where the first of a key is to be kept, "first" is told by the position; byte-equal records need none.
    placed = F.lit(True) if contract.key_columns else ~kept
    return [
        F.col(FATE),
        *columns,
        F.col("_hash").alias(HASH),
        F.col(RESCUED),
        F.when(placed, F.col(SOURCE)).alias(SOURCE),
        F.when(placed, F.col(OFFSET)).alias(OFFSET),
        F.when(refused, F.col(RECORD)).alias(RECORD),
        F.when(refused, F.col(REASONS)).alias(REASONS),
        F.when(refused, F.col(FAILS)).when(F.col(FATE) == FILTERED, F.col("_filter")).alias(FAILS),
        F.col(ACCOUNT),
    ]


def _first_filter(contract: Contract) -> Column:
    named = F.lit(None).cast("string")
    for kind in reversed(contract.filters):
        named = F.when(F.expr(kind.expression), F.lit(kind.kind)).otherwise(named)
    return named


def _all_present(sources: Sequence[str]) -> Column:
    return reduce(lambda a, b: a & b, (F.col(source).isNotNull() for source in sources), F.lit(True))


def _refused_already(contract: Contract, column: ContractColumn) -> Column:
    """Whether a raw field that `column` is made of was refused by the reader: then that is the reason, not absence."""
    bad = F.coalesce(F.col("_bad"), F.lit(""))
    tests = [bad.contains(f",{name},") for name in sorted(_raw_sources(contract, column))]
    return reduce(lambda a, b: a | b, tests, F.lit(False))


def _raw_sources(contract: Contract, column: ContractColumn) -> set[str]:
    """Names of the raw fields that `column` is made of, through earlier columns."""
    names: set[str] = set()
    earlier = {c.name.lower(): c for c in contract.columns[: contract.columns.index(column)]}
    for source in column.sources or (column.name,):
        root = source.split(".")[0].strip("`")
        if root.lower() in earlier:
            names |= _raw_sources(contract, earlier[root.lower()])
        else:
            names.add(root)
    return names
