"""The format that raw data lands in, and what it means for raw fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from open_data_contract_standard.model import SchemaObject

from sluice.contract.model import Csv, RawFormat
from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.contract.scope import Named
from sluice.contract.types import JSON, SparkType

FORMATS: tuple[RawFormat, ...] = get_args(RawFormat)
_AS_STRING = "land it as string and convert it in transformLogic"
_NOT_IN_JSON = {
    "date": _AS_STRING,
    "timestamp": "land it as string or bigint and convert it in transformLogic",
    "binary": _AS_STRING,
}
_NOT_IN_CSV = dict.fromkeys(("date", "timestamp", "binary", "array", "map", "struct", JSON), _AS_STRING)
_NO_DELIMITER = '\r\n\0 "'


def read_format(found: SchemaObject, at: int, problems: Problems) -> RawFormat:
    """The physicalType of the raw object; JSON where it has none."""
    value = found.physicalType
    if value is None:
        return "json"
    for one in FORMATS:
        if value == one:
            return one
    hint = did_you_mean(value, FORMATS)
    expected = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    problems.add(f"schema[{at}] {found.name}", f"physicalType: expected {expected}, found {shown(value)}{hint}")
    return "json"


def check_held(type_: SparkType, format_: RawFormat, place: str, problems: Problems) -> None:
    """A raw field's type must be one that values of the format can have."""
    unheld = {"json": _NOT_IN_JSON, "csv": _NOT_IN_CSV, "parquet": {}}[format_]
    name = {"json": "JSON", "csv": "CSV", "parquet": "Parquet"}[format_]
    # Where a list is wrong as a whole, what is in it does not matter.
    for inner in [type_] if type_.kind in unheld else type_.walk():
        if inner.kind in unheld:
            problems.add(place, f"{name} has no {inner.kind}: {unheld[inner.kind]}")


def read_csv(value: object, place: str, problems: Problems) -> Csv | None:
    """The setting `csv`: {header, delimiter, quote, nullText, joinedRows}; all but header may be left out."""
    known = ("header", "delimiter", "quote", "nullText", "joinedRows")
    if not isinstance(value, dict):
        problems.add(place, f"expected {{{', '.join(known)}}}, found {shown(value)}")
        return None
    before = len(problems.lines)
    for name in value:
        if name not in known:
            problems.add(place, f"no such part `{name}`{did_you_mean(str(name), known)}; there are {', '.join(known)}")
    header = value.get("header")
    if not isinstance(header, bool):
        problems.add(place, f"header: expected true or false, found {shown(header)}")
    # Files without quoting have quotes that mean nothing.
    quote = "" if value.get("quote") == "" else _character(value, "quote", '"', "\r\n\0 ", place, problems)
    delimiter = _character(value, "delimiter", ",", _NO_DELIMITER + quote, place, problems)
    null_text = value.get("nullText", "")
    if not isinstance(null_text, str):
        problems.add(place, f"nullText: expected text, found {shown(null_text)}")
    joined = value.get("joinedRows", "refuse")
    if joined not in ("refuse", "split"):
        problems.add(place, f"joinedRows: expected refuse or split, found {shown(joined)}")
    if len(problems.lines) > before:
        return None
    return Csv(header is True, delimiter, quote, str(null_text), joined == "split")


def _character(value: dict[Any, Any], name: str, usual: str, not_these: str, place: str, problems: Problems) -> str:
    found = value.get(name, usual)
    if isinstance(found, str) and len(found) == 1 and found.isascii() and found not in not_these:
        return found
    problems.add(place, f"{name}: expected one ASCII character, no line end and no blank, found {shown(found)}")
    return ""


def check_csv(format_: RawFormat, csv: Csv | None, place: str | None, problems: Problems) -> None:
    """The setting is there where the format is CSV, and nowhere else; `place` is where it was given."""
    if place is not None and format_ != "csv":
        problems.add(place, f"is for raw data of physicalType csv, but it is {format_}")
    elif place is None and format_ == "csv":
        problems.add(
            "schema[0] raw", "physicalType csv needs the setting csv in customProperties: {header: true or false}"
        )


def check_joined(csv: Csv | None, fields: Sequence[Named], place: str, problems: Problems) -> None:
    """Where one row ends and the next begins is beyond doubt only if a row's last cell holds no blank."""
    if csv is None or not csv.split_joined:
        return
    if csv.header:
        problems.add(place, "joinedRows: split needs header: false, since it is the place that tells a row's last cell")
    elif len(fields) < 2 or fields[-1].type.kind in ("string", "boolean"):
        problems.add(place, "joinedRows: split needs rows of two cells or more that end with a number")
