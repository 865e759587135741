"""The format that raw data lands in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.contract.load import parse_contract
from sluice.contract.model import Contract, Csv
from support.contracts import text_of, visits

ROOT = Path(__file__).parents[2]


def of(format_: str | None, fields: dict[str, str], **settings: object) -> dict[str, Any]:
    """A contract whose curated columns are the raw fields."""
    found = visits(settings=settings)
    raw, curated = found["schema"]
    raw["physicalType"] = format_
    raw["properties"] = [{"name": name, "physicalType": type_} for name, type_ in fields.items()]
    curated["properties"] = [{"name": "kept", "physicalType": "string", "transformLogic": "string(id)"}]
    return found


def parsed(*args: Any, **settings: object) -> Contract:
    return parse_contract(text_of(of(*args, **settings)), "c.yaml")


def problems(*args: Any, **settings: object) -> list[str]:
    with pytest.raises(Exception, match="problem") as error:
        parsed(*args, **settings)
    return list(error.value.problems)  # type: ignore[attr-defined]


DATED = {"id": "bigint", "d": "date", "t": "array<timestamp>", "b": "struct<x:binary>"}


def test_parquet_holds_what_json_has_no_values_for() -> None:
    contract = parsed("parquet", DATED)
    assert (contract.raw_format, contract.csv) == ("parquet", None)
    assert [field.type for field in contract.raw] == list(DATED.values())
    assert len(problems("json", DATED)) == len(problems(None, DATED)) == 3


def test_csv_is_read_as_its_setting_says() -> None:
    contract = parsed("csv", {"id": "string"}, csv={"header": True, "delimiter": ";", "quote": "'", "nullText": "NULL"})
    assert (contract.raw_format, contract.csv) == ("csv", Csv(True, ";", "'", "NULL"))
    assert parsed("csv", {"id": "string"}, csv={"header": False}).csv == Csv(False, ",", '"', "")


def test_every_problem_of_a_format_is_told_at_once() -> None:
    types = {"id": "string", "l": "array<date>", "j": "json", "d": "date"}
    instead = "land it as string and convert it in transformLogic"
    assert problems("csv", types, csv={"headr": True, "delimiter": '"', "quote": "ab", "nullText": 0}) == [
        f"schema[0].properties[1] l: CSV has no array: {instead}",
        f"schema[0].properties[2] j: CSV has no json: {instead}",
        f"schema[0].properties[3] d: CSV has no date: {instead}",
        "customProperties[0] csv: no such part `headr` (did you mean `header`?); there are header, delimiter, quote, "
        "nullText, joinedRows",
        "customProperties[0] csv: header: expected true or false, found None",
        "customProperties[0] csv: quote: expected one ASCII character, no line end and no blank, found 'ab'",
        "customProperties[0] csv: delimiter: expected one ASCII character, no line end and no blank, found '\"'",
        "customProperties[0] csv: nullText: expected text, found 0",
    ]
    assert problems("csv", {"id": "string"}) == [
        "schema[0] raw: physicalType csv needs the setting csv in customProperties: {header: true or false}"
    ]
    assert problems("parket", {"id": "string"}, csv={"header": True}) == [
        "schema[0] raw: physicalType: expected json, csv or parquet, found 'parket' (did you mean `parquet`?)",
        "customProperties[0] csv: is for raw data of physicalType csv, but it is json",
    ]


def test_the_format_counts_in_the_fingerprint_and_json_does_not_change_it() -> None:
    types, how = {"id": "string"}, {"header": True}
    prints = [
        parsed("json", types).fingerprint,
        parsed("parquet", types).fingerprint,
        parsed("csv", types, csv=how).fingerprint,
        parsed("csv", types, csv={**how, "nullText": "-"}).fingerprint,
    ]
    assert len(set(prints)) == 4
    assert parsed(None, types).fingerprint == prints[0]
    assert prints[0] == "a4d7b5ea6f92c2856f8a3570aae1464c969e604df5e6dbe3355a4d2effd3fd9e"  # as it always was


def test_a_ledger_row_from_before_there_were_formats_is_still_read() -> None:
    contract = parsed("csv", {"id": "string"}, csv={"header": True})
    assert msgspec.json.decode(msgspec.json.encode(contract), type=Contract) == contract
    old = msgspec.json.decode(msgspec.json.encode(parsed("json", {"id": "string"})))
    del old["raw_format"], old["csv"]
    assert msgspec.convert(old, Contract) == parsed("json", {"id": "string"})
