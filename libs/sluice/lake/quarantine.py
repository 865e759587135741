"""The quarantine table: each refused record as received, where it lay and every reason why it was refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.lake.commit import Check, append_files, open_table
from sluice.lake.parquet import FileSet
from sluice.lake.publish import APPLICATION, live_files
from sluice.runtime.storage import join, storage_for

_TARGET_BYTES = 128 << 20
_TAKEN_BACK = "sluice-take-back"
# Not only right below the dataset: error objects lie in `<dataset>/processing-failed/<hour>/`.
_HOUR = re.compile(r"/(\d{4}/\d{2}/\d{2}/\d{2})/")

REASON = pa.struct([("rule", pa.string()), ("column", pa.string()), ("message", pa.string())])
QUARANTINE_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("source_object", pa.string()),
        ("offset", pa.int64()),
        ("record", pa.binary()),
        ("record_hash", pa.binary()),
        ("reasons", pa.list_(REASON)),
        ("arrival_hour", pa.string()),
    ]
)
QUARANTINE_INDEXED = ("batch_id", "source_object", "offset", "arrival_hour")


def quarantine_rows(
    rows: pa.RecordBatch, batch_id: str, messages: Mapping[str, tuple[str, str, str]]
) -> pa.RecordBatch:
    """Decided rows with the fate quarantine -> rows of the quarantine table.

    The reader's reasons come first, then those of the tags in `_fails`, whose words are in `messages`.
    """
    reasons = [
        (found or []) + _of_tags(tags, messages)
        for found, tags in zip(rows.column("_reasons").to_pylist(), rows.column("_fails").to_pylist(), strict=True)
    ]
    sources = rows.column("_source").to_pylist()
    columns = [
        pa.repeat(pa.scalar(batch_id, pa.string()), rows.num_rows),
        rows.column("_source"),
        rows.column("_offset"),
        rows.column("_record"),
        rows.column("_record_hash"),
        pa.array(reasons, pa.list_(REASON)),
        pa.array([arrival_hour(source) for source in sources], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=QUARANTINE_SCHEMA)


def _of_tags(tags: str | None, messages: Mapping[str, tuple[str, str, str]]) -> list[dict[str, Any]]:
    names = ("rule", "column", "message")
    return [dict(zip(names, messages[tag], strict=True)) for tag in (tags or "").split(",") if tag]


def reasons_in(rows: pa.RecordBatch) -> Counter[tuple[str, str]]:
    """Rows of the quarantine table by (rule, column); a row that fails twice in one of them counts once."""
    found: Counter[tuple[str, str]] = Counter()
    for reasons in rows.column("reasons").to_pylist():
        found.update({(reason["rule"], reason["column"] or "") for reason in reasons})
    return found


def arrival_hour(path: str) -> str:
    """`app_messages/2017/11/26/15/...` -> "2017/11/26/15"; "" where the path below raw/ has no such folders."""
    found = _HOUR.search(path)
    return found[1] if found else ""


def was_taken_back(uri: str, sequence: int) -> bool:
    """Whether the batch of this sequence number was taken out of the quarantine table again."""
    table = open_table(uri)
    return table is not None and table.transaction_version(_TAKEN_BACK) == sequence


def take_back(uri: str, batch_id: str, sequence: int, check: Check) -> None:
    """Remove a batch's rows from the quarantine table at `uri`, wherever OPTIMIZE has put them since; done once."""
    table = open_table(uri)
    if table is None or (table.transaction_version(APPLICATION) or 0) < sequence:
        return
    storage = storage_for(uri)
    kept = FileSet(uri, f"batch={batch_id}/taken-back", _TARGET_BYTES, QUARANTINE_INDEXED)
    holders = []
    for file in live_files(uri, []):
        if not _may_hold(json.loads(file.stats), batch_id):
            continue
        rows = pq.read_table(pa.BufferReader(storage.read(join(uri, file.path)))).cast(QUARANTINE_SCHEMA)
        others = rows.filter(pc.field("batch_id") != batch_id)
        if others.num_rows < rows.num_rows:
            holders.append(file)
            for batch in others.to_batches():
                kept.add(batch)
    append_files(table, kept.close(), holders, _TAKEN_BACK, sequence, {"sluice.batch": batch_id}, check)


def _may_hold(stats: dict[str, Any], batch_id: str) -> bool:
    try:
        return bool(stats["minValues"]["batch_id"] <= batch_id <= stats["maxValues"]["batch_id"])
    except (KeyError, TypeError):
        return True
