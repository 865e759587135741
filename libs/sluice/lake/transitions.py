"""A batch's life as the ledger tells it: the states, one row per transition, and the table's schema.

::

    (listed) --plan--> planned --gate fails--> held
                        |  ^  \\
          point of no   |  |   `--a killed or spoilt attempt--> abandoned --plan again--> planned (attempt + 1)
          return        v  `----------- a listed file is gone -----------.
                     publishing ------------------------------------------+--> published

At most one batch is `publishing`. Every state but `published` is open: the next run takes the batch up again before it
lists anything new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

State = Literal["planned", "held", "publishing", "published", "abandoned"]


@dataclass(frozen=True)
class LedgerSource:
    """A source object of a batch: its identity, and once it was read, its account (-1: not read yet)."""

    path: str
    size_bytes: int
    etag: str
    modified_at: datetime
    records: int = -1
    refused: int = -1


@dataclass(frozen=True)
class Counts:
    """Where a batch's records went, in records; `replaced` are published rows that newer ones took the place of.

    `read` is counted by the reader, the others in the staged files: see `balanced`.
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
        """Records that have a fate."""
        return self.curated + self.quarantined + self.duplicates + self.superseded + self.filtered

    def plus(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Transition:
    """One row of the ledger; `number` is the table version that it was committed as, so it only grows.

    `open_batches`, `last_sequence`, `watermark` and `full_listing_at` describe the dataset after the transition, so
    that the newest row alone tells a run where it stands, however long the history is.
    """

    number: int
    at: datetime
    run_id: str
    fence: int
    batch_id: str
    attempt: int
    state: State
    open_batches: tuple[str, ...] = ()
    last_sequence: int = 0
    watermark: str = ""
    full_listing_at: datetime | None = None
    sequence: int = 0
    contract_version: str = ""
    contract_fingerprint: str = ""
    contract_text: str = ""
    suite_fingerprint: str = ""
    suite_text: str = ""
    code_version: str = ""
    spark_version: str = ""
    first_hour: str = ""
    last_hour: str = ""
    sources: tuple[LedgerSource, ...] = ()
    actions: str = ""
    counts: Counts = field(default_factory=Counts)
    reason: str = ""
    waived: tuple[str, ...] = ()
    released_by: str = ""
    release_reason: str = ""

    def next(self, **changes: Any) -> Transition:
        """The row after this one, with what a single transition carries cleared."""
        cleared = {"sources": (), "actions": "", "reason": "", "contract_text": "", "suite_text": ""}
        return replace(self, **{**cleared, **changes})


_SOURCE = pa.struct(
    [
        ("path", pa.string()),
        ("size_bytes", pa.int64()),
        ("etag", pa.string()),
        ("modified_at", pa.timestamp("us", "UTC")),
        ("records", pa.int64()),
        ("refused", pa.int64()),
    ]
)
_TYPES: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "str": pa.string(),
    "State": pa.string(),
    "datetime": pa.timestamp("us", "UTC"),
    "datetime | None": pa.timestamp("us", "UTC"),
    "tuple[str, ...]": pa.list_(pa.string()),
    "tuple[LedgerSource, ...]": pa.list_(_SOURCE),
    "Counts": pa.struct([(f.name, pa.int64()) for f in fields(Counts)]),
}
SCHEMA = pa.schema([(f.name, _TYPES[str(f.type)]) for f in fields(Transition)])


def to_table(rows: Sequence[Transition]) -> pa.Table:
    """Transitions -> one Arrow table of `SCHEMA`."""
    return pa.Table.from_pylist([_plain(row) for row in rows], schema=SCHEMA)


def _plain(row: Transition) -> dict[str, Any]:
    values = {f.name: getattr(row, f.name) for f in fields(row)}
    values["open_batches"], values["waived"] = list(row.open_batches), list(row.waived)
    values["sources"] = [vars(source) for source in row.sources]
    values["counts"] = vars(row.counts)
    return values


def from_table(table: pa.Table) -> list[Transition]:
    """An Arrow table of `SCHEMA` -> transitions in the order of their numbers."""
    rows = []
    for values in table.to_pylist():
        values["open_batches"], values["waived"] = tuple(values["open_batches"] or ()), tuple(values["waived"] or ())
        values["sources"] = tuple(LedgerSource(**source) for source in values["sources"] or ())
        values["counts"] = Counts(**values["counts"])
        rows.append(Transition(**values))
    return sorted(rows, key=lambda row: row.number)
