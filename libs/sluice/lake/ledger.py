"""The ledger: an append-only Delta table of batch transitions, read in time that does not grow with the history.

The newest row tells which batches are open, the last publish sequence and how far listing has come; other rows are
found by file statistics. Small files are merged now and then, as an LSM tree does, so that they stay few.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from sluice.errors import LedgerError
from sluice.lake.commit import Check, append_rows, create_table, open_table
from sluice.lake.merge import merge_small
from sluice.lake.pruned import Within, files_newest_first, rows_within
from sluice.lake.transitions import SCHEMA, Transition, from_table, to_table

_INDEXED = ("number", "batch_id", "state", "last_hour", "contract_fingerprint", "spark_version")
_LARGE = ("sources", "actions", "contract_text", "suite_text")
# Versions between two checkpoints of the log, which is then also rid of what has expired: once a run, not per commit.
_CHECKPOINT_EVERY = 50
_DESCRIPTION = "sluice ledger: one row per batch transition; read it with Spark SQL, never write to it"


class Ledger:
    """A dataset's ledger for the run that holds the dataset's lease; `check` looks at the lease before each commit."""

    def __init__(self, uri: str, table: DeltaTable | None, check: Check) -> None:
        self._uri, self._table, self._check = uri, table, check
        self._tidied = table.version() if table is not None else 0
        self.last: Transition | None = self._newest()

    @staticmethod
    def open(uri: str, check: Check = lambda: None) -> Ledger:
        """The ledger at `uri` as it is now; nothing is written until the first transition."""
        return Ledger(uri, open_table(uri), check)

    @property
    def open_batches(self) -> tuple[str, ...]:
        """Batches that are not published, in the order they were planned."""
        return self.last.open_batches if self.last else ()

    def record(self, transition: Transition) -> Transition:
        """Commit `transition` as the next version; `number`, `at` and the open batches are filled in here.

        Raises CommitUnknownError where it did not land, LeaseLostError where another run has taken over.
        """
        if self._table is None:
            self._table = create_table(self._uri, SCHEMA, (), _DESCRIPTION, self._check)
        table = self._table
        row = replace(
            transition,
            number=table.version() + 1,
            at=datetime.now(UTC),
            open_batches=_open_after(self.open_batches, transition),
        )

        def landed(again: DeltaTable) -> bool:
            found = from_table(self._rows(again, number=(row.number, row.number)))
            return any((r.run_id, r.batch_id, r.attempt, r.state) == _identity(row) for r in found)

        self._table = append_rows(table, to_table([row]), self._check, landed)
        self.last = row
        return row

    def history(self, batch_id: str) -> list[Transition]:
        """All transitions of a batch, oldest first."""
        return [] if self._table is None else from_table(self._rows(self._table, batch_id=(batch_id, batch_id)))

    def closed(self, batches: int) -> list[Transition]:
        """The newest `batches` or so transitions that published or held a batch, oldest first, without the large."""
        if self._table is None or self.last is None:
            return []
        # A batch is three transitions, or more where it took several attempts.
        light = [name for name in SCHEMA.names if name not in _LARGE]
        within: Within = {"number": (self.last.number - 4 * batches, None)}
        rows = rows_within(self._table, self._uri, SCHEMA, "number", within, light)
        return from_table(rows.filter(pc.field("state").isin(["published", "held"])))[-batches:]

    def known_sources(self, from_hour: str = "") -> set[tuple[str, int, str]]:
        """(path, size, ETag) of every source object that a batch with arrival hours from `from_hour` on has planned."""
        if self._table is None:
            return set()
        rows = self._rows(self._table, state=("planned", "planned"), last_hour=(from_hour or None, None))
        column = rows.column("sources")
        flat = pa.chunked_array(
            [chunk.flatten() for chunk in column.chunks], type=SCHEMA.field("sources").type.value_type
        )
        paths, sizes, etags = (pc.struct_field(flat, name).to_pylist() for name in ("path", "size_bytes", "etag"))
        return set(zip(paths, sizes, etags, strict=True))

    def knows_contract(self, fingerprint: str, spark_version: str, before: int, suite: str | None = None) -> bool:
        """Whether a batch was published under this contract (and `suite`, by fingerprint) on this Spark.

        Their expressions were tried then.
        """
        if self._table is None:
            return False
        asked = {"contract_fingerprint": fingerprint, "spark_version": spark_version, "state": "published"}
        within: Within = {name: (value, value) for name, value in asked.items()} | {"number": (None, before - 1)}
        wanted = pc.field("number") < before
        for name, value in (asked | ({} if suite is None else {"suite_fingerprint": suite})).items():
            wanted &= pc.field(name) == value
        # The newest file that may hold one nearly always does.
        light = ["number", "suite_fingerprint", *asked]
        parts = files_newest_first(self._table, self._uri, SCHEMA, "number", within, light)
        return any(part.filter(wanted).num_rows for part in parts)

    def tidy(self) -> None:
        """Merge the small files once there are many; what people see does not change."""
        if self._table is None:
            return
        self._table = merge_small(self._table, self._uri, SCHEMA, "number", _INDEXED, self._check)
        version = self._table.version()
        if version // _CHECKPOINT_EVERY > self._tidied // _CHECKPOINT_EVERY:
            self._table.create_checkpoint()
            self._table.cleanup_metadata()
        self._tidied = version

    def _rows(self, table: DeltaTable, **within: tuple[Any, Any]) -> pa.Table:
        return rows_within(table, self._uri, SCHEMA, "number", within)

    def _newest(self) -> Transition | None:
        if self._table is None:
            return None
        files = pa.table(self._table.get_add_actions(flatten=True))
        if not files.num_rows:
            return None
        number = pc.max(files.column("max.number")).as_py()
        rows = from_table(self._rows(self._table, number=(number, number)))
        if len(rows) != 1:
            raise LedgerError(f"{self._uri}: expected one transition number {number}, found {len(rows)}")
        return rows[0]


def _identity(row: Transition) -> tuple[str, str, int, str]:
    return row.run_id, row.batch_id, row.attempt, row.state


def _open_after(before: Iterable[str], transition: Transition) -> tuple[str, ...]:
    rest = [batch for batch in before if batch != transition.batch_id]
    return tuple(sorted(rest if transition.state == "published" else [*rest, transition.batch_id]))
