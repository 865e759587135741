"""The setting `enrich`: what may be filled with what, and by what."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from sluice.contract.load import load_contract, parse_contract
from sluice.contract.model import Contract, Enrich
from sluice.errors import ContractError
from support.contracts import text_of, visits

PLACE = {"fill": {"size": "latitude"}, "from": "countries", "by": "id", "source": "made_by"}


def of(*rules: Any, **settings: Any) -> str:
    found = visits(settings={"enrich": list(rules), **settings})
    found["schema"][0]["properties"] += [
        {"name": name, "physicalType": "string"} for name in ("made_by", "text", "word", "word_by")
    ]
    return text_of(found)


def problems(*rules: Any, **settings: Any) -> list[str]:
    with pytest.raises(ContractError) as error:
        parse_contract(of(*rules, **settings), "c.yaml")
    return [line.removeprefix("customProperties[0] enrich") for line in error.value.problems]


def test_what_is_filled_is_read_in_the_order_in_which_it_is_written() -> None:
    word = {"fill": {"word": "word"}, "from": "vader", "by": "text", "source": "word_by"}
    contract = parse_contract(of(PLACE, word), "c.yaml")
    assert contract.enrich == (
        Enrich("countries", "id", (("size", "latitude"),), "made_by"),
        Enrich("vader", "text", (("word", "word"),), "word_by"),
    )
    assert msgspec.json.decode(msgspec.json.encode(contract), type=Contract) == contract


def test_what_is_filled_counts_in_the_fingerprint_and_nothing_filled_does_not_change_it() -> None:
    prints = [parse_contract(of(*rules), "c.yaml").fingerprint for rules in ((), (PLACE,), ({**PLACE, "by": "text"},))]
    bare = deepcopy(visits())
    bare["schema"][0]["properties"] += [
        {"name": name, "physicalType": "string"} for name in ("made_by", "text", "word", "word_by")
    ]
    assert len(set(prints)) == 3
    assert parse_contract(text_of(bare), "c.yaml").fingerprint == prints[0]


def test_every_problem_of_what_is_filled_is_told_at_once() -> None:
    assert problems(
        "latitude",
        {**PLACE, "from": "cities"},
        {**PLACE, "fill": {}},
        {**PLACE, "fill": {"size": "height", "id": "latitude", "no": "code"}, "by": "sizes", "source": "size"},
    ) == [
        "[0]: expected {fill, from, by, source}, found 'latitude'",
        "[1]: from: expected countries or vader, found 'cities'",
        "[2]: fill: expected {field: code or name or latitude or longitude}, found {}",
        "[3]: fill: countries has no 'height'; it has code, name, latitude, longitude",
        "[3]: fill: `id` is string, expected double or float",
        "[3]: fill: raw has no field 'no'",
        "[3]: by: raw has no field 'sizes' (did you mean `size`?)",
        "[3]: source: `size` is double, expected string",
    ]
    assert problems(PLACE, {**PLACE, "by": "made_by", "source": "word_by"}) == [
        "[1]: `size` is filled by customProperties[0] enrich[0] already",
        "[1]: by: `made_by` is filled itself; what is made of made values tells nobody anything",
    ]


def test_whether_a_record_is_data_is_not_asked_of_what_is_filled() -> None:
    filters = [{"kind": "small", "expression": "size < 1"}, {"kind": "named", "expression": "id = 'x'"}]
    assert problems(PLACE, recordFilters=filters) == ["recordFilters small: asks for `size`, which enrich fills"]


def test_the_shipped_contract_names_what_fills_in_nullable_columns() -> None:
    contract = load_contract("app_messages")
    columns = {column.name: column for column in contract.columns}
    assert [columns[one.source].required for one in contract.enrich] == [False, False]
    assert {field for one in contract.enrich for field, _ in one.fill} <= set(columns)
