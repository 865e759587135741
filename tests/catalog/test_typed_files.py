"""Parquet as it is found: whatever is in it is told, drafted, and taken by that draft, and no value stops a crawl."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raw.test_reader import read_one
from sluice.catalog.crawl import Options, crawl
from sluice.catalog.draft import draft
from sluice.catalog.drift import drift
from sluice.catalog.findings import Found
from sluice.contract.load import parse_contract

AT = datetime(2024, 1, 1, 1, 2, 3, 456789)  # noqa: DTZ001 - without a zone is one of the cases
NANOS = 1704070923456789123


def column(type_: Any, *values: Any) -> pa.Array:
    return pa.array([*values, None], type=type_)


def found_in(folder: Path, table: pa.Table, name: str = "a.parquet") -> Found:
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / name)
    [found] = crawl(str(folder), Options(full=True))
    return found


def odd_texts() -> pa.Array:
    """Three texts, of which the first is not UTF-8."""
    ends = b"".join(end.to_bytes(4, "little") for end in (0, 2, 3, 4))
    return pa.Array.from_buffers(pa.string(), 3, [None, pa.py_buffer(ends), pa.py_buffer(b"\xff\xfeab")])


TYPED = {
    "u64": column(pa.uint64(), 2**64 - 1),
    "f32": column(pa.float32(), 1.5),
    "nan": column(pa.float64(), float("nan")),
    "infinite": column(pa.float32(), float("-inf")),
    "wide": column(pa.decimal256(60, 2), Decimal(10) ** 50),
    "day": column(pa.date32(), date(9999, 12, 31)),
    "seconds": column(pa.timestamp("s"), AT.replace(microsecond=0)),
    "nanos": column(pa.timestamp("ns"), NANOS),
    "zoned": column(pa.timestamp("ns", "Europe/Vienna"), NANOS),
    "whole": column(pa.timestamp("ns", "UTC"), NANOS // 1000 * 1000),
    "clock": column(pa.time64("ns"), 123456789),
    "took": column(pa.duration("us"), timedelta(seconds=1)),
    "bytes": column(pa.binary(), b"\xff\x00"),
    "words": pa.array(["x", "y"]).dictionary_encode(),
    "no_entry": column(pa.map_(pa.string(), pa.int32()), []),
    "entries": column(pa.map_(pa.string(), pa.int32()), [("k", 1)]),
    "by_number": column(pa.map_(pa.int32(), pa.string()), [(1, "x")]),
    "nothing": pa.nulls(2),
    "inner": column(pa.struct([("l", pa.list_(pa.timestamp("us")))]), {"l": [AT]}),
}


def test_a_draft_takes_every_row_of_every_type_and_does_not_drift_from_what_it_was_made_of(tmp_path: Path) -> None:
    found = found_in(tmp_path / "typed", pa.table(TYPED))
    assert (found.records, found.damaged) == (2, 0)
    for name in ("no_entry", "entries", "by_number"):
        assert set(found.root.members[name].kinds) == {"object"}
    contract = parse_contract(draft(found).contract_text, "drafted")
    assert drift(found, contract) == []
    fields = {one.name: one.type for one in contract.raw}
    columns = {one.name: one.type for one in contract.columns}
    assert (fields["nanos"], columns["nanos_time"], columns["nanos"]) == ("string", "timestamp", "string")
    assert (fields["nan"], columns["nan"], columns["whole"]) == ("json", "double", "timestamp")
    rows, _ = read_one(tmp_path, (tmp_path / "typed" / "a.parquet").read_bytes(), contract)
    assert [row["_reasons"] for row in rows] == [None, None]
    assert (rows[0]["nanos"], rows[0]["nan"]) == ("2024-01-01T01:02:03.456789123", '"NaN"')


def test_values_that_python_has_not_damage_their_row_alone(tmp_path: Path) -> None:
    texts = found_in(tmp_path / "texts", pa.table({"id": [1, 2, 3], "s": odd_texts()}))
    assert (texts.records, texts.damaged, texts.root.members["id"].lowest_integer) == (2, 1, 2)
    years = pa.table({"t": column(pa.timestamp("us"), 2**62, 0), "d": column(pa.date32(), 1, 2**30)})
    far = found_in(tmp_path / "years", years)
    assert (far.records, far.damaged) == (1, 2)


def test_a_file_that_curate_does_not_read_is_told(tmp_path: Path) -> None:
    found = found_in(tmp_path / "twice", pa.table([[1, 2], [3, 4]], names=["x", "x"]))
    assert found.records == 0
    assert found.problems == ["1 object: has two columns of one name", "no sound record was found"]


def test_values_that_a_contract_of_the_declared_type_refuses_are_drift(tmp_path: Path) -> None:
    whole = column(pa.timestamp("ns"), NANOS // 1000 * 1000)
    plain = found_in(tmp_path / "d", pa.table({"x": column(pa.float64(), 1.5), "t": whole}))
    contract = parse_contract(draft(plain).contract_text, "drafted")
    odd = pa.table({"x": column(pa.float64(), float("nan")), "t": column(pa.timestamp("ns"), NANOS)})
    differences = drift(found_in(tmp_path / "d", odd), contract)
    assert [(one.path, one.kind, one.found) for one in differences] == [
        ("x", "type", "NaN or infinite 100 %"),
        ("t", "type", "finer than microseconds 100 %"),
    ]


def test_files_that_declare_a_column_otherwise_fit_the_wider_type(tmp_path: Path) -> None:
    narrow = pa.table({"n": column(pa.int32(), 1), "x": column(pa.float32(), 1)})
    wide = pa.table({"n": column(pa.int64(), 2), "x": column(pa.float64(), 2)})
    found_in(tmp_path / "d", narrow)
    found = found_in(tmp_path / "d", wide, "b.parquet")
    contract = parse_contract(draft(found).contract_text, "drafted")
    assert {one.name: one.type for one in contract.raw} == {"n": "bigint", "x": "double"}
    assert drift(found, contract) == []
