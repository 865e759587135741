"""What a row can fail: a rule's name, the column it looks at and the words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


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
