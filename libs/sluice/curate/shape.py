"""Raw rows -> rows in the shape of the contract, each with its fate: where all about a row is decided.

A record has one fate, the first that applies: malformed, filtered, contract, suite, duplicate. All but the last are
decided here, in one pass; duplicates need other rows and are found in what is staged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from sluice.contract.model import Column as ContractColumn
from sluice.contract.model import Contract
from sluice.curate.rules import Asked, ContractRule, Rule, made_of_sources, rules_of
from sluice.curate.together import at_once

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    Step = Callable[[DataFrame], DataFrame]

# What a decided row has beside contract columns: its fate, tags of rules it failed (or the filter's kind), its place.
FATE, FAILS, FILE, ROW = "fate", "_fails", "_file", "_row"
# Bit masks of what the suite asked of a row and what the row failed, one pair per so many checks; NULL where a row did
# not come as far as the suite.
ASKED, FAILED = "_asked_", "_failed_"
WORD = 62
FATES = CURATED, QUARANTINE, FILTERED, ACCOUNTS = "curated", "quarantine", "filtered", "account"


def shaped(contract: Contract) -> Step:
    """Rows as `pipeline.carry` gives them -> contract columns, beside what tells a row's kind and place.

    `_has_<n>`: all sources of column n were there; `_filter`: the kind of the first filter that holds. A column without
    an expression that no rule looks at is not there: it goes past Spark.
    """

    def step(raw: DataFrame) -> DataFrame:
        rows = raw.withColumn("_filter", _first_filter(contract))
        there = {name.lower() for name in raw.columns}
        # About a column without an expression that is not there, nothing is decided here.
        made = [(n, c) for n, c in enumerate(contract.columns) if c.expression is not None or c.name.lower() in there]
        for run in at_once([(c.name, [c.expression or c.name, *c.sources]) for _, c in made]):
            # Sources are looked up before a column hides the raw field of its name.
            rows = rows.withColumns(dict(found for at in run for found in _made(*made[at])))
        return rows

    return step


def _made(number: int, column: ContractColumn) -> list[tuple[str, Column]]:
    value = F.expr(column.expression or f"`{column.name}`")
    return [(column.name, value), (f"_has_{number}", _all_present(column.sources))]


def contract_rules(contract: Contract) -> list[Rule]:
    """The rules that the contract itself sets on a row shaped by `shaped`."""
    return [Rule(rule.name, rule.column.name, rule.message, _fails(rule)) for rule in rules_of(contract)]


def _fails(rule: ContractRule) -> Column:
    value, has = F.col(f"`{rule.column.name}`"), F.col(f"_has_{rule.number}")
    if rule.name == "not_convertible":
        return has & value.isNull()
    if rule.name == "missing_required":
        absent = value.isNull() & ~has if made_of_sources(rule.column) else value.isNull()
        return absent & ~_refused_already(rule.blamed)
    return value == ""


def decided(contract: Contract, rules: Sequence[Rule], asked: Sequence[Asked] = ()) -> Step:
    """Shaped rows -> fate, columns made by expressions, tags of what failed, masks of `asked`, and the row's place.

    The tag of the n-th of `asked` is `#n`. Columns without an expression are not among them: they wait past Spark.
    """

    def step(rows: DataFrame) -> DataFrame:
        failed = F.concat_ws(",", *(F.when(rule.fails, F.lit(rule.tag)) for rule in rules))
        # One cheap test decides for nearly every row; the text is made for the few that fail.
        any_failed = reduce(lambda a, b: a | b, (F.coalesce(rule.fails, F.lit(False)) for rule in rules), F.lit(False))
        # Of what is no record, the reader's reason says all there is to say.
        tagged = rows.withColumn(FAILS, F.when(~F.col("_no_record") & any_failed, failed)).withColumn(FATE, _fate())
        return _suite_decides(tagged, asked).select(*_told(contract, rows.columns, words(asked)))

    return step


def words(asked: Sequence[Asked]) -> list[Sequence[Asked]]:
    """`asked` in portions that fit the bits of one column."""
    return [asked[start : start + WORD] for start in range(0, len(asked), WORD)]


def _suite_decides(rows: DataFrame, asked: Sequence[Asked]) -> DataFrame:
    """What comes as far as the suite is asked everything; who fails what refuses goes to quarantine."""
    if not asked:
        return rows
    clean, tests, tags = F.col(FATE) == CURATED, [], []
    for word, part in enumerate(words(asked)):
        rows = rows.withColumn(f"{ASKED}{word}", F.when(clean, _mask([one.applies for one in part])))
        rows = rows.withColumn(f"{FAILED}{word}", F.when(clean, _mask([one.fails for one in part])))
        failed, refusing = F.col(f"{FAILED}{word}"), [bit for bit, one in enumerate(part) if one.refuses]
        tests.append(failed.bitwiseAND(F.lit(sum(1 << bit for bit in refusing))) != 0)
        tags += [F.when(failed.bitwiseAND(F.lit(1 << bit)) != 0, f"#{word * WORD + bit}") for bit in refusing]
    refused = F.coalesce(reduce(lambda a, b: a | b, tests), F.lit(False))
    rows = rows.withColumn(FAILS, F.when(refused, F.concat_ws(",", *tags)).otherwise(F.col(FAILS)))
    return rows.withColumn(FATE, F.when(refused, QUARANTINE).otherwise(F.col(FATE)))


def _mask(tests: Sequence[Column]) -> Column:
    # Less code than CASE for the JVM to compile, which it does with no method of more than 8,000 bytes.
    told = [F.coalesce(test, F.lit(False)).cast("bigint") for test in tests]
    bits = [F.shiftleft(one, bit) if bit else one for bit, one in enumerate(told)]
    return reduce(lambda a, b: a.bitwiseOR(b), bits).cast("bigint")


def _fate() -> Column:
    return (
        F.when(F.col("_is_account"), ACCOUNTS)
        .when(F.col("_no_record"), QUARANTINE)
        .when(F.col("_filter").isNotNull(), FILTERED)
        .when(F.col("_bad").isNotNull() | F.col(FAILS).isNotNull(), QUARANTINE)
        .otherwise(CURATED)
    )


def _told(contract: Contract, there: Sequence[str], masks: Sequence[object]) -> list[Column]:
    named = F.when(F.col(FATE) == QUARANTINE, F.col(FAILS)).when(F.col(FATE) == FILTERED, F.col("_filter"))
    made = [F.col(f"`{c.name}`") for c in contract.columns if c.expression is not None and c.name in there]
    bits = [F.col(f"{kind}{word}") for word in range(len(masks)) for kind in (ASKED, FAILED)]
    return [F.col(FATE), *made, named.alias(FAILS), *bits, F.col(FILE), F.col(ROW)]


def _first_filter(contract: Contract) -> Column:
    named = F.lit(None).cast("string")
    for kind in reversed(contract.filters):
        named = F.when(F.expr(kind.expression), F.lit(kind.kind)).otherwise(named)
    return named


def _all_present(sources: Sequence[str]) -> Column:
    return reduce(lambda a, b: a & b, (F.col(source).isNotNull() for source in sources), F.lit(True))


def _refused_already(fields: Collection[str]) -> Column:
    """Whether the reader refused one of these raw fields: then that is the reason, not absence."""
    bad = F.coalesce(F.col("_bad"), F.lit(""))
    tests = [bad.contains(f",{name},") for name in sorted(fields)]
    return reduce(lambda a, b: a | b, tests, F.lit(False))
