"""The stage: the files of one attempt, written where they will be published, named by no log until then.

Each Spark task hands its decided rows (see `curate.shape`) to a native writer. Curated rows go below the curated
table's folder, refused ones below the quarantine's, in their tables' own columns: publishing is naming them. What a
task wrote is told by the rows it returns; files of a task that failed or ran twice are told by nobody and are swept.

Why not a Delta table written by Spark: see ARCHITECTURE.md, decision 2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.lake.commit import DataFile
from sluice.lake.hashes import as_numbers
from sluice.lake.parquet import FileSet
from sluice.lake.places import partition_text
from sluice.lake.quarantine import QUARANTINE_INDEXED, quarantine_rows, reasons_in
from sluice.lake.seen import Seen
from sluice.lake.tables import HASH
from sluice.runtime.ranges import RangedFile
from sluice.runtime.storage import join, storage_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CURATED, QUARANTINE, FILTERED, ACCOUNT = "curated", "quarantine", "filtered", "account"
REASONS, CHECKED = "reasons", "checked"
# Checks to one mask column, as `curate.shape` packs them.
MASK_BITS = 62
Rejoin = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]
_TOLD = "kind string, told string"
_TOLD_SCHEMA = pa.schema([("kind", pa.string()), ("told", pa.string())])


@dataclass(frozen=True)
class StagePlan:
    """Where and how one attempt writes: everything a task needs to know, and no more.

    `messages` gives, by a rule's tag, the reason (rule, column, message) of a row that has the tag.
    `columns` are the curated files' columns in order, without the partition's. `byte_equal`: rows of one hash are one.
    `head_rows`: a task's first file in a partition ends after so many (0: as any other). Copies that two tasks hold are
    mostly near the seam between them, so that the small file is the one to be written again, not the large one.
    """

    curated_uri: str
    quarantine_uri: str
    folder: str
    batch_id: str
    partitions: tuple[str, ...]
    columns: tuple[str, ...]
    indexed: tuple[str, ...]
    target_bytes: int
    byte_equal: bool
    head_rows: int
    messages: Mapping[str, tuple[str, str, str]]


@dataclass
class Stage:
    """What an attempt wrote, as its tasks told: data files by fate, accounts of source objects, filtered by kind.

    `reasons` counts refused rows by rule and column; `asked` and `failed` count rows by the suite's row-level checks.
    """

    curated: list[DataFile] = field(default_factory=list)
    quarantine: list[DataFile] = field(default_factory=list)
    duplicates: int = 0
    accounts: list[dict[str, Any]] = field(default_factory=list)
    filtered: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)


def records_in(files: Sequence[DataFile]) -> int:
    """Rows in `files`, by their statistics."""
    return sum(int(json.loads(file.stats)["numRecords"]) for file in files)


def not_null_in(files: Sequence[DataFile], column: str, table_uri: str = "") -> int:
    """Rows in `files` whose `column` is not NULL, by their statistics; by the files themselves where these do not tell.

    Of published files a log's reader gives statistics of the first 32 columns alone; `table_uri` says where they lie.
    """
    stats = [json.loads(file.stats) for file in files]
    return sum(
        found["numRecords"] - found["nullCount"][column]
        if column in found["nullCount"] or not table_uri
        else _not_null(table_uri, file, column)
        for file, found in zip(files, stats, strict=True)
    )


def _not_null(table_uri: str, file: DataFile, column: str) -> int:
    with pq.ParquetFile(RangedFile(join(table_uri, file.path), file.size_bytes)) as source:
        if column not in source.schema_arrow.names:
            return 0
        return sum(len(batch) - batch.column(0).null_count for batch in source.iter_batches(columns=[column]))


def nulls_in(files: Sequence[DataFile], column: str) -> int:
    """Rows in `files` whose `column` is NULL, by their statistics."""
    return records_in(files) - not_null_in(files, column)


def write_stage(rows: DataFrame, plan: StagePlan, rejoin: Rejoin) -> Stage:
    """Write decided rows as `plan` says; one Spark job, and nothing of the rows comes to the driver.

    `rejoin` makes whole rows, with all columns of `plan` and those a refused row is kept with, of what Spark gives.
    """
    stage = Stage()
    for kind, told in rows.mapInArrow(stage_writer(plan, rejoin), _TOLD).collect():
        content = json.loads(told)
        if kind == ACCOUNT:
            stage.accounts.append(content)
        elif kind == FILTERED:
            stage.filtered.update(content)
        elif kind == "duplicates":
            stage.duplicates += content
        elif kind == REASONS:
            stage.reasons.update({(rule, column): count for rule, column, count in content})
        elif kind == CHECKED:
            stage.asked.update(dict(content["asked"]))
            stage.failed.update(dict(content["failed"]))
        else:
            (stage.curated if kind == CURATED else stage.quarantine).append(DataFile(**content))
    return stage


def stage_writer(plan: StagePlan, rejoin: Rejoin) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """The function for mapInArrow: decided rows in, what was written out, as rows (kind, JSON)."""

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        writer = _Writer(plan)
        for batch in rejoin(batches):
            writer.add(batch)
        yield pa.RecordBatch.from_pylist(writer.close(), schema=_TOLD_SCHEMA)

    return write


class _Writer:
    """One task's writer: a set of files per partition, one for the refused rows, and counts."""

    def __init__(self, plan: StagePlan) -> None:
        self._plan = plan
        self._curated: dict[tuple[str | None, ...], FileSet] = {}
        self._refused = FileSet(plan.quarantine_uri, plan.folder, plan.target_bytes, QUARANTINE_INDEXED)
        self._filtered: Counter[str] = Counter()
        self._told: list[dict[str, str]] = []
        self._seen = Seen() if plan.byte_equal else None
        self._duplicates = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._masks: dict[str, Counter[int]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        self._count_checks(batch)
        for fate, here in _by_value(batch.column("fate"), np.ones(batch.num_rows, bool)):
            if fate == CURATED:
                self._add_curated(batch, here)
                continue
            rows = _at(batch, here)
            if fate == QUARANTINE:
                refused = quarantine_rows(rows, self._plan.batch_id, self._plan.messages)
                self._reasons.update(reasons_in(refused))
                self._refused.add(refused)
            elif fate == FILTERED:
                self._filtered.update(rows.column("_fails").to_pylist())
            else:
                for source, account in zip(
                    rows.column("_source").to_pylist(), rows.column("_account").to_pylist(), strict=True
                ):
                    self._tell(ACCOUNT, {"source": source, **json.loads(account)})

    def close(self) -> list[dict[str, str]]:
        for files in self._curated.values():
            for file in files.close():
                self._tell(CURATED, vars(file))
        for file in self._refused.close():
            self._tell(QUARANTINE, vars(file))
        self._tell(FILTERED, self._filtered)
        self._tell("duplicates", self._duplicates)
        self._tell(REASONS, [[*key, count] for key, count in self._reasons.items()])
        self._tell(CHECKED, {kind: list(self._rows_by_check(kind).items()) for kind in ("asked", "failed")})
        return self._told

    def _count_checks(self, batch: pa.RecordBatch) -> None:
        """Count rows by mask: masks are few, so that the bits are looked at once per task, not once per row."""
        for name in batch.schema.names:
            if name.startswith(("_asked_", "_failed_")):
                found = self._masks.setdefault(name, Counter())
                for counted in pc.value_counts(batch.column(name)):
                    found[counted["values"].as_py() or 0] += counted["counts"].as_py()

    def _rows_by_check(self, kind: str) -> Counter[int]:
        rows: Counter[int] = Counter()
        for name, masks in self._masks.items():
            if name.startswith(f"_{kind}_"):
                first = int(name.rsplit("_", 1)[1]) * MASK_BITS
                for mask, count in masks.items():
                    rows.update({first + bit: count for bit in range(MASK_BITS) if mask >> bit & 1})
        return rows

    def _tell(self, kind: str, content: Any) -> None:
        self._told.append({"kind": kind, "told": json.dumps(content, ensure_ascii=False)})

    def _add_curated(self, batch: pa.RecordBatch, here: npt.NDArray[np.bool_]) -> None:
        if self._seen is not None:
            # Most copies come soon after: those are dropped here, where it costs nothing, not by rewriting a file.
            again = self._seen.again(as_numbers(batch.column(HASH).filter(pa.array(here))))
            self._duplicates += int(again.sum())
            here[np.flatnonzero(here)[again]] = False
        kept = batch.select(self._plan.columns)
        for values, part in by_partition(batch, self._plan.partitions, here):
            if values not in self._curated:
                named = dict(zip(self._plan.partitions, values, strict=True))
                folder = join(self._plan.folder, *partition_folders(named))
                self._curated[values] = FileSet(
                    self._plan.curated_uri,
                    folder,
                    self._plan.target_bytes,
                    self._plan.indexed,
                    named,
                    self._plan.head_rows,
                )
            self._curated[values].add(_at(kept, part))


def _at(rows: pa.RecordBatch, here: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """The rows where `here` is true; nothing is copied where it is everywhere."""
    return rows if here.all() else rows.filter(pa.array(here))


def _by_value(column: pa.Array, here: npt.NDArray[np.bool_]) -> Iterator[tuple[Any, npt.NDArray[np.bool_]]]:
    """The values of `column` in the rows `here`, and where each of them is."""
    encoded = column.dictionary_encode(null_encoding="encode")
    places = np.asarray(encoded.indices)
    for number, value in enumerate(encoded.dictionary.to_pylist()):
        found = here & (places == number)
        if found.any():
            yield value, found


def by_partition(
    rows: pa.RecordBatch, columns: Sequence[str], here: npt.NDArray[np.bool_]
) -> Iterator[tuple[tuple[str | None, ...], npt.NDArray[np.bool_]]]:
    """The partitions (values as a log spells them) of the rows `here`, and where the rows of each are."""
    if not columns:
        yield (), here
        return
    for value, found in _by_value(rows.column(columns[0]), here):
        for rest, part in by_partition(rows, columns[1:], found):
            yield (partition_text(value), *rest), part


def partition_folders(values: Mapping[str, str | None]) -> list[str]:
    """Folder names for a partition, as people know them from Hive; what counts is the log's partition values."""
    return [f"{name}={_safe(value)}" for name, value in values.items()]


def _safe(value: str | None) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in value or "null")
    return kept[:64]


def sweep(table_uri: str, folder: str, keep: set[str]) -> None:
    """Delete what lies below `folder` of a table and is not in `keep` (paths below the table)."""
    storage = storage_for(table_uri)
    for stored in list(storage.list(join(table_uri, folder))):
        path = join(folder, stored.uri[len(join(table_uri, folder)) + 1 :])
        if path not in keep:
            storage.delete(stored.uri)
