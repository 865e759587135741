"""The evolved raw schema: its document, and which type takes which values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.errors import CommitUnknownError, LeaseLostError, LedgerError
from sluice.lake.evolved import EvolvedField, EvolvedSchema, type_of
from sluice.lake.rescued import boolean, integer, kind_of, number, string

PLAN, SEATS = EvolvedField("plan", "string", "b1"), EvolvedField("seats", "bigint", "b2")


def held() -> None:
    """The lease is ours."""


def test_a_schema_grows_document_by_document_and_the_newest_counts(lake: str) -> None:
    assert EvolvedSchema.read(lake) == EvolvedSchema(lake)
    first = EvolvedSchema.read(lake).having([PLAN], held)
    first.having([SEATS], held)
    assert EvolvedSchema.read(lake).fields == (PLAN, SEATS)
    documents = sorted(path.name for path in Path(lake).iterdir())
    assert documents == [f"{number:020d}.json" for number in (1, 2)]
    assert json.loads(Path(lake, documents[0]).read_text()) == {"fields": [vars(PLAN)]}


def test_a_document_that_is_there_is_never_replaced_and_who_wrote_it_twice_is_content(lake: str) -> None:
    stale = EvolvedSchema.read(lake)
    written = stale.having([PLAN], held)
    assert stale.having([PLAN], held) == written
    with pytest.raises(CommitUnknownError, match="found another run's"):
        stale.having([SEATS], held)
    assert EvolvedSchema.read(lake).fields == (PLAN,)


def test_who_lost_the_lease_records_nothing(lake: str) -> None:
    def lost() -> None:
        raise LeaseLostError("lost")

    with pytest.raises(LeaseLostError):
        EvolvedSchema.read(lake).having([PLAN], lost)
    assert EvolvedSchema.read(lake).number == 0


def test_a_document_that_was_edited_into_something_else_is_told(lake: str) -> None:
    Path(lake, f"{1:020d}.json").write_text('{"fields": [{"name": "plan"}]}')
    with pytest.raises(LedgerError, match="expected an evolved schema"):
        EvolvedSchema.read(lake)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-7", str(2**63 - 1)], "bigint"),
        (["1", "1.5", "2e3"], "double"),
        ([str(2**53 + 1), "1.5"], "json"),
        ([str(2**63)], "json"),
        (["0.1234567890123456789"], "json"),
        (["1e400"], "json"),
        (["true", "false"], "boolean"),
        (['"a"', '"\\u20ac"'], "string"),
        (['"\\ud800"'], "json"),
        (['"1"', "1"], "json"),
        (["true", "1"], "json"),
        (["[1]"], "json"),
        (["{}", "null"], "json"),
    ],
)
def test_a_type_takes_all_values_it_was_found_for_and_json_takes_the_rest(values: list[str], type_: str) -> None:
    assert type_of(filter(None, map(kind_of, values))) == type_


class Raw(str):
    """A number as it is written."""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=20).map(str).map(Raw),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
READ = {"bigint": integer, "double": number, "boolean": boolean, "string": string}


def text_of(value: Any) -> str:
    return value if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False, default=str)


@given(values=st.lists(JSON.filter(lambda value: value is not None), min_size=1, max_size=4))
@example(values=[0, 0.5, -0.0])
@example(values=[2**53, 0.5])
def test_whatever_values_a_type_was_found_for_it_holds_them_exactly(values: list[Any]) -> None:
    from decimal import Decimal

    texts = [text_of(value) for value in values]
    type_ = type_of(map(kind_of, texts))
    if type_ == "json":
        return
    for text in texts:
        held_as = READ[type_](text)
        assert held_as is not None
        exact = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        assert (Decimal(repr(held_as)) if isinstance(exact, Decimal) else held_as) == exact
