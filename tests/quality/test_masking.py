"""What people read holds no personal data, whatever senders put where."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract.build import build
from sluice.contract.model import Contract
from sluice.quality.masking import MASK, classified, harmless, masked_record, masked_results
from sluice.quality.model import Check, Kind, Result
from support.contracts import text_of, visits

SECRET = "Ada Lovelace"


@pytest.fixture(scope="module")
def contract() -> Contract:
    """`id` is personal, `path` is made from `page`, which is nobody's secret; `size` is plain."""
    return build(text_of(visits(column_0={"classification": "personal"})), "visits.yaml")


def result(rule: str, column: str, kind: Kind = "gate") -> Result:
    return Result(Check("one", rule, column, "critical", kind), 10, 1, SECRET, 42.0, "at most 9", False)


def test_what_a_classified_column_is_made_from_is_classified_as_well(contract: Contract) -> None:
    made = build(text_of(visits(column_3={"classification": "personal"})), "visits.yaml")
    assert classified(contract) == {"id"}
    assert classified(made) == {"path", "page"}


def test_what_is_made_of_a_classified_field_is_classified_as_well() -> None:
    made = build(text_of(visits(raw_2={"classification": "personal"})), "visits.yaml")
    assert classified(made) == {"path", "page"}
    assert harmless(made) == {"id", "size"}


@pytest.mark.parametrize(
    "rule", ["expect_column_max_to_be_between", "expect_column_most_common_value_to_be_in_set", "something_new"]
)
def test_a_value_seen_in_a_classified_column_is_masked(contract: Contract, rule: str) -> None:
    for column in ("id", "ID", "size,id", "`id`", "id.first", "_rescued", ""):
        (masked,) = masked_results([result(rule, column)], contract)
        assert (masked.observed, masked.observed_value) == (MASK, None), column
        assert (masked.evaluated, masked.failed, masked.threshold, masked.success) == (10, 1, "at most 9", False)


@pytest.mark.parametrize(
    ("rule", "column", "kind"),
    [
        ("expect_column_max_to_be_between", "size", "gate"),
        ("expect_column_values_to_be_unique", "id", "gate"),
        ("expect_column_proportion_of_non_null_values_to_be_between", "id", "gate"),
        ("expect_table_row_count_to_be_between", "", "gate"),
        ("expect_column_values_to_match_regex", "id", "row"),
        ("null_share", "id", "history"),
        ("required", "id", "contract"),
    ],
)
def test_counts_and_shares_stay_and_so_do_values_of_other_columns(
    contract: Contract, rule: str, column: str, kind: Kind
) -> None:
    found = result(rule, column, kind)
    assert masked_results([found], contract) == [found]


def test_of_a_sound_record_only_harmless_values_and_declared_names_are_shown(contract: Contract) -> None:
    record = {"id": SECRET, "at": 17, "page": {"path": SECRET}, "tags": [SECRET], "size": 1.50, SECRET: 1, "Id": SECRET}
    shown = masked_record(json.dumps(record).encode(), contract)
    assert shown == (
        '{"id": "•••", "at": "•••", "page": "•••", "tags": "•••", "size": 1.5, "•••": "•••", "•••": "•••"}'
    )
    assert harmless(contract) == {"size"}


def test_a_number_is_shown_as_it_was_written(contract: Contract) -> None:
    assert masked_record(b'{"size": 1.50e2}', contract) == '{"size": 1.50e2}'
    assert masked_record(b'{"size": -0}', contract) == '{"size": -0}'


def test_of_anything_else_no_more_than_kinds_of_characters_is_shown(contract: Contract) -> None:
    assert masked_record(b'{"size": 12, "id": "Ada L', contract) == '{"xxxx": 00, "xx": "xxx x'
    assert masked_record('{"é٣": 1,}\n'.encode(), contract) == '{"x0": 0,} '
    assert masked_record(b"\xff\xfe{", contract) == "??{"
    assert masked_record(b'{"size": NaN}', contract) == '{"xxxx": xxx}'


HOSTILE = [
    b'{"id": "<script>alert(1)</script>"}',
    b'{"id": "\\ud800"}',
    b'{"size": "\\ud800\\u202e"}',
    b'{"n\\u0061me": "Ada Lovelace"}',
    b"[" * 60_000,
    b'["Ada Lovelace", {"size": "Ada Lovelace"}]',
    b'"Ada Lovelace"',
    b"9" * 5_000,
    b'{"size": ' + b"9" * 5_000 + b"}",
    b"",
    b"\xed\xa0\x80Ada Lovelace",
    b'{"id": "' + b"Ada Lovelace" * 1_400_000 + b'"}',
    b"{" + b",".join(b'"Ada Lovelace%d": 1' % n for n in range(2_000)) + b"}",
]


@pytest.mark.parametrize("record", HOSTILE)
def test_a_hostile_record_is_shown_short_and_printable_and_without_its_values(
    contract: Contract, record: bytes
) -> None:
    shown = masked_record(record, contract)
    assert len(shown) <= 401
    assert shown.isprintable()
    assert "Ada" not in shown
    assert "script" not in shown
    shown.encode()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(before=st.dictionaries(st.text(), values, max_size=3), key=st.sampled_from(["id", "ID", "tags", "x", SECRET]))
def test_wherever_a_secret_stands_it_is_not_shown(contract: Contract, before: dict[str, object], key: str) -> None:
    secret = "Zweig" * 3
    for hidden in (secret, [secret], {secret: secret}):
        record = json.dumps({**before, key: hidden}).encode()
        assert "Zweig" not in masked_record(record, contract)
        assert "Zweig" not in masked_record(record[:-1], contract)


@given(st.binary(max_size=600))
def test_bytes_that_are_no_record_never_show_a_letter_or_a_digit_of_theirs(contract: Contract, record: bytes) -> None:
    shown = masked_record(record, contract)
    assert len(shown) <= 401
    if "{" not in shown and "[" not in shown and MASK not in shown:
        assert set(shown) <= set(string.punctuation + "x0 ?…")
