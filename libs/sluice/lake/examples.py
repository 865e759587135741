"""A few refused records of a batch, for its page: what is read is bounded, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.lake.commit import DataFile
from sluice.runtime.storage import join, storage_for

_FILES = 3
_LARGEST_FILE = 16 << 20
_ROWS = 20_000
_EACH = 2
_ALL = 12
_COLUMNS = ["source_object", "offset", "record", "reasons"]


def quarantine_examples(uri: str, files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Up to two rows of the quarantine table for each (rule, column), from the first of a batch's `files`.

    A file that is no longer there (OPTIMIZE and VACUUM have rewritten the table since) gives none.
    """
    storage, found = storage_for(uri), []
    seen: Counter[tuple[str, str | None]] = Counter()
    small = [file for file in files if file.size_bytes <= _LARGEST_FILE]
    for file in small[:_FILES]:
        place = join(uri, file.path)
        if storage.head(place) is None:
            continue
        rows = pq.ParquetFile(pa.BufferReader(storage.read(place)))
        for batch in rows.iter_batches(batch_size=1000, columns=_COLUMNS):
            for row in batch.slice(0, _ROWS).to_pylist():
                key = [(reason["rule"], reason["column"]) for reason in row["reasons"]]
                if any(seen[one] < _EACH for one in key):
                    seen.update(key)
                    found.append(row)
                if len(found) >= _ALL:
                    return found
    return found
