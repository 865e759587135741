"""What is said of a record's fields, and that the fast way says the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raw.reference_spans import objects, tokens
from sluice.contract.arrow import arrow_type
from sluice.contract.model import RawField
from sluice.raw.fields import decoder, fields_of, row_type
from sluice.raw.judge import Judge, Judgement
from sluice.raw.scan import is_value

TYPES = {
    "s": "string",
    "b": "boolean",
    "t": "tinyint",
    "h": "smallint",
    "i": "int",
    "l": "bigint",
    "f": "float",
    "d": "double",
    "m": "decimal(5,2)",
    "ai": "array<int>",
    "as": "array<struct<x:bigint,y:string>>",
    "u": "struct<id:bigint,n:string,p:struct<z:double>>",
    "p": "map<string,decimal(3,1)>",
    "ps": "map<string,struct<k:boolean>>",
    "a b": "string",
    "é": "bigint",
}
FIELDS = fields_of([RawField(name, type_) for name, type_ in TYPES.items()])
FAST = decoder(row_type(FIELDS, forbid_unknown=True)).decode
JUDGE = Judge(FIELDS, "rescue", 200)
# One field more, whose value is always wrong, keeps the judge from taking the record as a whole.
FORCED = Judge(fields_of([*(RawField(n, t) for n, t in TYPES.items()), RawField("forced", "bigint")]), "rescue", 200)


def values(row: Any) -> dict[str, Any]:
    """What goes into Arrow, and comes out of it."""
    found = {}
    for field in FIELDS:
        value = getattr(row, field.attribute)
        found[field.name] = pa.array([field.to_arrow(value) if field.to_arrow else value], field.arrow)[0].as_py()
    return found


def judged(text: str | bytes) -> Judgement:
    return JUDGE(text.encode() if isinstance(text, str) else text)


def reasons(text: str) -> list[tuple[str, str]]:
    return [(reason.rule, reason.column) for reason in judged(text).reasons]


def has_twins(text: str) -> bool:
    found: list[bool] = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(len(dict(pairs)) < len(pairs)))
    return any(found)


_scalars = [
    *r"""null true false "" "x" "12" "\u00e9\ud83d\ude00" "}{" [] {} [1] [null,2] [1.5] [[1]]""".split(),
    *"0 -0 1 -1 127 128 -129 32768 2147483647 2147483648 9223372036854775807 9223372036854775808".split(),
    *"-9223372036854775808 18446744073709551616 1.0 1e0 1e5 0.1 -0.0 1.25 1.255 999.99 1000 99.9 1e2 1e-2".split(),
    *"120e-1 1e400 -1e400 1e-400 3.4028235e38 3.5e38 1e99999999999999999999 0e99999999999999999999".split(),
    "1" + "0" * 30,
    "1" + "0" * 400,
]
_value = st.sampled_from(_scalars)
_member = st.tuples(st.sampled_from(["id", "n", "p", "z", "x", "y", "k", "ID", "é", "q"]), _value)


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in members) + "}"


_inner = _value | st.lists(_member, max_size=3).map(_object)
_nested = (
    _inner
    | st.lists(_inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
    | st.lists(st.tuples(st.sampled_from(["id", "p", "k"]), _inner), max_size=3).map(_object)
)
near_the_contract = st.lists(st.tuples(st.sampled_from([*TYPES, *TYPES, "S", "x"]), _nested | _value), max_size=6).map(
    _object
)
fitting = {
    "s": '"x"',
    "b": "true",
    "t": "-128",
    "h": "32767",
    "i": "7",
    "l": "9223372036854775807",
    "f": "1.5",
    "d": "1e300",
    "m": "999.99",
    "ai": "[1,null]",
    "as": '[{"x":1},{"y":"z"},null]',
    "u": '{"id":1,"p":{"z":0.5}}',
    "é": "1",
    "p": '{"a":99.9,"b":null}',
    "ps": '{"a":{"k":true}}',
    "a b": '"sp"',
}
sound = st.lists(st.sampled_from(sorted(fitting)), max_size=8).map(
    lambda names: _object([(n, fitting[n]) for n in names])
)


@settings(max_examples=1500, deadline=None)
@given(near_the_contract | sound)
@example(_object(sorted(fitting.items())))
def test_the_fast_way_and_the_judge_agree(text: str) -> None:
    judgement = judged(text)
    forced = FORCED(text[:-1].encode() + (b"," if len(text) > 2 else b"") + b'"forced":"x"}')
    assert [(r.rule, r.column) for r in forced.reasons] == [*reasons(text), ("wrong_type", "forced")]
    assert forced.rescued == judgement.rescued
    assert repr(values(forced.row)) == repr(values(judgement.row))
    try:
        row = FAST(text.encode())
    except (ValueError, ArithmeticError):
        # A wrong value may hide behind a later one of the same name.
        assert judgement.reasons or judgement.rescued or has_twins(text)
    else:
        assert not judgement.reasons
        assert not judgement.rescued
        assert repr(values(row)) == repr(values(judgement.row))


@settings(max_examples=1200, deadline=None)
@given(tokens | objects | near_the_contract.map(str.encode))
def test_the_fast_way_takes_only_strict_json(text: bytes) -> None:
    try:
        FAST(text)
    except (ValueError, ArithmeticError):
        return
    assert is_value(text.strip(b" \t\r\n"), 200)


@settings(max_examples=500, deadline=None)
@given(near_the_contract)
def test_what_is_rescued_is_what_came(text: str) -> None:
    judgement = judged(text)
    exactly = {"parse_int": str, "parse_float": str}
    known, came = set(TYPES), json.loads(text, **exactly)  # type: ignore[call-overload]
    rescued = json.loads(judgement.rescued or "{}", **exactly)  # type: ignore[call-overload]
    for name in came.keys() - known:
        assert rescued[name] == came[name]
    assert rescued.keys() <= (came.keys() - known) | {name for name in rescued if "." in name}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"l": "12"}', [("wrong_type", "l")]),
        ('{"l": 1.0}', [("wrong_type", "l")]),
        ('{"l": 1e5}', [("wrong_type", "l")]),
        ('{"l": 1e400}', [("wrong_type", "l")]),
        ('{"l": true}', [("wrong_type", "l")]),
        ('{"l": ""}', [("wrong_type", "l")]),
        ('{"l": {"a": 1}}', [("wrong_type", "l")]),
        ('{"s": 1}', [("wrong_type", "s")]),
        ('{"s": {"a": 1}}', [("wrong_type", "s")]),
        ('{"b": 0}', [("wrong_type", "b")]),
        ('{"d": "1"}', [("wrong_type", "d")]),
        ('{"d": false}', [("wrong_type", "d")]),
        ('{"u": []}', [("wrong_type", "u")]),
        ('{"ai": {}}', [("wrong_type", "ai")]),
        ('{"m": "1.10"}', [("wrong_type", "m")]),
        ('{"l": 9223372036854775808}', [("not_convertible", "l")]),
        ('{"l": 1000000000000000000000000000000}', [("not_convertible", "l")]),
        ('{"t": 128}', [("not_convertible", "t")]),
        ('{"d": 1e400}', [("not_convertible", "d")]),
        ('{"f": 1e39}', [("not_convertible", "f")]),
        ('{"m": 1000}', [("not_convertible", "m")]),
        ('{"m": 1.005}', [("not_convertible", "m")]),
        ('{"m": 1e99999999999999999999}', [("not_convertible", "m")]),
        ('{"u": {"id": "1", "p": {"z": "2"}}}', [("wrong_type", "u.id"), ("wrong_type", "u.p.z")]),
        ('{"as": [{"x": "1"}, {"x": "2"}, 3]}', [("wrong_type", "as.element.x"), ("wrong_type", "as.element")]),
        ('{"p": {"a": "1", "b": 100}}', [("wrong_type", "p.value"), ("not_convertible", "p.value")]),
        ('{"l": null, "u": {"id": null}, "ai": [null], "p": {"a": null}}', []),
        ('{"f": 3.4028235e38, "d": 18446744073709551616, "m": 1e2, "l": -0}', []),
        ('{"l": "1", "l": 1}', []),
        ('{"l": 1, "l": "1"}', [("wrong_type", "l")]),
        ('{"x": 1e400, "y": 99999999999999999999999999}', []),
    ],
)
def test_each_value_ends_where_the_contract_says(text: str, expected: list[tuple[str, str]]) -> None:
    assert reasons(text) == expected


def test_all_reasons_come_at_once_and_show_no_value() -> None:
    judgement = judged('{"l": "secret", "s": 4711, "d": 1e400, "b": true, "i": 815.5, "S": "secret"}')
    assert [(r.rule, r.column, r.message) for r in judgement.reasons] == [
        ("wrong_type", "s", "expected string, found number"),
        ("wrong_type", "i", "expected integer (int), found number with a fraction or an exponent"),
        ("wrong_type", "l", "expected integer (bigint), found string"),
        ("not_convertible", "d", "expected number (double), found a number that it cannot hold"),
    ]
    assert judgement.bad == ["s", "i", "l", "d"]
    assert values(judgement.row) == {**dict.fromkeys(TYPES), "b": True}
    assert judgement.rescued == '{"S":"secret"}'


def test_a_field_with_a_reason_within_is_null_as_a_whole() -> None:
    judgement = judged('{"u": {"id": "x", "n": "y"}, "ai": [1, "2"]}')
    assert values(judgement.row) == dict.fromkeys(TYPES)
    assert judgement.bad == ["ai", "u"]


def test_rescued_values_are_text_as_received() -> None:
    text = r'{"L": 1, "big" : 1e400, "n": [ 1,  2 ], "big": 123456789012345678901234567890.10, "\u0041": "\u00e9"}'
    assert judged(text).rescued == '{"L":1,"big":123456789012345678901234567890.10,"n":[ 1,  2 ],"A":"\\u00e9"}'


def test_unknown_members_within_are_rescued_under_their_path() -> None:
    judgement = judged(
        '{"u": {"id": 1, "q": 2, "p": {"w": 3}}, "as": [{"x": 1}, {"v": 4}], "ps": {"k1": {"K": 5}}, "z": 6}'
    )
    assert not judgement.reasons
    assert judgement.rescued == '{"z":6,"as[1].v":4,"u.q":2,"u.p.w":3,"ps.k1.K":5}'
    assert judgement.unknown == ["z", "as.element.v", "u.q", "u.p.w", "ps.value.K"]
    assert values(judgement.row)["u"] == {"id": 1, "n": None, "p": {"z": None}}


def test_a_contract_may_refuse_unknown_fields() -> None:
    judgement = Judge(FIELDS, "reject", 200)(b'{"s": "x", "S": "secret", "u": {"q": 1}}')
    assert [(r.rule, r.column) for r in judgement.reasons] == [("unknown_field", "S"), ("unknown_field", "u.q")]
    assert "secret" not in repr(judgement.reasons)
    assert (judgement.bad, judgement.rescued) == ([], None)
    assert values(judgement.row)["s"] == "x"


def test_a_decimal_is_held_to_the_last_digit_or_not_at_all() -> None:
    assert values(judged('{"m": 1.10}').row)["m"] == Decimal("1.10")
    assert values(judged('{"m": -999.9900}').row)["m"] == Decimal("-999.99")
    assert values(judged('{"m": 0.000}').row)["m"] == Decimal("0.00")


def test_arrow_types_are_what_spark_makes_of_the_same_words() -> None:
    types = {field.name: field.arrow for field in FIELDS}
    assert types["u"] == pa.struct([("id", pa.int64()), ("n", pa.string()), ("p", pa.struct([("z", pa.float64())]))])
    assert types["m"] == pa.decimal128(5, 2)
    assert types["ps"] == arrow_type(FIELDS[13].type)
