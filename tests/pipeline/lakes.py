"""Lakes for the protocol's tests: deliver records, run the pipeline as the job does, and say what is in the tables."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from sluice.lake.commit import open_table
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.transitions import Counts, Transition
from sluice.pipeline.curate import curate
from sluice.pipeline.options import Options
from sluice.quality.load import recorded_suite
from sluice.quality.model import Suite
from sluice.runtime.job import Run
from sluice.runtime.progress import Progress
from sluice.runtime.storage import join, storage_for
from support.contracts import text_of, visits

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATASET = "visits"
DAY = 86_400


def contract_of(**changes: object) -> Contract:
    """The small contract of `support.contracts` with changes, checked as any other."""
    return parse_contract(text_of(visits(**changes)), "schemas/visits/v1.yaml")


def minor() -> Contract:
    """The next minor version: one column more."""
    more = [{"name": "title", "logicalType": "string", "physicalType": "string", "transformLogic": "page.title"}]
    return contract_of(version="1.3.0", more=more)


def quiet() -> Progress:
    return Progress(lambda line: None)


class NoSpark(Run):
    """A run that may not start Spark."""

    spark = property(lambda self: (_ for _ in ()).throw(AssertionError("Spark was asked for")))  # type: ignore[assignment]


def run_of(spark: SparkSession | None, progress: Progress | None = None) -> Run:
    """A run with this session in place of one of its own; None: it may not ask for one."""
    if spark is None:
        return NoSpark("curate", progress or quiet())
    run = Run("curate", progress or quiet())
    run.__dict__["spark"] = spark
    return run


def curated_by(
    spark: SparkSession | None,
    lake: str,
    contract: Contract | None = None,
    progress: Progress | None = None,
    suite: Suite | None = None,
    **options: Any,
) -> Mapping[str, Any]:
    """One run of the pipeline; its summary."""
    options = {"lease_seconds": 30.0, **options}
    return curate(run_of(spark, progress), lake, contract or contract_of(), Options(**options), suite)


def suite_of(*expectations: Mapping[str, Any], **meta: Any) -> Suite:
    """A suite of the small contract's dataset; `meta` is what stands below the suite's own `meta.sluice`."""
    document = {"name": DATASET, "expectations": list(expectations), "meta": {"sluice": meta}}
    return recorded_suite(DATASET, json.dumps(document))


def expectation(name: str, kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    """One expectation of a suite, `expect_` left out of its type."""
    meta = {"sluice": {"name": name}}
    return {"type": f"expect_{kind}", "severity": severity, "kwargs": kwargs, "meta": meta}


def visit(number: int, day: int = 0, **more: Any) -> dict[str, Any]:
    """A sound record: `number` makes it different from others, `day` decides its partition."""
    at = 1_511_654_400 + day * DAY + number % 1000
    return {"id": f"v{number}", "at": at, "page": {"path": f"/{number % 7}", "title": "t"}, "size": number / 4, **more}


def encoded(record: object) -> bytes:
    return record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()


def deliver(
    lake: str,
    records: Iterable[object],
    hour: str = "2017/11/26/15",
    name: str = "a",
    *,
    pack: bool = True,
    between: bytes = b"",
    dataset: str = DATASET,
) -> str:
    """One source object as Firehose would name it; records are bytes as they are or values to encode. Its path."""
    body = between.join(map(encoded, records))
    path = f"{dataset}/{hour}/{dataset}-1-{hour.replace('/', '-')}-{name}"
    storage_for(lake).put(join(lake, "raw", path), gzip.compress(body, 1, mtime=0) if pack else body)
    return path


def places(lake: str, dataset: str = DATASET) -> Places:
    return Places(lake, dataset)


def rows_of(uri: str) -> list[dict[str, Any]]:
    """All rows of a table as delta-rs reads them, in an order of their own."""
    table = open_table(uri)
    if table is None:
        return []
    return sorted(table.to_pyarrow_table().to_pylist(), key=repr)


def curated_rows(lake: str, dataset: str = DATASET) -> list[dict[str, Any]]:
    return rows_of(places(lake, dataset).curated)


def quarantine_rows(lake: str, dataset: str = DATASET) -> list[dict[str, Any]]:
    """Without the batch's id, which is never the same twice."""
    found = rows_of(places(lake, dataset).quarantine)
    return sorted(({k: v for k, v in row.items() if k != "batch_id"} for row in found), key=repr)


# What tells one run, or one attempt, from another, and so is never the same twice.
_OF_A_RUN = ("batch_id", "run_id", "checked_at", "sequence", "attempt")


def check_rows(lake: str, dataset: str = DATASET) -> list[dict[str, Any]]:
    found = rows_of(places(lake, dataset).checks)
    return sorted(({k: v for k, v in row.items() if k not in _OF_A_RUN} for row in found), key=repr)


def transitions(lake: str, dataset: str = DATASET) -> list[Transition]:
    ledger = Ledger.open(places(lake, dataset).ledger)
    batches = {row["batch_id"] for row in rows_of(places(lake, dataset).ledger)}
    return sorted((row for batch in batches for row in ledger.history(batch)), key=lambda row: row.number)


def totals(lake: str, dataset: str = DATASET) -> Counts:
    total = Counts()
    for row in transitions(lake, dataset):
        if row.state == "published":
            total = total.plus(row.counts)
    return total


def outcome(lake: str, dataset: str = DATASET) -> dict[str, Any]:
    """All that must be the same however a lake came about."""
    return {
        "curated": curated_rows(lake, dataset),
        "quarantine": quarantine_rows(lake, dataset),
        "checks": check_rows(lake, dataset),
        "counts": totals(lake, dataset),
        "open": Ledger.open(places(lake, dataset).ledger).open_batches,
    }


def versions(lake: str, dataset: str = DATASET) -> dict[str, int]:
    """The version of every table of the dataset that there is."""
    at = places(lake, dataset)
    tables = {"curated": at.curated, "quarantine": at.quarantine, "ledger": at.ledger, "checks": at.checks}
    return {name: table.version() for name, uri in tables.items() if (table := open_table(uri)) is not None}


def listing(lake: str) -> dict[str, tuple[int, str]]:
    """Every file of a lake with its size and time."""
    return {stored.uri: (stored.size_bytes, stored.etag) for stored in storage_for(lake).list(lake)}


def copy_of(lake: str, name: str) -> str:
    """The lake as it is now, beside it; times are kept, since they are part of a source object's identity."""
    to = str(Path(lake).with_name(name))
    shutil.copytree(lake, to)
    return to


def record_hash(record: bytes) -> bytes:
    return hashlib.sha256(record).digest()[:16]


def live_paths(uri: str) -> list[str]:
    table = open_table(uri)
    return [] if table is None else sorted(pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist())


def files_not_named(lake: str, dataset: str = DATASET) -> list[str]:
    """Data files below the two tables that no version of their logs names and that a sweep should have taken."""
    at = places(lake, dataset)
    found = []
    for uri in (at.curated, at.quarantine):
        logs = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(uri).glob("_delta_log/*.json")))
        files = [str(path.relative_to(uri)) for path in Path(uri).rglob("*.parquet") if "_delta_log" not in str(path)]
        found += [path for path in files if os.path.basename(path) not in logs]
    return found


def fates(lake: str, dataset: str = DATASET) -> Counter[bytes]:
    """Hashes of the records that are in one of the two tables."""
    kept = Counter(row["_record_hash"] for row in curated_rows(lake, dataset))
    return kept + Counter(record_hash(row["record"]) for row in quarantine_rows(lake, dataset))


class Boundaries(Progress):
    """Calls `seen(step)` at every boundary that the run names."""

    def __init__(self, seen: Callable[[str], None]) -> None:
        super().__init__(lambda line: None)
        self._seen = seen

    def at(self, step: str, detail: str = "") -> None:
        super().at(step, detail)
        if step:
            self._seen(step)


def reasons(row: Mapping[str, Any]) -> Sequence[tuple[str, str | None]]:
    return [(reason["rule"], reason["column"]) for reason in row["reasons"]]
