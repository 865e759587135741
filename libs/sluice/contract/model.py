"""A data contract as plain values: what lands, what is promised, and the few settings the standard has no place for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sluice.contract.types import parse_type

Keep = Literal["first", "newest"]
UnknownFields = Literal["rescue", "evolve", "reject"]
RawFormat = Literal["json", "csv", "parquet"]
Reference = Literal["countries", "vader"]

MAX_RECORD_BYTES = 16 << 20
MAX_NESTING = 200


@dataclass(frozen=True)
class RawField:
    """A field of the landing JSON object, a cell of a CSV row, or a column of a Parquet file.

    `name` is the JSON key, exactly (or the name in the header, the column's name); `type` is Spark DDL in lower case
    (names of struct fields keep their case): string, boolean, tinyint, smallint, int, bigint, float, double,
    decimal(p,s), array<..>, struct<a:..>, map<string,..>; and json: any JSON value, kept as its text exactly as
    received (JSON null is NULL), a string to Spark (`ddl`). Parquet also has date, timestamp and binary; CSV has no
    nested types and no json.
    `classification` says of what kind its personal data is. `evolved`: the contract does not name it, it was met in
    records; a value that is not of its type is kept with what is unknown, and refuses no record.
    """

    name: str
    type: str
    classification: str | None = None
    evolved: bool = False

    @property
    def ddl(self) -> str:
        """The type as Spark knows it."""
        return parse_type(self.type).ddl


@dataclass(frozen=True)
class Column:
    """A column of the curated table, in the order of the contract.

    `expression` is Spark SQL over raw fields and earlier columns; an earlier column hides a raw field of its name.
    None means: the raw field of the same name, whose type is then the same.
    `sources` are what a value is made of, each fit for `pyspark.sql.functions.col` (`user`, `user.id`, "`a b`"), and
    resolved like the names in the expression: a NULL made from sources none of which is NULL is `not_convertible`.
    No sources: never `not_convertible`. Positions count from 1.
    """

    name: str
    type: str
    required: bool = False
    expression: str | None = None
    sources: tuple[str, ...] = ()
    partition_position: int | None = None
    key_position: int | None = None
    classification: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Filter:
    """Records for which `expression` (boolean, over raw fields) is true are no data of this dataset.

    They are counted as filtered, by `kind`; the first filter that holds names it. NULL is not true.
    """

    kind: str
    expression: str


@dataclass(frozen=True)
class Csv:
    """How CSV is written, which is RFC 4180 with these characters.

    `header`: the first row holds names, and cells are found by them; else by their place. An unquoted cell that is
    empty or `null_text` is NULL. An empty `quote`: no cell is quoted. `split_joined`: rows that lost the line end
    between them, so that a blank alone is left, are cut there; else they are damage.
    """

    header: bool
    delimiter: str = ","
    quote: str = '"'
    null_text: str = ""
    split_joined: bool = False


@dataclass(frozen=True)
class Enrich:
    """Raw fields that are filled, before anything is decided, where a record has none of them.

    `fill` are pairs of a field and what it gets: of `countries` code, name, latitude or longitude of the country that
    the field `by` names; of `vader` compound or word of the text in `by`. `source` then says what filled them.
    """

    reference: Reference
    by: str
    fill: tuple[tuple[str, str], ...]
    source: str


@dataclass(frozen=True)
class Windows:
    """What makes a contract an analysis': windows over the dataset `source`, of one size, one beginning each slide.

    A window begins at a whole multiple of `slide_seconds` since 1970 and holds the rows of `source` whose `event_time`
    (a column's name) lies in it, its end excluded; `start` is the analysis' column that tells when a window begins.
    `chart`, for pictures alone: a column to group by, then those whose sums are shown.
    """

    source: str
    event_time: str
    window_seconds: int
    slide_seconds: int
    start: str
    chart: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Contract:
    """A contract that has been checked; made by `load_contract` and `parse_contract` only.

    `fingerprint` is a sha256 in hex over all that has an effect on data: not version, path, classification, texts.
    """

    dataset: str
    version: str
    path: str
    raw: tuple[RawField, ...]
    columns: tuple[Column, ...]
    keep: Keep
    newest_by: str | None
    unknown_fields: UnknownFields
    filters: tuple[Filter, ...]
    max_record_bytes: int
    max_nesting: int
    fingerprint: str
    # Later than the ledger's first rows, which lack them.
    raw_format: RawFormat = "json"
    csv: Csv | None = None
    # Raw fields that become columns once they are met, by name, or `*` for all.
    evolve_columns: tuple[str, ...] = ()
    enrich: tuple[Enrich, ...] = ()
    # Of an analysis alone, which has no raw fields.
    windows: Windows | None = None

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """Names of the columns the table is partitioned by, outermost first."""
        placed = [(column.partition_position, column.name) for column in self.columns]
        return tuple(name for position, name in sorted((p, n) for p, n in placed if p is not None))

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the primary key's columns in order; empty where byte-equal records are the duplicates."""
        placed = [(column.key_position, column.name) for column in self.columns]
        return tuple(name for position, name in sorted((p, n) for p, n in placed if p is not None))
