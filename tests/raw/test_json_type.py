"""Any JSON value in a field of type json is kept as its text, on the fast way and on the judge's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raw.reference_spans import tokens
from raw.test_reader import contract, read_one
from sluice.contract.model import RawField
from sluice.raw.fields import decoder, fields_of, row_type
from sluice.raw.scan import is_value

TYPES = {
    "j": "json",
    "a": "array<json>",
    "m": "map<string,json>",
    "s": "struct<x:json,y:bigint>",
    "forced": "bigint",
}
SHORT = {name: value for name, value in TYPES.items() if name != "forced"}

_blank = st.sampled_from(["", " ", "\n", "\t "])
_plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
_texts = st.sampled_from(
    r"""null "null" 1e400 -0 1E+2 "\u00e9\ud83d\ude00" "\/" "}{" {"a":1,"a":2} {} [] [[],[{}]]""".split()
)


def _spaced(value: Any, blank: str) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(f"{blank},{blank}", f"{blank}:{blank}"))


json_texts = _texts | st.builds(
    _spaced,
    st.recursive(_plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aA", max_size=2), inner)),
    _blank,
)


def kept(text: str) -> str | None:
    return None if text == "null" else text


@settings(max_examples=300)
@given(json_texts, json_texts, st.booleans(), st.booleans())
@example("[" * 198 + "]" * 198, "{" + '"[[[[":1}', True, False)
@example('"' + "[" * 300 + '"', "[[]," * 60 + "[]" + "]" * 60, True, False)
def test_any_json_value_is_kept_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, one: str, other: str, fast: bool, unknown: bool
) -> None:
    more = "" if fast else ',"forced":"x"'
    more += ',"new":1' if unknown else ""
    text = f'{{"j": {one} ,"a":[{one}, {other}],"m":{{"k":{other}}},"s":{{"x":{one},"y":1}}{more}}}'
    rows, _ = read_one(tmp_path_factory.mktemp("one"), (text + '{"j":1}').encode(), contract(TYPES))
    assert len(rows) == 2
    row = rows[0]
    assert (row["j"], row["a"]) == (kept(one), [kept(one), kept(other)])
    assert (row["m"], row["s"]) == ([("k", kept(other))], {"x": kept(one), "y": 1})
    assert [reason["column"] for reason in row["_reasons"] or ()] == ([] if fast else ["forced"])
    assert row["_rescued"] == ('{"new":1}' if unknown else None)


@settings(max_examples=400)
@given(tokens)
@example(b'"\xff"')
@example(rb'"\ud800"')
@example(b"[" * 300 + b"]" * 300)
@example(b"01")
def test_what_is_no_json_is_never_kept_as_json(tmp_path_factory: pytest.TempPathFactory, value: bytes) -> None:
    text = b'{"j":' + value + b"}"
    rows, _ = read_one(tmp_path_factory.mktemp("one"), text, contract({"j": "json"}))
    if is_value(text, 200):
        assert [row["_record"] for row in rows] == [text]
        assert rows[0]["_reasons"] is None
    else:
        assert not any(row["_record"] == text and row["_reasons"] is None for row in rows)


def test_a_kept_value_holds_none_of_the_bytes_around_it() -> None:
    [field] = fields_of([RawField("j", "json")])
    row = decoder(row_type([field], forbid_unknown=False)).decode(b'{"x":"' + b"y" * 1000 + b'","j":[1]}')
    assert isinstance(row.f0, msgspec.Raw)
    assert field.to_arrow is not None
    assert field.to_arrow(row.f0) == b"[1]"


def test_absent_and_null_are_both_null(tmp_path: Path) -> None:
    rows, _ = read_one(tmp_path, b'{"j":null,"a":null,"m":null,"s":null}{}', contract(SHORT))
    assert [[row[name] for name in SHORT] for row in rows] == [[None] * 4] * 2


@given(json_texts)
def test_the_fast_way_takes_records_with_json_fields(text: str) -> None:
    fields = fields_of([RawField(name, type_) for name, type_ in TYPES.items()])
    record = f'{{"j":{text},"a":[{text}],"m":{{"k":{text}}},"s":{{"x":{text}}}}}'.encode()
    row = decoder(row_type(fields, forbid_unknown=True)).decode(record)
    assert [bytes(found) for found in (row.f0, row.f1[0], row.f2["k"], row.f3.f0)] == [text.encode()] * 4
