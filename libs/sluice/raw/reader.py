"""Source objects in, typed rows out: what a Spark task runs, and nothing of it needs Spark.

Rows hold every raw field by its name, and
`_source` the source object's path below raw/; `_offset` where the row begins, in bytes without compression; `_hash` the
first 16 bytes of the sha256 of its bytes; `_record` these bytes (of a row that is no record the first 1 MiB);
`_rescued` unknown fields as JSON text; `_reasons` what is wrong with the row, NULL where nothing is;
`_bad` the raw fields with a reason, `,a,b,`; `_account` NULL but in one row per source object, in which all but it and
`_source` is NULL: JSON {records, refused, rescued, unknown, bytes, stored_bytes, compression, layout, changed}.

An account's `records` are all rows of its source object, `refused` those with a reason, `rescued` those with unknown
fields kept, `unknown` the names of unknown fields and how many records had each (100 names; what is more under "...").
`changed` says that the source object is not what was listed: the attempt must be abandoned.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from sluice.contract.model import Contract
from sluice.errors import SourceChanged, SourceMissing
from sluice.raw.columns import Rows, account_batch, arrow_schema_of, spark_schema_of
from sluice.raw.damage import Refused
from sluice.raw.fields import FAULTS, decoder, depth_of, fields_of, row_type
from sluice.raw.inflate import Content, Unreadable
from sluice.raw.judge import Judge, Judgement, surely_shallow_text
from sluice.raw.layout import Layout
from sluice.raw.scan import is_value
from sluice.raw.source import SourceObject
from sluice.raw.spans import WINDOW_BYTES, Exact, Splitter, Taken
from sluice.runtime.storage import Storage, join, storage_for

UNKNOWN_NAMES = 100
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


class Reader:
    """Reads source objects below `base_uri` into batches of rows."""

    def __init__(self, contract: Contract, storage: Storage, base_uri: str, window_bytes: int = WINDOW_BYTES) -> None:
        self._contract, self._storage, self._base_uri, self._window = contract, storage, base_uri, window_bytes
        self._schema = arrow_schema(contract)
        fields = fields_of(contract.raw)
        rows = row_type(fields, forbid_unknown=True)
        # Types that nest deeper than the contract allows would let the fast way take too deep a record.
        deepest = 1 + max((depth_of(field.type) for field in fields), default=0)
        self._decode = decoder(rows).decode if deepest <= contract.max_nesting else _refuse
        # A field of type json is passed over: of a piece that nobody has scanned its text must be looked at apart.
        passed_over = any(inner.kind == "json" for field in fields for inner in field.type.walk())
        self._decode_piece = _wary(self._decode, contract.max_nesting) if passed_over else self._decode
        self._judge = Judge(fields, contract.unknown_fields, contract.max_nesting)
        self._rows = Rows(fields, self._schema, rows())

    def read(self, sources: Sequence[SourceObject]) -> Iterator[pa.RecordBatch]:
        """The rows of all `sources`, and their accounts."""
        accounts: list[tuple[str, str]] = []
        for source in sources:
            account = Account()
            for _ in self._read_one(source, account):
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

    def _read_one(self, source: SourceObject, account: Account) -> Iterator[None]:
        """Adds the rows of one source object, and pauses where a batch may be full."""
        uri = join(self._base_uri, source.path)
        content = Content(lambda: self._storage.open(uri, etag=source.etag))
        problems: list[str] = []

        def read(size: int) -> bytes:
            try:
                return content.read(size)
            except Unreadable as problem:
                problems.append(str(problem))
            except SourceMissing:
                problems.append("expected a source object, found none: it was deleted after it was listed")
            return b""

        splitter = Splitter(
            read,
            self._decode_piece,
            self._judge.quick,
            self._contract.max_record_bytes,
            self._contract.max_nesting,
            self._window,
        )
        try:
            for event in splitter.events():
                self._add(source.path, event, account)
                yield
            for problem in problems:
                self._add(source.path, Refused.unreadable(content.bytes, problem), account)
            account.changed = content.whole and content.stored_bytes != source.size_bytes
        except SourceChanged:
            account.changed = True
        account.bytes, account.stored_bytes = content.bytes, content.stored_bytes
        account.compression = content.compression
        account.layout.in_array = splitter.began_with_array
        yield

    def _add(self, path: str, event: Taken | Exact | Refused, account: Account) -> None:
        if isinstance(event, Refused):
            self._rows.add_refused(path, event)
            account.records += 1
            account.refused += 1
            return
        if isinstance(event, Exact):
            event = self._decoded(event)
        first = self._rows.add(path, event.starts, event.spans, event.rows)
        account.add(event.starts, event.spans)
        for index, judged in event.judged.items():
            self._rows.judge(first + index, judged)
            account.judge(judged)

    def _decoded(self, event: Exact) -> Taken:
        try:
            return Taken([event.start], [event.span], [self._decode(event.span)], {})
        except FAULTS:
            return Taken([event.start], [event.span], [None], {0: self._judge(event.span)})


class Account:
    """What was read of one source object; see the module."""

    def __init__(self) -> None:
        self.records = self.refused = self.rescued = self.bytes = self.stored_bytes = 0
        self.compression = "none"
        self.changed = False
        self.layout = Layout()
        self._unknown: Counter[str] = Counter()

    def add(self, starts: Sequence[int], spans: Sequence[bytes]) -> None:
        """Records, sound or refused for what is in them."""
        self.records += len(starts)
        if not self.layout.full:
            self.layout.add(starts, spans)

    def judge(self, judged: Judgement) -> None:
        """What the judge said of one of the records."""
        self.refused += bool(judged.reasons)
        self.rescued += judged.rescued is not None
        for name in judged.unknown:
            known = name in self._unknown or len(self._unknown) < UNKNOWN_NAMES
            self._unknown[name if known else "..."] += 1

    def json(self) -> str:
        """The account as JSON text."""
        return json.dumps(
            {
                "records": self.records,
                "refused": self.refused,
                "rescued": self.rescued,
                "unknown": dict(self._unknown),
                "bytes": self.bytes,
                "stored_bytes": self.stored_bytes,
                "compression": self.compression,
                "layout": self.layout.name,
                "changed": self.changed,
            },
            ensure_ascii=False,
        )


def _wary(decode: Callable[[bytes], Any], deepest: int) -> Callable[[bytes], Any]:
    """`decode` for pieces whose values it may pass over."""

    def wary(piece: bytes) -> Any:
        if not surely_shallow_text(piece, deepest) and not is_value(piece, deepest):
            raise ValueError("not surely strict JSON")
        return decode(piece)

    return wary


def _refuse(span: bytes) -> Any:
    raise ValueError("never on the fast way")
