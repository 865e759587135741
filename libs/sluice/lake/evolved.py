"""The evolved raw schema of a dataset: top-level fields that its contract does not name and that were met in records.

It is a small JSON document, `_sluice/<dataset>/evolved/<number>.json`, written put-if-absent as the next number, after
a look at the lease; the highest counts, and earlier ones stay, as its history. A field that is recorded keeps its type
and first batch for good. Not in the ledger's rows: a table's columns must be known before any row of the next attempt
is planned, and a document that comes before `abandoned` and `planned` makes each of these steps safe to be killed
after; people and other programs read it without Delta.

A type is what all values of the first batch fit: bigint, double, boolean, string, else json. Later values that do not
fit stay in `_rescued` (`pipeline.evolution`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sluice.errors import CommitUnknownError, LedgerError
from sluice.lake.commit import Check
from sluice.runtime.storage import join, storage_for

# What is more stays in _rescued: keys that are data must not become a schema without an end.
MOST_FIELDS = 256


@dataclass(frozen=True)
class EvolvedField:
    """A raw field that was met: its JSON key, its type as a raw field's, and the batch that first brought a value."""

    name: str
    type: str
    first_batch: str


@dataclass(frozen=True)
class EvolvedSchema:
    """The fields in the order in which they were recorded, as document `number` (0: there is none) below `uri` has."""

    uri: str
    number: int = 0
    fields: tuple[EvolvedField, ...] = ()

    @staticmethod
    def read(uri: str) -> EvolvedSchema:
        """The newest document below `uri`. Raises LedgerError where it is none of ours."""
        newest = max((stored.uri for stored in storage_for(uri).list(uri)), default="")
        if not newest:
            return EvolvedSchema(uri)
        try:
            found = json.loads(storage_for(uri).read(newest))
            fields = tuple(EvolvedField(**field) for field in found["fields"])
            return EvolvedSchema(uri, int(newest.rsplit("/", 1)[1].removesuffix(".json")), fields)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"{newest}: expected an evolved schema, found something else; was it edited?") from error

    def having(self, new: Iterable[EvolvedField], check: Check) -> EvolvedSchema:
        """This schema with `new` fields, recorded as the next document.

        Raises CommitUnknownError where another run's document is there, LeaseLostError where it took the lease.
        """
        grown = EvolvedSchema(self.uri, self.number + 1, (*self.fields, *new))
        uri = join(self.uri, f"{grown.number:020d}.json")
        data = json.dumps({"fields": [vars(field) for field in grown.fields]}, ensure_ascii=False, indent=1).encode()
        check()
        storage = storage_for(self.uri)
        # A store that was asked twice may refuse what it has taken from us before.
        if not storage.put(uri, data, if_absent=True) and storage.read(uri) != data:
            check()
            raise CommitUnknownError(f"{uri}: expected no document yet, found another run's; run again")
        return grown


def type_of(kinds: Iterable[str]) -> str:
    """The raw type that takes all values of these kinds (see `lake.rescued`) as they are; json where no other does."""
    found = frozenset(kinds)
    if found <= {"integer", "large integer"}:
        return "bigint"
    if found <= {"integer", "number"}:
        return "double"
    return next((kind for kind in ("boolean", "string") if found == {kind}), "json")
