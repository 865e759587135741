"""Source objects in, rows and accounts out."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw.reference_spans import split, streams
from sluice.contract.model import Contract, RawField
from sluice.errors import StorageDenied
from sluice.raw.reader import Reader, arrow_schema, make_reader, spark_schema
from sluice.raw.source import SourceObject
from sluice.runtime.storage import LocalStorage

SUITE = Path(__file__).parents[1] / "data" / "json_test_suite" / "cases.zip"
TYPES = {"a": "bigint", "b": "string", "u": "struct<id:bigint,m:decimal(5,2)>", "l": "array<struct<x:double>>"}


def contract(
    types: dict[str, str] = TYPES,
    unknown_fields: Literal["rescue", "evolve", "reject"] = "rescue",
    max_record_bytes: int = 16 << 20,
    max_nesting: int = 200,
) -> Contract:
    return Contract(
        dataset="things",
        version="1.0.0",
        path="schemas/things/v1.yaml",
        raw=tuple(RawField(name, type_) for name, type_ in types.items()),
        columns=(),
        keep="first",
        newest_by=None,
        unknown_fields=unknown_fields,
        filters=(),
        max_record_bytes=max_record_bytes,
        max_nesting=max_nesting,
        fingerprint="0",
    )


def land(folder: Path, path: str, stored: bytes) -> SourceObject:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(stored)
    [listed] = [found for found in LocalStorage().list(str(target.parent)) if found.uri == str(target)]
    return SourceObject(path, listed.size_bytes, listed.etag, listed.modified_at)


def read(folder: Path, sources: Sequence[SourceObject], what: Contract, **how: Any) -> tuple[list[Any], list[Any]]:
    """Rows as dicts, accounts as dicts with the source added."""
    rows: list[Any] = []
    accounts: list[Any] = []
    for batch in Reader(what, LocalStorage(), str(folder), **how).read(sources):
        assert batch.schema == arrow_schema(what)
        for row in batch.to_pylist():
            if row["_account"] is None:
                rows.append(row)
            else:
                assert {name for name, value in row.items() if value is not None} == {"_source", "_account"}
                accounts.append({**json.loads(row["_account"]), "source": row["_source"]})
    return rows, accounts


def read_one(folder: Path, stored: bytes, what: Contract | None = None, **how: Any) -> tuple[list[Any], Any]:
    rows, [account] = read(folder, [land(folder, "things/2024/01/01/00/x", stored)], what or contract(), **how)
    assert account["records"] == len(rows)
    assert account["refused"] == sum(row["_reasons"] is not None for row in rows)
    assert account["rescued"] == sum(row["_rescued"] is not None for row in rows)
    return rows, account


def values(rows: Sequence[Any]) -> list[Any]:
    return [{name: row[name] for name in TYPES if row[name] is not None} for row in rows]


def test_a_row_holds_the_fields_the_place_the_hash_and_the_bytes(tmp_path: Path) -> None:
    record = b'{"b": "x}{", "a": 1, "u": {"id": 2, "m": 1.5}, "l": [{"x": 0.5}, null]}'
    rows, _ = read_one(tmp_path, b'{"a":0}\n ' + record + b"\n")
    assert values(rows)[0] == {"a": 0}
    assert rows[1] == {
        "a": 1,
        "b": "x}{",
        "u": {"id": 2, "m": pa.scalar(1.5).cast(pa.decimal128(5, 2)).as_py()},
        "l": [{"x": 0.5}, None],
        "_source": "things/2024/01/01/00/x",
        "_offset": 9,
        "_hash": hashlib.sha256(record).digest()[:16],
        "_record": record,
        "_rescued": None,
        "_reasons": None,
        "_bad": None,
        "_account": None,
    }


def test_a_refused_row_says_why_and_keeps_its_bytes(tmp_path: Path) -> None:
    rows, account = read_one(tmp_path, b'{"a":"1","b":2,"c":3}{"a":1} oops {"a":2}[3]')
    assert values(rows) == [{}, {"a": 1}, {}, {"a": 2}, {}]
    assert [row["_record"] for row in rows] == [b'{"a":"1","b":2,"c":3}', b'{"a":1}', b"oops", b'{"a":2}', b"[3]"]
    assert [[(r["rule"], r["column"]) for r in row["_reasons"] or ()] for row in rows] == [
        [("wrong_type", "a"), ("wrong_type", "b")],
        [],
        [("malformed_json", None)],
        [],
        [("not_an_object", None)],
    ]
    assert [row["_bad"] for row in rows] == [",a,b,", None, None, None, None]
    assert rows[0]["_rescued"] == '{"c":3}'
    assert (account["records"], account["refused"], account["rescued"], account["unknown"]) == (5, 3, 1, {"c": 1})


RECORDS = [b'{"a":%d,"b":"}{%d"}' % (n, n) for n in range(1200)]
PRETTY = [json.dumps(json.loads(record), indent=2).encode() for record in RECORDS]
MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("stored", "layout"),
    [
        (b"".join(RECORDS), "back-to-back"),
        (b"\n".join(RECORDS), "newline"),
        (b"\r\n".join(RECORDS) + b"\r\n", "newline"),
        (MARK + b"\n\n".join(RECORDS), "newline"),
        (b"\n".join(PRETTY), "pretty"),
        (b"".join(PRETTY), "pretty"),
        (b"[" + b",".join(RECORDS) + b"]", "array"),
        (MARK + b" [\n" + b"\n,\n".join(PRETTY) + b"\n]\n", "array"),
        (b"".join(RECORDS[:600]) + b"\n" + b"\n".join(RECORDS[600:]), "mixed"),
        (b" \t ".join(RECORDS), "newline"),
        (MARK.join(RECORDS), "newline"),
    ],
)
@pytest.mark.parametrize("window", [100, 4 << 20])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_every_layout_gives_the_same_records(
    tmp_path: Path, stored: bytes, layout: str, window: int, compress: Any
) -> None:
    packed = compress(stored)
    rows, account = read_one(tmp_path, packed, window_bytes=window)
    assert values(rows) == [json.loads(record) for record in RECORDS]
    assert all(stored[row["_offset"] :].startswith(row["_record"]) for row in rows)
    assert account == {
        "source": "things/2024/01/01/00/x",
        "records": 1200,
        "refused": 0,
        "rescued": 0,
        "unknown": {},
        "bytes": len(stored),
        "stored_bytes": len(packed),
        "compression": "none" if compress is bytes else "gzip",
        "layout": layout,
        "changed": False,
    }


@pytest.mark.parametrize("stored", [b"", b" \n", MARK, b"[]", b"[\n]", gzip.compress(b""), gzip.compress(b"\n")])
def test_an_empty_source_object_has_an_account_and_no_rows(tmp_path: Path, stored: bytes) -> None:
    rows, account = read_one(tmp_path, stored)
    assert rows == []
    assert account["layout"] in ("empty", "array")


@settings(max_examples=150)
@given(st.lists(streams, min_size=1, max_size=4), st.integers(1, 200))
def test_each_byte_is_in_the_row_the_rule_says(tmp_path: Path, stored: list[bytes], window: int) -> None:
    sources = [land(tmp_path, f"things/{n}", text) for n, text in enumerate(stored)]
    rows, accounts = read(tmp_path, sources, contract(), window_bytes=window)
    for source, text, account in zip(sources, stored, accounts, strict=True):
        mine = [row for row in rows if row["_source"] == source.path]
        expected = split(text, 16 << 20, 200)
        assert [(row["_offset"], row["_record"]) for row in mine] == [(row.start, row.span) for row in expected]
        for row, cut in zip(mine, expected, strict=True):
            found = {reason["rule"] for reason in row["_reasons"] or ()}
            assert found == {cut.rule} if cut.rule else found <= {"wrong_type", "not_convertible"}
        assert (account["source"], account["records"], account["bytes"]) == (source.path, len(mine), len(text))


def suite() -> dict[str, bytes]:
    with zipfile.ZipFile(SUITE) as cases:
        return {name.removesuffix(".json"): cases.read(name) for name in cases.namelist()}


def test_every_sound_object_of_the_suite_is_that_object(tmp_path: Path) -> None:
    for name, text in suite().items():
        if not name.startswith("y_"):
            continue
        rows, _ = read_one(tmp_path, text)
        value = json.loads(text)
        items = value if isinstance(value, list) else [value]
        assert len(rows) == len(items), name
        for row, item in zip(rows, items, strict=True):
            if isinstance(item, dict):
                known = {key: found for key, found in item.items() if key in TYPES}
                wrong = {reason["column"] for reason in row["_reasons"] or ()}
                assert values([row]) == [{key: found for key, found in known.items() if key not in wrong}], name
                assert json.loads(row["_rescued"] or "{}") == {k: v for k, v in item.items() if k not in known}, name
                assert {"malformed_json", "not_an_object"}.isdisjoint(r["rule"] for r in row["_reasons"] or ()), name
            else:
                assert row["_reasons"][0]["rule"] == "not_an_object", name


# What the suite refuses as one value, and is sound as a sequence of records: of a top-level array, brackets and commas
# are nothing, and so is a byte-order mark.
SOUND_AS_A_SEQUENCE: dict[str, list[bytes]] = {
    "n_array_just_comma": [],
    "n_array_unclosed_with_object_inside": [b"{}"],
    "n_single_space": [],
    "n_structure_UTF8_BOM_no_data": [],
    "n_structure_lone-open-bracket": [],
    "n_structure_no_data": [],
    "n_structure_open_array_comma": [],
}


def test_of_every_damaged_case_of_the_suite_what_is_no_json_is_refused(tmp_path: Path) -> None:
    sound = {}
    for name, text in suite().items():
        if not name.startswith("n_"):
            continue
        rows, _ = read_one(tmp_path, text)
        kept = [
            row["_record"]
            for row in rows
            if {"malformed_json", "not_an_object"} & {r["rule"] for r in row["_reasons"] or ()}
        ]
        if not kept:
            sound[name] = [row["_record"] for row in rows]
    assert sound == SOUND_AS_A_SEQUENCE


def test_what_is_beyond_the_limits_is_one_refused_row_that_says_so(tmp_path: Path) -> None:
    small = contract(max_record_bytes=30, max_nesting=3)
    long, deep = b'{"b":"' + b"x" * 30 + b'"}', b'{"q":[[[1]]]}'
    rows, _ = read_one(tmp_path, long + b'{"a":1}' + deep + b'{"q":[[1]]}', small)
    assert [row["_record"] for row in rows] == [long, b'{"a":1}', deep, b'{"q":[[1]]}']
    assert [[r["message"] for r in row["_reasons"] or ()] for row in rows] == [
        ["expected a record of at most 30 bytes, found a longer one"],
        [],
        ["expected at most 3 nested arrays and objects, found more"],
        [],
    ]


def test_types_deeper_than_the_limit_do_not_get_round_it(tmp_path: Path) -> None:
    rows, _ = read_one(tmp_path, b'{"l":[{"x":1}]}{"a":1}', contract(max_nesting=2))
    assert [row["_reasons"] is None for row in rows] == [False, True]


def test_of_a_long_refused_row_the_first_mebibyte_is_kept_and_all_of_it_hashed(tmp_path: Path) -> None:
    junk = b"oops " * 300_000 + b"!"
    rows, _ = read_one(tmp_path, gzip.compress(junk + b" \n" * 100 + b'{"a":1}'))
    assert rows[0]["_record"] == junk[: 1 << 20]
    assert rows[0]["_hash"] == hashlib.sha256(junk).digest()[:16]
    assert rows[0]["_reasons"][0]["message"].endswith("; kept are the first 1048576 of 1500001 bytes")
    assert values(rows[1:]) == [{"a": 1}]


def test_a_truncated_gzip_gives_its_records_the_cut_one_and_its_reason(tmp_path: Path) -> None:
    stored = gzip.compress(b"".join(RECORDS))
    rows, account = read_one(tmp_path, stored[: len(stored) // 2])
    whole = len(rows) - 2
    assert values(rows[:whole]) == [json.loads(record) for record in RECORDS[:whole]]
    assert [row["_reasons"][0]["rule"] for row in rows[whole:]] == ["malformed_json", "unreadable_object"]
    assert rows[-2]["_reasons"][0]["message"].endswith("is cut off by the end of the source object")
    assert RECORDS[whole].startswith(rows[-2]["_record"])
    assert (rows[-1]["_record"], rows[-1]["_offset"]) == (b"", account["bytes"])
    assert account["changed"] is False


@pytest.mark.parametrize("stored", [b"PK\x03\x04zip", '{"a":1}'.encode("utf-16"), gzip.compress(b"PAR1")])
def test_what_is_no_text_is_one_refused_row(tmp_path: Path, stored: bytes) -> None:
    rows, _ = read_one(tmp_path, stored)
    assert [row["_reasons"][0]["rule"] for row in rows] == ["unreadable_object"]


def test_a_source_object_that_vanished_is_one_refused_row(tmp_path: Path) -> None:
    gone = land(tmp_path, "things/gone", b'{"a":1}')
    (tmp_path / "things/gone").unlink()
    kept = land(tmp_path, "things/kept", b'{"a":1}')
    rows, accounts = read(tmp_path, [gone, kept], contract())
    assert [row["_reasons"] and row["_reasons"][0]["rule"] for row in rows] == ["unreadable_object", None]
    assert [account["records"] for account in accounts] == [1, 1]


def test_a_source_object_that_changed_says_so_in_its_account(tmp_path: Path) -> None:
    source = land(tmp_path, "things/x", b'{"a":1}')
    (tmp_path / "things/x").write_bytes(b'{"a":2}')
    os.utime(tmp_path / "things/x", (1, 1))
    assert [account["changed"] for account in read(tmp_path, [source], contract())[1]] == [True]
    shorter = SourceObject("things/x", 5, None, datetime(2024, 1, 1, tzinfo=UTC))
    assert [account["changed"] for account in read(tmp_path, [shorter], contract())[1]] == [True]


def test_denied_storage_fails_the_run(tmp_path: Path) -> None:
    class Denied(LocalStorage):
        def open(self, uri: str, etag: str | None = None) -> Any:
            raise StorageDenied(uri)

    source = SourceObject("things/x", 5, None, datetime(2024, 1, 1, tzinfo=UTC))
    with pytest.raises(StorageDenied):
        list(Reader(contract(), Denied(), str(tmp_path)).read([source]))


def test_names_of_unknown_fields_are_counted_a_hundred_of_them(tmp_path: Path) -> None:
    text = b"".join(b'{"n%d":1,"A":2}' % n for n in range(150))
    _, account = read_one(tmp_path, text)
    assert account["unknown"] == {"n0": 1, "A": 150, **{f"n{n}": 1 for n in range(1, 99)}, "...": 51}


def test_batches_stay_small_however_the_records_are(tmp_path: Path) -> None:
    source = land(tmp_path, "things/x", b"{}" * 100_000)
    sizes = [batch.num_rows for batch in Reader(contract(), LocalStorage(), str(tmp_path)).read([source])]
    assert sum(sizes) == 100_001
    assert max(sizes) <= 32_000 + 8192
    large = land(tmp_path, "things/y", b'{"b":"%s"}' % (b"x" * (3 << 20)) * 20)
    batches = list(Reader(contract(), LocalStorage(), str(tmp_path)).read([large]))
    assert max(batch.nbytes for batch in batches) < 60 << 20
    assert len(batches) > 3


def test_rows_are_the_same_however_many_become_columns_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [b'{"a":%d}', b'{"a":"%d"}', b'{"a":1,"new":%d}', b"{]%d", b'{"b":"%d","u":{"id":1,"more":2}}']
    stored = b"".join(kind % number for number in range(40) for kind in kinds)
    expected = read_one(tmp_path, stored)
    for rows_at_once in (1, 2, 3, 7):
        monkeypatch.setattr("sluice.raw.columns.CHUNK_ROWS", rows_at_once)
        monkeypatch.setattr("sluice.raw.spans.PIECES", rows_at_once)
        assert read_one(tmp_path, stored) == expected


def test_the_same_rows_come_out_however_source_objects_are_grouped(tmp_path: Path) -> None:
    sources = [land(tmp_path, f"things/{n}", b"".join(RECORDS[n * 10 : n * 10 + 12])) for n in range(5)]
    ids = [pa.RecordBatch.from_pydict({"id": [index]}) for index in range(5)]
    one_by_one = make_reader(contract(), [[source] for source in sources], str(tmp_path))(iter(ids))
    together = make_reader(contract(), lambda: [sources], str(tmp_path))(iter(ids[:1]))
    rows = [sorted(pa.Table.from_batches(found).to_pylist(), key=repr) for found in (one_by_one, together)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 65


def test_spark_reads_the_same_rows(spark: Any, tmp_path: Path) -> None:
    what = contract({**TYPES, "a b": "map<string,smallint>", "f": "float", "t": "tinyint", "d": "decimal(38,0)"})
    text = b'{"a":1,"b":"x","u":{"id":1,"m":1.5},"l":[{"x":1}],"a b":{"k":1},"f":0.5,"t":-1,"d":3}{"a":"1","q":[1]}{{}'
    sources = [land(tmp_path, "things/x", gzip.compress(text)), land(tmp_path, "things/y", b"PAR1")]
    function = make_reader(what, [[source] for source in sources], str(tmp_path))
    found = spark.range(0, 2, 1, 2).mapInArrow(function, spark_schema(what)).collect()
    expected: list[Any] = []
    for batch in Reader(what, LocalStorage(), str(tmp_path)).read(sources):
        expected += batch.to_pylist()
    columns = [name for name in arrow_schema(what).names if name not in ("a b", "l", "u", "_reasons")]
    plain = [
        tuple(bytes(v) if isinstance(v, bytearray) else v for v in (row[name] for name in columns)) for row in found
    ]
    assert sorted(plain, key=repr) == sorted((tuple(row[name] for name in columns) for row in expected), key=repr)
    [sound] = [row for row in found if row["a"] == 1]
    assert (sound["a b"], sound["u"]["id"], sound["l"][0]["x"]) == ({"k": 1}, 1, 1.0)
    assert sorted(row["_reasons"][0]["rule"] for row in found if row["_reasons"]) == [
        "malformed_json",
        "unreadable_object",
        "wrong_type",
    ]
