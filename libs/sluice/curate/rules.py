"""What a row can fail: a rule's name, the column it looks at and the words for people.

`rules_of` says which rules a contract sets, without Spark: `shape` makes Columns of them, the delivery stream's
function Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sluice.contract.model import Column as ContractColumn
from sluice.contract.model import Contract

if TYPE_CHECKING:
    from pyspark.sql import Column

RuleName = Literal["not_convertible", "missing_required", "empty_partition_value"]


@dataclass(frozen=True)
class ContractRule:
    """What a contract asks of its column `number` (from 0 on), in words; see `rules_of` for when a row fails it.

    `blamed` are the raw fields that, refused by the reader, are the reason themselves.
    """

    name: RuleName
    number: int
    column: ContractColumn
    message: str
    blamed: frozenset[str] = frozenset()


def rules_of(contract: Contract) -> list[ContractRule]:
    """The rules in the order of their reasons.

    `not_convertible`: all sources of the column are there and its value is NULL. `missing_required`: its value is NULL,
    and where an expression makes it of sources, not all of them are there; none of `blamed` was refused by the reader.
    `empty_partition_value`: it is "".
    """
    rules: list[ContractRule] = []
    for number, column in enumerate(contract.columns):
        if made_of_sources(column):
            message = f"no {column.type} can be made of what was received"
            rules.append(ContractRule("not_convertible", number, column, message))
        if column.required:
            blamed = frozenset(_raw_sources(contract, column))
            message = "required, and not there or null"
            rules.append(ContractRule("missing_required", number, column, message, blamed))
        if column.partition_position is not None and column.type == "string":
            message = "an empty text cannot name a partition"
            rules.append(ContractRule("empty_partition_value", number, column, message))
    return rules


def made_of_sources(column: ContractColumn) -> bool:
    """Whether a NULL of this column may be told from the absence of what it is made of."""
    return column.expression is not None and bool(column.sources)


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


@dataclass(frozen=True)
class Rule:
    """A named predicate over a shaped row; the row fails where `fails` is true (NULL is not true)."""

    name: str
    column: str
    message: str
    fails: Column

    @property
    def tag(self) -> str:
        """What the staged row carries: the rule's name and column, one word."""
        return f"{self.name}|{self.column}"


@dataclass(frozen=True)
class Asked:
    """A row-level expectation over shaped rows: which rows it looks at, and which of them fail; neither is ever NULL.

    A row that fails where it `refuses` goes to quarantine; another is counted and kept.
    """

    applies: Column
    fails: Column
    refuses: bool
