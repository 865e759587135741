"""Publishing by reference: what a ledger row says is to be named, is named in both tables, once.

::

    ledger `publishing` (sequence n, exact actions)  <- the point of no return
        every listed file is there, in its size?  no -> MissingFiles: take back what was published of it, plan again
        quarantine table:  transaction (sluice, n)? no -> commit its adds
        curated table:     transaction (sluice, n)? no -> commit its adds and removes
    ledger `published`

Replaying is safe at every point: a commit that is there is not repeated, and one that another run made first makes
ours fail, after which the table is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import LedgerError
from sluice.lake.commit import Check, DataFile, append_files, open_table
from sluice.lake.places import Places, partition_text
from sluice.runtime.storage import join, storage_for

APPLICATION = "sluice"


@dataclass(frozen=True)
class TableActions:
    """What one commit names and un-names."""

    adds: tuple[DataFile, ...] = ()
    removes: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class Actions:
    """The exact actions of one batch, as the ledger keeps them; `checks` are rows of the table of checks, as JSON."""

    quarantine: TableActions = TableActions()
    curated: TableActions = TableActions()
    checks: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> str:
        tables = {
            table: {kind: [vars(file) for file in files] for kind, files in vars(actions).items()}
            for table, actions in (("quarantine", self.quarantine), ("curated", self.curated))
        }
        return json.dumps({**tables, "checks": self.checks}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Actions:
        found = json.loads(text)
        checks = tuple(found.pop("checks", ()))
        tables = {
            table: TableActions(**{kind: tuple(DataFile(**file) for file in files) for kind, files in kinds.items()})
            for table, kinds in found.items()
        }
        return Actions(**tables, checks=checks)


def missing_files(places: Places, actions: Actions, sequence: int) -> list[str]:
    """Files to be named that are not there, or not in their size, and files to be un-named that no longer are named.

    A table that has the batch's transaction is done: what OPTIMIZE and VACUUM did to its files since is its own affair.
    """
    missing = []
    for uri, table in _tables(places, actions):
        if table.adds and not _has(uri, sequence):
            sizes = _sizes(uri, table.adds)
            missing += [join(uri, file.path) for file in table.adds if sizes.get(file.path) != file.size_bytes]
        if table.removes and not _has(uri, sequence):
            # OPTIMIZE has put the rows that are to be replaced elsewhere: un-naming their old file would leave them.
            named = {file.path for file in live_files(uri, [dict(file.partition_values) for file in table.removes])}
            missing += [join(uri, file.path) for file in table.removes if file.path not in named]
    return missing


def publish(
    places: Places,
    actions: Actions,
    sequence: int,
    metadata: Mapping[str, str],
    check: Check,
    at: Callable[[str], None],
) -> None:
    """Name the batch's files in the quarantine table, then in the curated one; does nothing that was done before."""
    for uri, table in _tables(places, actions):
        if not (table.adds or table.removes):
            continue
        at(f"publish {'quarantine' if uri == places.quarantine else 'curated'}")
        found = open_table(uri)
        if found is None:
            raise LedgerError(f"{uri}: expected the table that this batch was staged for, found none")
        append_files(found, table.adds, table.removes, APPLICATION, sequence, metadata, check)


def _tables(places: Places, actions: Actions) -> tuple[tuple[str, TableActions], ...]:
    # Quarantine first: who sees a curated batch can see all that was refused of it.
    return (places.quarantine, actions.quarantine), (places.curated, actions.curated)


def _has(uri: str, sequence: int) -> bool:
    table = open_table(uri)
    return table is not None and (table.transaction_version(APPLICATION) or 0) >= sequence


def live_files(uri: str, touched: Sequence[Mapping[str, str | None]]) -> list[DataFile]:
    """The data files that the table at `uri` names now, of the `touched` partitions (values as a log spells them)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = open_table(uri)
    if table is None:
        return []
    rows = pa.table(table.get_add_actions(flatten=False))
    for name in table.metadata().partition_columns:
        # In Arrow, before anything becomes Python: the history is long, and the touched partitions are few.
        values = pc.struct_field(rows.column("partition"), name)
        if pa.types.is_date32(values.type) or pa.types.is_integer(values.type) or pa.types.is_string(values.type):
            wanted = pa.array([values_of[name] for values_of in touched], pa.string())
            rows = rows.filter(pc.is_in(values.cast(pa.string()), value_set=wanted))
    return [data_file(row) for row in rows.to_pylist()]


def data_file(row: Mapping[str, object]) -> DataFile:
    """A file as delta-rs lists it (`get_add_actions(flatten=False)`)."""
    stats = {
        "numRecords": row["num_records"],
        "minValues": _spelled(row.get("min")),
        "maxValues": _spelled(row.get("max")),
        "nullCount": row.get("null_count") or {},
    }
    values = {k: partition_text(v) for k, v in dict(row.get("partition") or {}).items()}  # type: ignore[call-overload]
    return DataFile(
        str(row["path"]), int(str(row["size_bytes"])), values, int(str(row["modification_time"])), json.dumps(stats)
    )


def _spelled(found: object) -> dict[str, object]:
    values = found if isinstance(found, dict) else {}
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> object:
    from datetime import date, datetime

    if isinstance(value, datetime):
        # Not strftime, which writes the year 999 with three digits: bounds are compared as texts.
        return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int | float | str) else None


def _sizes(uri: str, files: Sequence[DataFile]) -> dict[str, int]:
    """Sizes of what lies in the folders of `files`, by path below `uri`: a listing a folder, not a request a file."""
    storage = storage_for(uri)
    folders = sorted({"/".join(file.path.split("/")[:2]) for file in files})
    return {
        stored.uri[len(uri.rstrip("/")) + 1 :]: stored.size_bytes
        for folder in folders
        for stored in storage.list(join(uri, folder))
    }
