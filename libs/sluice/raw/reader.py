"""Source objects in, typed rows out: what a Spark task runs, and nothing of it needs Spark.

Rows hold every raw field by its name, and
`_source` the source object's path below raw/; `_offset` where the row begins, in bytes without compression (in Parquet
the row's number); `_hash` the first 16 bytes of the sha256 of its bytes; `_record` these bytes (of a row that is no
record the first 1 MiB; of Parquet the row as JSON); `_rescued` unknown fields as JSON text; `_reasons` what is wrong
with the row, NULL where nothing is; `_bad` the raw fields with a reason, `,a,b,`; `_account` NULL but in one row per
source object, in which all but it and `_source` is NULL: JSON {records, refused, rescued, unknown, bytes, stored_bytes,
compression, layout, changed}.

An account's `records` are all rows of its source object, `refused` those with a reason, `rescued` those with unknown
fields kept, `unknown` the names of unknown fields and how many records had each (100 names; what is more under "...").
`changed` says that the source object is not what was listed: the attempt must be abandoned.

Firehose's error objects (`raw.firehose_errors`) give refused rows only, whatever the contract's format is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from sluice.contract.model import Contract
from sluice.raw.account import Account
from sluice.raw.columns import Rows, account_batch, arrow_schema_of, spark_schema_of
from sluice.raw.damage import Refused
from sluice.raw.fields import Field
from sluice.raw.firehose_errors import ErrorsFormat
from sluice.raw.from_json import JsonFormat
from sluice.raw.listing import failed_step
from sluice.raw.source import SourceObject
from sluice.raw.spans import WINDOW_BYTES, Taken
from sluice.raw.text import Opened
from sluice.runtime.storage import Storage, join, storage_for

ACCOUNTS_PER_BATCH = 10_000

Groups = Sequence[Sequence[SourceObject]]
MapInArrow = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def arrow_schema(contract: Contract) -> pa.Schema:
    """The columns of the rows, see the module."""
    return arrow_schema_of(contract.raw)


def spark_schema(contract: Contract) -> str:
    """The same as Spark DDL, for mapInArrow."""
    return spark_schema_of(contract.raw)


def make_reader(contract: Contract, groups: Groups | Callable[[], Groups], base_uri: str) -> MapInArrow:
    """The function for `spark.range(0, n, 1, n).mapInArrow(function, spark_schema(contract))`.

    Each input row's `id` is an index into `groups` (or into what it gives when called: a broadcast's value).
    `base_uri` is the lake's raw/ folder. StorageDenied and StorageThrottled are raised; a source object that vanished
    or cannot be read is a row, `unreadable_object`; one that changed says so in its account.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        reader = Reader(contract, storage_for(base_uri), base_uri)
        found = groups() if callable(groups) else groups
        for batch in batches:
            for index in batch.column("id").to_pylist():
                yield from reader.read(found[index])

    return read


class Format(Protocol):
    """Reads source objects of one format: `fields` are the raw fields, `empty` is a row without values."""

    fields: Sequence[Field]
    empty: Any

    def events(self, opened: Opened, account: Account) -> Iterator[Taken | Refused]:
        """All that is in one source object, in its order; fills in what the account says of the object itself."""


class Reader:
    """Reads source objects below `base_uri` into batches of rows."""

    def __init__(self, contract: Contract, storage: Storage, base_uri: str, window_bytes: int = WINDOW_BYTES) -> None:
        self._storage, self._base_uri = storage, base_uri
        self._schema = arrow_schema(contract)
        self._format = _format_of(contract, window_bytes)
        self._errors = ErrorsFormat(window_bytes)
        self._rows = Rows(self._format.fields, self._schema, self._format.empty)

    def read(self, sources: Sequence[SourceObject]) -> Iterator[pa.RecordBatch]:
        """The rows of all `sources`, and their accounts."""
        accounts: list[tuple[str, str]] = []
        for source in sources:
            account = Account()
            opened = Opened(source, join(self._base_uri, source.path), self._storage)
            for event in (self._errors if failed_step(source.path) else self._format).events(opened, account):
                self._add(source.path, event, account)
                if self._rows.full and (batch := self._rows.flush()) is not None:
                    yield batch
            accounts.append((source.path, account.json()))
            if len(accounts) >= ACCOUNTS_PER_BATCH:
                yield account_batch(self._schema, accounts)
                accounts = []
        if (batch := self._rows.flush()) is not None:
            yield batch
        if accounts:
            yield account_batch(self._schema, accounts)

    def _add(self, path: str, event: Taken | Refused, account: Account) -> None:
        if isinstance(event, Refused):
            self._rows.add_refused(path, event)
            account.records += 1
            account.refused += 1
            return
        first = self._rows.add(path, event.starts, event.spans, event.rows)
        account.add(event.starts, event.spans)
        for index, judged in event.judged.items():
            self._rows.judge(first + index, judged)
            account.judge(judged)


def _format_of(contract: Contract, window_bytes: int) -> Format:
    if contract.raw_format == "csv":
        from sluice.raw.from_csv import CsvFormat

        return CsvFormat(contract, window_bytes)
    if contract.raw_format == "parquet":
        from sluice.raw.from_parquet import ParquetFormat  # late: seldom used, and takes a while to import

        return ParquetFormat(contract)
    return JsonFormat(contract, window_bytes)
