"""What a crawl finds: datasets, and what was met at each place in their records.

Places can be merged: the merge of what two lots of records gave is what both together give, whatever the order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sluice.catalog.distinct import Distinct

# What is met at a place; the last three in Parquet and Delta only. An `integer` has neither fraction nor exponent as it
# is written, a `number` has.
KINDS = ("boolean", "integer", "number", "string", "object", "array", "date", "timestamp", "binary")

# Formats of strings, each string of one at most: `integer_text` fits 64 bits, without leading zeros; instants have at
# most microseconds, dates and instants are of the calendar; `iso_instant` has a zone, `iso_instant_naive` none.
STRING_FORMATS = (
    "integer_text", "number_text", "boolean_text", "iso_instant", "iso_instant_naive", "iso_date", "twitter_instant",
    "rfc2822_instant", "uuid", "url", "email",
)  # fmt: skip
# Of what only typed files have: numbers that are NaN or infinite, instants that no microsecond holds.
NOT_FINITE, FINER = "not_finite", "finer_than_micros"
# Formats of integers: 1990 to 2100 in that unit.
INTEGER_FORMATS = ("epoch_seconds", "epoch_millis", "epoch_micros", "epoch_nanos")


@dataclass(eq=True)
class Place:
    """One place in records: a field, an array's element, a column.

    `seen` counts values met here, null included; a member that its object lacks is not seen. Integers are exact.
    `lowest_number`, `highest_number` are of kind `number` alone, exact where a Decimal holds them; digits and scale are
    the most digits before and behind the point that one of them has, written out. `inexact` counts numbers that a
    64-bit double does not hold to the last digit. Lengths are characters, `fewest` and `most` elements.
    `repeated_names` counts objects in which a name is there twice (the last one counts).
    `each` takes the place of members where names are data (a free-form map): all values under whatever name; `names`
    tells how many. `cut` says what was not looked at below here, "" where nothing.
    `declared` are Spark types as Parquet and Delta declare them, by rows.
    """

    seen: int = 0
    nulls: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    lowest_integer: int | None = None
    highest_integer: int | None = None
    lowest_number: Decimal | None = None
    highest_number: Decimal | None = None
    digits: int = 0
    scale: int = 0
    inexact: int = 0
    shortest: int | None = None
    longest: int | None = None
    fewest: int | None = None
    most: int | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    repeated_names: int = 0
    members: dict[str, Place] = field(default_factory=dict)
    element: Place | None = None
    each: Place | None = None
    names: Distinct = field(default_factory=Distinct)
    values: Distinct = field(default_factory=Distinct)
    cut: str = ""

    @property
    def examples(self) -> list[str]:
        """At most 3 values of scalars, masked: letters are x, digits 0; never what the data says."""
        return self.values.examples

    @property
    def free_form(self) -> bool:
        """Whether objects here have names that are data: `each` holds what is under them, `members` is empty."""
        return self.each is not None


@dataclass(frozen=True)
class PartitionKey:
    """A level of folders: `hive` (k=v), `hour` (Firehose's YYYY/MM/DD/HH), `level` (unnamed: partition_0, ...).

    `first` and `last` are the lowest and highest of its values as text.
    """

    name: str
    kind: str
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is written; `quote` is "" where quotes mean nothing."""

    delimiter: str
    header: bool
    quote: str = '"'


@dataclass(frozen=True)
class Likely:
    """A field that may serve as key or as time: its path (names of members), a score of 0 to 1, and why."""

    path: tuple[str, ...]
    score: float
    reason: str


@dataclass
class Found:
    """One dataset at a location.

    `name` is fit to be a dataset's id, and no other found beside it has it; `location` is the URI of its folder, or of
    its object. `format` is json, csv, parquet, delta, or the name of what is not read here. `bytes` are as stored.
    `first_arrival_at`, `last_arrival_at` are by Firehose's hours where there are such, else by modification time.
    `hidden` counts objects in its folder whose names hide them, or which are Firehose's error objects, `left_out` those
    that a glob left out. `records` and what `root` holds are of the sampled objects, `full` tells whether that is all.
    `damaged` counts rows that are no records. `athena` says why Athena does not read it, "" where it does.
    """

    name: str
    location: str
    format: str
    layouts: Counter[str] = field(default_factory=Counter)
    compressions: Counter[str] = field(default_factory=Counter)
    partition_keys: list[PartitionKey] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    first_arrival_at: datetime | None = None
    last_arrival_at: datetime | None = None
    hidden: int = 0
    left_out: int = 0
    sampled_objects: int = 0
    sampled_bytes: int = 0
    records: int = 0
    damaged: int = 0
    full: bool = False
    csv: CsvDialect | None = None
    root: Place = field(default_factory=Place)
    keys: list[Likely] = field(default_factory=list)
    times: list[Likely] = field(default_factory=list)
    athena: str = ""
    problems: list[str] = field(default_factory=list)
