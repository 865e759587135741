"""CSV in, rows and accounts out."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raw.test_reader import contract, land, read, read_one
from sluice.contract.model import Contract, Csv

MARK = b"\xef\xbb\xbf"
TEXTS = {"a": "string", "b": "string", "c": "string"}
TYPES = {"s": "string", "i": "int", "d": "double", "m": "decimal(5,2)", "b": "boolean"}


def csv_contract(
    types: dict[str, str],
    how: Csv = Csv(header=False),  # noqa: B008 - frozen
    unknown_fields: Literal["rescue", "evolve", "reject"] = "rescue",
    **limits: int,
) -> Contract:
    return replace(contract(types, unknown_fields, **limits), raw_format="csv", csv=how)


def values(rows: list[Any], types: dict[str, str]) -> list[list[Any]]:
    return [[row[name] for name in types] for row in rows]


def rules(row: Any) -> list[tuple[str, str | None]]:
    return [(reason["rule"], reason["column"]) for reason in row["_reasons"] or ()]


_soup = st.lists(
    st.sampled_from(
        [
            b'"',
            b'""',
            b",",
            b"\n",
            b"\r\n",
            b"\r",
            b"a",
            b"b c",
            b"1",
            b"\xc3\xa9",
            b"\xff",
            MARK,
            b'"x\ny"',
            b"{",
            b";",
        ]
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=250)
@given(_soup, st.integers(1, 30), st.sampled_from([3, 8, 1000]))
@example(b'a,"b\nc,d\ne,f\n', 1, 1000)
@example(b'a,"b""', 1, 3)
def test_every_byte_is_in_one_row_or_between_rows_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, stored: bytes, window: int, longest: int
) -> None:
    folder, what = tmp_path_factory.mktemp("csv"), csv_contract(TEXTS, max_record_bytes=longest)
    rows, account = read_one(folder, stored, what)
    assert account["layout"] == "csv"
    at = len(MARK) if stored.startswith(MARK) else 0
    for row in rows:
        assert set(stored[at : row["_offset"]]) <= set(b"\r\n")
        at = row["_offset"] + len(row["_record"])
        assert stored[row["_offset"] : at] == row["_record"]
        assert row["_hash"] == hashlib.sha256(row["_record"]).digest()[:16]
        assert row["_record"][:1] not in (b"", b"\r", b"\n")
    assert set(stored[at:]) <= set(b"\r\n")
    assert read(folder, [land(folder, "things/2024/01/01/00/x", stored)], what, window_bytes=window)[0] == rows
    squeezed = read_one(folder, gzip.compress(stored), what)
    assert squeezed[0] == rows
    assert squeezed[1]["compression"] == "gzip"


_cell = st.text(st.sampled_from('ab1,;"\n\r \té|'), max_size=5)


@settings(max_examples=250)
@given(
    st.lists(st.tuples(_cell, _cell, _cell), min_size=1, max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.integers(1, 20),
)
def test_sound_cells_are_those_that_pythons_csv_module_reads(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str, str]],
    quoting: Literal[0, 1],
    line_end: str,
    delimiter: str,
    marked: bool,
    window: int,
) -> None:
    if line_end == "\n":  # the writer leaves a lone CR unquoted
        cells = [(a.replace("\r", ""), b.replace("\r", ""), c.replace("\r", "")) for a, b, c in cells]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=line_end, delimiter=delimiter).writerows(cells)
    stored = (MARK if marked else b"") + text.getvalue().rstrip(line_end).encode()
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
    folder = tmp_path_factory.mktemp("csv")
    source = land(folder, "things/x", stored)
    rows, _ = read(folder, [source], csv_contract(TEXTS, Csv(False, delimiter)), window_bytes=window)
    assert [[cell or "" for cell in row] for row in values(rows, TEXTS)] == expected
    assert all(row["_reasons"] is None for row in rows)
    if quoting == csv.QUOTE_ALL:  # what is quoted is no NULL
        assert values(rows, TEXTS) == expected


def test_cells_become_what_the_contract_says(tmp_path: Path) -> None:
    stored = b'x, 1 ,\t2.5,1.10,true\n\xc3\xa9,,,,\n"","7",""," ",false\n y ,-0,1e3,5e-1,\n'
    rows, _ = read_one(tmp_path, stored, csv_contract(TYPES))
    found = [[None if v is None else str(v) for v in row] for row in values(rows, TYPES)]
    assert found == [
        ["x", "1", "2.5", "1.10", "True"],
        ["é", None, None, None, None],
        ["", "7", None, None, "False"],
        [" y ", "0", "1000.0", "0.50", None],
    ]
    assert all(row["_reasons"] is None for row in rows)


CELLS = {
    ("i", "1.0"): "wrong_type",
    ("i", "x"): "wrong_type",
    ("i", "007"): "wrong_type",
    ("i", "null"): "wrong_type",
    ("i", "true"): "wrong_type",
    ("i", '"1,2"'): "wrong_type",
    ("i", "[1]"): "wrong_type",
    ("i", "2147483648"): "not_convertible",
    ("d", "NaN"): "wrong_type",
    ("d", "16:7"): "wrong_type",
    ("d", "1e400"): "not_convertible",
    ("m", "1.255"): "not_convertible",
    ("b", "TRUE"): "wrong_type",
    ("b", "1"): "wrong_type",
}


@pytest.mark.parametrize(("column", "cell"), CELLS)
def test_a_cell_that_is_none_of_its_type_is_refused_and_no_other(tmp_path: Path, column: str, cell: str) -> None:
    one = ",".join(cell if name == column else "" for name in TYPES)
    rows, _ = read_one(tmp_path, f"x,1,1,1,true\n{one}\nx,1,1,1,true\n".encode(), csv_contract(TYPES))
    assert [rules(row) for row in rows] == [[], [(CELLS[column, cell], column)], []]
    assert [row["_bad"] for row in rows] == [None, f",{column},", None]
    assert [row["i"] for row in rows] == [1, None, 1]


DAMAGE = {
    b"1,2": "expected 3 cells, found 2",
    b"1,2,3,4": "expected 3 cells, found 4",
    b'1,5" pipe,3': "expected a delimiter or the end of the row, found a quote inside an unquoted cell",
    b'1,"2" x,3': "expected a delimiter or the end of the row, found something else behind a closing quote",
    b'1,"2\n2"x,3': "expected a delimiter or the end of the row, found something else behind a closing quote",
    b"1,\xff,3": "expected a row in UTF-8, found other bytes",
    b"1,\xed\xa0\x80,3": "expected a row in UTF-8, found other bytes",
    b"1,2,%b" % (b"3" * 100): "expected a row of at most 100 bytes, found a longer one",
    b'1,2,"3': "expected a row of at most 100 bytes, found a quote that nothing closes within so many",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_damage_is_one_row_and_the_rows_around_it_are_read(tmp_path: Path, damage: bytes) -> None:
    stored = b"a,b,c\n" + damage + b"\r\n" + b"d,e,f\n" * 30
    rows, account = read_one(tmp_path, stored, csv_contract(TEXTS, max_record_bytes=100))
    assert [row["_record"] for row in rows] == [b"a,b,c", damage, *[b"d,e,f"] * 30]
    assert [rules(row) for row in rows] == [[], [("malformed_csv", None)], *[[]] * 30]
    assert rows[1]["_reasons"][0]["message"] == DAMAGE[damage]
    assert account["refused"] == 1


def test_a_header_finds_fields_by_exact_name_and_keeps_the_others(tmp_path: Path) -> None:
    stored = b'new,i,"S",s\n\n"a\nb",1,,x\n,2,"",y\nz,q,1,y'
    types = {"s": "string", "i": "int", "gone": "double"}
    rows, account = read_one(tmp_path, MARK + stored, csv_contract(types, Csv(header=True)))
    assert values(rows, types) == [["x", 1, None], ["y", 2, None], ["y", None, None]]
    assert [json.loads(row["_rescued"]) for row in rows] == [
        {"new": "a\nb", "S": None},
        {"new": None, "S": ""},
        {"new": "z", "S": "1"},
    ]
    assert [rules(row) for row in rows] == [[], [], [("wrong_type", "i")]]
    assert account["unknown"] == {"new": 3, "S": 3}
    assert [row["_record"] for row in rows] == [b'"a\nb",1,,x', b',2,"",y', b"z,q,1,y"]
    rejected, _ = read_one(tmp_path, stored, csv_contract(types, Csv(header=True), "reject"))
    assert [rules(row)[-2:] for row in rejected] == [[("unknown_field", "new"), ("unknown_field", "S")]] * 3


def test_null_text_is_null_where_it_is_not_quoted(tmp_path: Path) -> None:
    types = {"s": "string", "i": "int"}
    rows, _ = read_one(tmp_path, b"N,N\n'N', N \n,\n", csv_contract(types, Csv(False, ",", "'", "N")))
    assert values(rows, types) == [[None, None], ["N", None], [None, None]]


OTHERS = {
    "json": (b'\n[ {"a": 1}]', "expected CSV text, plain or gzip, found JSON"),
    "parquet": (b"PAR1\x15\x04", "expected CSV text, plain or gzip, found Parquet"),
    "zip": (b"PK\x03\x04", "expected CSV text, plain or gzip, found ZIP"),
    "utf-16": ("a,b".encode("utf-16"), "expected CSV text, plain or gzip, found UTF-16 text"),
    "json in gzip": (gzip.compress(b'{"a":1}{"a":2}'), "expected CSV text, plain or gzip, found JSON"),
    "no header": (b"1,2\n3,4\n", "expected a header with names of the contract's fields, found none of them"),
    "twice": (b"a,a\n3,4\n", "expected a header with names of the contract's fields, found a name that is there twice"),
    "broken": (
        b'a,"b\n3,4\n',
        "expected a header with names of the contract's fields, found a row that is no sound CSV",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_an_object_of_another_format_is_one_row_that_says_so(tmp_path: Path, kind: str) -> None:
    stored, message = OTHERS[kind]
    rows, account = read_one(tmp_path, stored, csv_contract(TEXTS, Csv(header=True)))
    assert [rules(row) for row in rows] == [[("unreadable_object", None)]]
    assert rows[0]["_reasons"][0]["message"] == message
    assert not account["changed"]


def test_letters_that_other_formats_begin_with_are_cells(tmp_path: Path) -> None:
    rows, _ = read_one(tmp_path, b"ORCHID,PAR1,x\n", csv_contract(TEXTS))
    assert values(rows, TEXTS) == [["ORCHID", "PAR1", "x"]]


def test_the_last_row_of_truncated_gzip_is_no_row(tmp_path: Path) -> None:
    whole = b"".join(b"%d,%s,12345\n" % (n, hashlib.sha256(b"%d" % n).hexdigest().encode()) for n in range(3000))
    rows, account = read_one(tmp_path, gzip.compress(whole)[:-300], csv_contract(TEXTS))
    assert [rules(row) for row in rows[-2:]] == [[("malformed_csv", None)], [("unreadable_object", None)]]
    assert all(row["_reasons"] is None and row["c"] == "12345" for row in rows[:-2])
    assert len(rows) > 1000
    assert not account["changed"]


@pytest.mark.parametrize("window", [1, 7, 1000])
def test_without_a_quote_every_cell_is_what_lies_between_delimiters(tmp_path: Path, window: int) -> None:
    data = b'a\t"b\t\r\n""\t"\t"x"\n\xc3\xa9\t5" x 3"\tb"'
    how = Csv(header=False, delimiter="\t", quote="")
    rows, _ = read_one(tmp_path, data, csv_contract(TEXTS, how), window_bytes=window)
    assert values(rows, TEXTS) == [["a", '"b', None], ['""', '"', '"x"'], ["é", '5" x 3"', 'b"']]
    assert [row["_reasons"] for row in rows] == [None, None, None]


@pytest.mark.parametrize("rows", [1, 3, 2000])
@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_a_last_row_without_a_line_end_is_the_last_row_however_long_the_object(
    tmp_path: Path, rows: int, quote: str
) -> None:
    data = b"a,b,c\n" * rows + b"x,y,z"
    found, _ = read_one(tmp_path, data, csv_contract(TEXTS, Csv(header=False, quote=quote)))
    assert (len(found), values(found, TEXTS)[-1]) == (rows + 1, ["x", "y", "z"])
