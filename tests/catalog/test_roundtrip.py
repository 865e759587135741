"""Whatever a crawl infers reads back what it was inferred from: a drafted contract loses and refuses nothing."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lakes import curated_by, curated_rows, deliver, quarantine_rows, record_hash
from records import datasets, encoded
from sluice.catalog.draft import draft
from sluice.catalog.draft_columns import Drafted, sketch
from sluice.catalog.draft_types import JSON
from sluice.catalog.findings import Found
from sluice.catalog.infer import Number, Profile
from sluice.contract.load import parse_contract
from sluice.contract.types import SparkType

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def found_in(records: Sequence[bytes], name: str = "made") -> Found:
    """What a full crawl of these records finds."""
    profile = Profile()
    profile.add([json.loads(record, parse_float=Number) for record in records])
    return Found(name, f"raw/{name}", "json", records=len(records), full=True, root=profile.root)


# Each example takes seconds, so a failure is told as it was met.
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
@given(records=datasets(), ascii_only=st.booleans())
def test_curating_with_the_drafted_contract_refuses_nothing_and_keeps_every_value(
    spark: SparkSession, lake: str, records: list[dict[str, Any]], ascii_only: bool
) -> None:
    lake = f"{lake}/{uuid.uuid4().hex}"
    raw = list(dict.fromkeys(encoded(record, ascii_only) for record in records))
    found = found_in(raw)
    contract = parse_contract(draft(found).contract_text, "drafted")
    deliver(lake, raw, dataset="made", between=b"\n")
    summary = curated_by(spark, lake, contract)
    assert quarantine_rows(lake, "made") == []
    assert (summary["counts"]["read"], summary["counts"]["curated"]) == (len(raw), len(raw))
    rows = {row["_record_hash"]: row for row in curated_rows(lake, "made")}
    made = sketch(found)
    for record in raw:
        sent, row = json.loads(record, parse_float=Number), rows.pop(record_hash(record))
        rescued = json.loads(row["_rescued"] or "{}", parse_float=Number)
        assert {name: value for name, value in sent.items() if name not in made.raw} == rescued
        for column in made.columns:
            check(column, made.raw[column.path[0]], sent.get(column.path[0]), row[column.name])
    assert rows == {}


def check(column: Drafted, raw: SparkType, sent: Any, got: Any) -> None:
    """`got` in the table is what was sent."""
    if column.expression is None or column.type.text == raw.ddl:
        assert same(sent, got, raw), (column.name, raw.text, sent, got)
    elif sent is None:
        assert got is None
    elif column.type.kind == "bigint" or column.type.text == "decimal(38,0)":
        assert int(sent) == got, column.name
    elif column.type.kind == "double":
        assert float(sent) == got, column.name
    else:
        assert got == time(sent, column), (column.name, sent, got)


def time(sent: Any, column: Drafted) -> Any:
    """Times, each format by what Python knows of it."""
    if isinstance(sent, int):
        unit = 10 ** max(len(str(sent)) - 10, 0)
        at = datetime.fromtimestamp(sent // unit, UTC).replace(microsecond=sent % unit * 1_000_000 // unit)
    elif column.type.kind == "date" and not column.partitioned:
        return date.fromisoformat(sent)
    elif sent[:1].isdigit() and sent[2:3] != " " and sent[1:2] != " ":
        at = datetime.fromisoformat(sent.replace("Z", "+00:00"))
    else:
        day, month, year, clock = (
            (sent.split()[2], sent.split()[1], sent.split()[5], sent.split()[3])
            if "," not in sent
            else (sent.split()[1], sent.split()[2], sent.split()[3], sent.split()[4])
        )
        at = datetime.strptime(f"{year} {month} {day} {clock}", "%Y %b %d %H:%M:%S")  # noqa: DTZ007 - UTC below
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    at = at.astimezone(UTC)
    return at.date() if column.type.kind == "date" else at


def same(sent: Any, got: Any, type_: SparkType) -> bool:
    """Whether a value of a raw type came through as it was sent."""
    if sent is None or got is None:
        return sent is None and got is None
    if type_.kind == JSON:
        return bool(json.loads(got, parse_float=Number) == sent)
    if type_.kind == "struct":
        return all(same(sent.get(name), got[name], inner) for name, inner in type_.fields)
    if type_.kind == "array":
        return len(sent) == len(got) and all(same(a, b, type_.parts[0]) for a, b in zip(sent, got, strict=True))
    if type_.kind == "map":
        pairs: Mapping[str, Any] = dict(got)
        return sent.keys() == pairs.keys() and all(same(sent[key], pairs[key], type_.parts[1]) for key in sent)
    if isinstance(sent, Number):
        return bool(Decimal(sent) == got) if type_.kind == "decimal" else float(sent) == got
    return bool(sent == got) and isinstance(got, bool) == isinstance(sent, bool)


def test_the_strategy_reaches_every_kind_of_column() -> None:
    """Else the law above would hold for want of trying."""
    types: Counter[str] = Counter()

    @settings(max_examples=40, database=None)
    @given(records=datasets())
    def look(records: list[dict[str, Any]]) -> None:
        made = sketch(found_in([encoded(record, True) for record in records]))
        types.update(one.type.kind for one in made.columns)
        types.update(f"raw {one.kind}" for one in made.raw.values())
        types.update(one.conversion.split(" ")[0] for one in made.columns if one.conversion)
        types.update(note.split(":")[-1][:20] for note in made.notes)

    look()
    wanted = "bigint double string boolean decimal timestamp date array struct from beyond sometimes the".split()
    assert {*wanted, "raw json"} <= types.keys(), types


def test_no_draft_depends_on_when_it_was_made() -> None:
    found = found_in([b'{"a": 1, "b": [{"c": "2017-11-26"}]}', b'{"a": 2}'])
    assert draft(found) == draft(found)
