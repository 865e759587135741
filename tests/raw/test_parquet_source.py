"""Parquet in, rows and accounts out."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw.test_csv import rules, values
from raw.test_reader import contract, land, read, read_one
from sluice.contract.model import Contract
from sluice.errors import StorageDenied
from sluice.raw.reader import Reader
from sluice.runtime.storage import LocalStorage

TYPES = {
    "i": "bigint",
    "f": "float",
    "x": "double",
    "m": "decimal(10,3)",
    "s": "string",
    "o": "boolean",
    "d": "date",
    "t": "timestamp",
    "b": "binary",
    "l": "array<timestamp>",
    "u": "struct<n:int,d:date>",
    "p": "map<string,binary>",
}
SCHEMA = pa.schema(
    [
        ("i", pa.int64()),
        ("f", pa.float32()),
        ("x", pa.float64()),
        ("m", pa.decimal128(10, 3)),
        ("s", pa.string()),
        ("o", pa.bool_()),
        ("d", pa.date32()),
        ("t", pa.timestamp("us", "UTC")),
        ("b", pa.binary()),
        ("l", pa.list_(pa.timestamp("us", "UTC"))),
        ("u", pa.struct([("n", pa.int32()), ("d", pa.date32())])),
        ("p", pa.map_(pa.string(), pa.binary())),
    ]
)


def parquet_contract(
    types: dict[str, str] = TYPES, unknown_fields: Literal["rescue", "evolve", "reject"] = "rescue", **limits: int
) -> Contract:
    return replace(contract(types, unknown_fields, **limits), raw_format="parquet")


def stored(table: pa.Table, **how: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **how)
    return sink.getvalue()


_instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)).map(  # noqa: DTZ001
    lambda found: found.replace(tzinfo=UTC)
)
_rows = st.fixed_dictionaries(
    {},
    optional={
        "i": st.none() | st.integers(-(2**63), 2**63 - 1),
        "f": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "x": st.floats(allow_nan=False, allow_infinity=False),
        "m": st.decimals(-9999999, 9999999, places=3),
        "s": st.text(st.characters(codec="utf-8"), max_size=5),
        "o": st.booleans(),
        "d": st.dates(),
        "t": _instants,
        "b": st.binary(max_size=5),
        "l": st.lists(st.none() | _instants, max_size=2),
        "u": st.fixed_dictionaries({"n": st.none() | st.integers(-(2**31), 2**31 - 1), "d": st.none() | st.dates()}),
        "p": st.dictionaries(st.text("ab", max_size=2), st.none() | st.binary(max_size=3), max_size=2).map(
            lambda found: list(found.items())
        ),
    },
)


@settings(max_examples=150)
@given(st.lists(_rows, max_size=8), st.integers(1, 5), st.sampled_from(["snappy", "zstd", "none"]))
def test_every_value_survives_and_every_row_is_told_as_json(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], group: int, compression: str
) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    folder, what = tmp_path_factory.mktemp("one"), parquet_contract()
    found, account = read_one(folder, stored(table, row_group_size=group, compression=compression), what)
    assert [{name: row[name] for name in TYPES} for row in found] == table.to_pylist()
    assert [row["_offset"] for row in found] == list(range(len(rows)))
    assert (account["layout"], account["changed"]) == ("parquet", False)
    for row, given_ in zip(found, table.to_pylist(), strict=True):
        assert row["_reasons"] is None
        told = json.loads(row["_record"], parse_float=Decimal)
        assert list(told) == SCHEMA.names
        assert (told["i"], told["s"], told["m"]) == (given_["i"], given_["s"], given_["m"])
        assert row["_hash"] == hashlib.sha256(row["_record"]).digest()[:16]


def column(type_: pa.DataType, *given_: Any) -> pa.Table:
    return pa.table({"v": pa.array(given_, type_)})


NS = 1511711811679_000_000
CASTS: dict[str, tuple[str, pa.Table, list[Any]]] = {
    "narrower": ("smallint", column(pa.int64(), 1, 40000, None), [1, "not_convertible", None]),
    "unsigned": ("bigint", column(pa.uint64(), 1, 2**63), [1, "not_convertible"]),
    "integers that pandas made floating": (
        "bigint",
        column(pa.float64(), 1.0, None, 1.5, float("nan"), 1e30),
        [1, None, "wrong_type", "wrong_type", "not_convertible"],
    ),
    "infinite": ("double", column(pa.float64(), float("inf"), 1.5), ["wrong_type", 1.5]),
    "integer for floating": ("double", column(pa.int32(), 7), [7.0]),
    "decimals": (
        "decimal(3,1)",
        column(pa.decimal128(9, 3), Decimal("1.500"), Decimal("1.555")),
        [Decimal("1.5"), "not_convertible"],
    ),
    "binary text": ("string", column(pa.binary(), b"\xc3\xa9", b"\xff"), ["é", "wrong_type"]),
    "categories": ("string", pa.table({"v": pa.array(["a", None, "a"]).dictionary_encode()}), ["a", None, "a"]),
    "text for a number": ("bigint", column(pa.string(), "1"), ["wrong_type"]),
    "number for text": ("string", column(pa.int64(), 1), ["wrong_type"]),
    "naive instants are in UTC": (
        "timestamp",
        column(pa.timestamp("ms"), 1511711811679),
        [datetime(2017, 11, 26, 15, 56, 51, 679000, UTC)],
    ),
    "nanoseconds": (
        "timestamp",
        column(pa.timestamp("ns"), NS, NS + 1),
        [datetime(2017, 11, 26, 15, 56, 51, 679000, UTC), "not_convertible"],
    ),
    "far away": ("timestamp", column(pa.timestamp("s"), 253402300800, -62135596801), ["not_convertible"] * 2),
    "far days": ("date", column(pa.date32(), 2932897, 0), ["not_convertible", date(1970, 1, 1)]),
    "text of an instant": ("timestamp", column(pa.string(), "2017-11-26", "x"), ["not_convertible"] * 2),
    "any value as json": (
        "json",
        pa.table({"v": pa.array([{"k": [1, None], "n": 1.5}, None])}),
        ['{"k":[1,null],"n":1.5}', None],
    ),
    "a map of numbers as json": (
        "json",
        column(pa.map_(pa.int32(), pa.time32("s")), [(1, 3661)]),
        ['[[1,"01:01:01.000"]]'],
    ),
}


@pytest.mark.parametrize("case", CASTS)
def test_a_column_of_another_type_is_cast_where_that_is_safe_and_refused_by_row(tmp_path: Path, case: str) -> None:
    type_, table, expected = CASTS[case]
    rows, _ = read_one(tmp_path, stored(table), parquet_contract({"v": type_}))
    assert [rules(row)[0][0] if row["_reasons"] else row["v"] for row in rows] == expected


def test_unknown_columns_and_members_are_kept_and_absent_ones_are_null(tmp_path: Path) -> None:
    table = pa.table({"new": [1, None], "u": [{"n": 1, "z": "x"}, None], "I": [1, 2]})
    what = parquet_contract({"i": "bigint", "u": "struct<n:int>"})
    rows, account = read_one(tmp_path, stored(table), what)
    assert values(rows, {"i": "", "u": ""}) == [[None, {"n": 1}], [None, None]]
    assert [row["_rescued"] for row in rows] == ['{"new":1,"I":1,"u.z":"x"}', '{"new":null,"I":2}']
    assert account["unknown"] == {"new": 2, "I": 2, "u.z": 1}
    assert rows[1]["_record"] == b'{"new":null,"u":null,"I":2}'


SOUND = stored(
    pa.table({"i": list(range(5000)), "s": [f"{n:064}" for n in range(5000)]}), row_group_size=1000, compression="none"
)
OTHERS = {
    "json": (b'{"i":1}', "expected Parquet, found JSON"),
    "csv": (b"i,s\n1,2\n", "expected Parquet, found text or other bytes"),
    "avro": (b"Obj\x01", "expected Parquet, found Avro"),
    "nothing": (b"", "expected Parquet, found an empty object"),
    "cut": (SOUND[:-100], "expected the end of the Parquet data, found the end of the source object; deliver it again"),
    "twice": (
        stored(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["i", "i"])),
        "expected sound Parquet, found damage or what cannot be read (two columns of one name)",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_an_object_of_another_format_is_one_row_that_says_so(tmp_path: Path, kind: str) -> None:
    content, message = OTHERS[kind]
    rows, account = read_one(tmp_path, content, parquet_contract())
    assert [rules(row) for row in rows] == [[("unreadable_object", None)]]
    assert rows[0]["_reasons"][0]["message"] == message
    assert not account["changed"]


def test_what_comes_before_damage_is_read(tmp_path: Path) -> None:
    middle = SOUND.index(b"%064d" % 3500)
    damaged = SOUND[: middle - 20_000] + b"\xff" * 30_000 + SOUND[middle + 10_000 :]
    rows, _ = read_one(tmp_path, damaged, parquet_contract({"i": "bigint", "s": "string"}))
    assert rules(rows[-1]) == [("unreadable_object", None)]
    assert [row["i"] for row in rows[:-1]][:1000] == list(range(1000))
    assert rows[-1]["_offset"] == len(rows) - 1


def test_a_row_that_is_too_long_is_refused_alone(tmp_path: Path) -> None:
    table = pa.table({"s": ["a", "b" * 2000, "c"]})
    rows, _ = read_one(tmp_path, stored(table), parquet_contract({"s": "string"}, max_record_bytes=1024))
    assert [rules(row) for row in rows] == [[], [("malformed_parquet", None)], []]
    assert [row["s"] for row in rows] == ["a", None, "c"]


def test_an_object_that_changed_or_went_says_so_and_denial_stops_the_run(tmp_path: Path) -> None:
    what = parquet_contract({"i": "bigint"})
    source = land(tmp_path, "things/x", SOUND)
    (tmp_path / "things" / "x").write_bytes(SOUND + b" ")
    rows, [account] = read(tmp_path, [source], what)
    assert (rows, account["changed"]) == ([], True)
    (tmp_path / "things" / "x").unlink()
    rows, [account] = read(tmp_path, [source], what)
    assert ([rules(row) for row in rows], account["changed"]) == ([[("unreadable_object", None)]], False)

    class Denied(LocalStorage):
        def head(self, uri: str) -> Any:
            raise StorageDenied("no")

    with pytest.raises(StorageDenied):
        list(Reader(what, Denied(), str(tmp_path)).read([source]))


def test_parquet_in_a_json_dataset_is_one_row_that_names_both(tmp_path: Path) -> None:
    rows, _ = read_one(tmp_path, SOUND)
    assert rows[0]["_reasons"][0]["message"] == "expected JSON text, plain or gzip, found Parquet"
    assert len(rows) == 1


def test_text_that_is_not_utf8_refuses_its_row_alone_and_is_kept(tmp_path: Path) -> None:
    ends = b"".join(end.to_bytes(4, "little") for end in (0, 1, 3, 4))
    texts = pa.Array.from_buffers(pa.string(), 3, [None, pa.py_buffer(ends), pa.py_buffer(b"a\xff\xfeb")])
    nested = pa.StructArray.from_arrays([pa.ListArray.from_arrays([0, 1, 2, 3], texts)], names=["l"])
    pq.write_table(pa.table({"i": [1, 2, 3], "s": texts, "u": nested}), tmp_path / "x.parquet")
    stored = (tmp_path / "x.parquet").read_bytes()
    rows, _ = read_one(tmp_path, stored, parquet_contract({"i": "bigint", "s": "string"}))
    assert [(row["_offset"], row["i"], row["s"]) for row in rows if not row["_reasons"]] == [(0, 1, "a"), (2, 3, "b")]
    [refused] = [row for row in rows if row["_reasons"]]
    assert (refused["_offset"], rules(refused)) == (1, [("malformed_parquet", None)])
    assert json.loads(refused["_record"]) == {"i": 2, "s": "//4=", "u": {"l": ["//4="]}}
