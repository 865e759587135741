"""What was read of some objects of a dataset; two of them can be made one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sluice.catalog.findings import CsvDialect, Place
from sluice.catalog.merging import merge


@dataclass(frozen=True)
class Limits:
    """How much of one object is read: records, and bytes without compression; None is all of it."""

    records: int | None = None
    bytes: int | None = None


@dataclass
class Partial:
    """`formats` counts objects by format, `unreadable` by what kept them from being read, `bytes` are as stored.

    `cut` counts objects not read to their end, `plain_gzip` those of gzip whose names do not end in .gz,
    `quoted_lines` CSV rows over several lines.
    """

    formats: Counter[str] = field(default_factory=Counter)
    layouts: Counter[str] = field(default_factory=Counter)
    compressions: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    dialects: Counter[CsvDialect] = field(default_factory=Counter)
    objects: int = 0
    bytes: int = 0
    records: int = 0
    damaged: int = 0
    cut: int = 0
    plain_gzip: int = 0
    quoted_lines: int = 0
    root: Place = field(default_factory=Place)

    @property
    def format(self) -> str:
        """What most objects are; of equally many, one that is read here. Empty ones say nothing."""
        votes = [(count, name in READ, name) for name, count in self.formats.items() if name != "empty" and count]
        return max(votes)[2] if votes else "empty"

    @property
    def dialect(self) -> CsvDialect | None:
        """The commonest dialect of CSV; quotes mean nothing where they mean nothing in some object."""
        if not self.dialects:
            return None
        best, _ = max(self.dialects.items(), key=lambda one: (one[1], one[0].delimiter == ","))
        plain = CsvDialect(best.delimiter, best.header, "")
        return plain if plain in self.dialects else best


READ = ("json", "csv", "parquet", "delta")


def join(one: Partial, other: Partial) -> Partial:
    """Both as one; `one` is used up."""
    for mine, theirs in (
        (one.formats, other.formats),
        (one.layouts, other.layouts),
        (one.compressions, other.compressions),
        (one.unreadable, other.unreadable),
    ):
        mine.update(theirs)
    one.dialects.update(other.dialects)
    one.objects += other.objects
    one.bytes += other.bytes
    one.records += other.records
    one.damaged += other.damaged
    one.cut += other.cut
    one.plain_gzip += other.plain_gzip
    one.quoted_lines += other.quoted_lines
    one.root = merge(one.root, other.root)
    return one
