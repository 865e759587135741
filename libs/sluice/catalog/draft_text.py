"""A drafted contract as text: YAML that people edit, with a head that says what it is and whether it was edited."""

from __future__ import annotations

import hashlib
import re
import textwrap
from typing import Any

import yaml

from sluice.catalog.draft_columns import Drafted, Sketch
from sluice.catalog.draft_types import JSON, kinds_of
from sluice.catalog.evidence import evidence, is_personal
from sluice.catalog.findings import Found, Place
from sluice.catalog.names import snake
from sluice.contract.types import SparkType

WIDTH = 120
_SEAL = re.compile(r"^# sha256 of the rest: ([0-9a-f]{64})\n", re.MULTILINE)
_LOGICAL = {
    **dict.fromkeys("tinyint smallint int bigint".split(), "integer"),
    **dict.fromkeys("float double decimal".split(), "number"),
    **dict.fromkeys("string binary".split(), "string"),
    **dict.fromkeys("struct map".split(), "object"),
    **{kind: kind for kind in "boolean date timestamp array".split()},
}


def contract_text(found: Found, made: Sketch) -> str:
    """The whole file."""
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": found.name,
        "name": found.name.replace("_", " ").capitalize(),
        "version": "1.0.0",
        "status": "draft",
        "description": {"purpose": "To be written: what a record is, who sends it, what it is good for."},
        "schema": [_raw(found, made), _curated(found, made)],
        "customProperties": [*_csv(found), {"property": "unknownFields", "value": "rescue"}],
    }
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return sealed(f"{_head(found, made)}\n{_spaced(body)}")


def sealed(text: str) -> str:
    """`text` with the line by which it is known that nobody has edited it."""
    return f"# sha256 of the rest: {hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def is_unedited(text: str) -> bool:
    """Whether `text` is a draft as it was written."""
    line = _SEAL.match(text)
    return line is not None and line[1] == hashlib.sha256(text[line.end() :].encode()).hexdigest()


class _Dumper(yaml.SafeDumper):
    """Lists stand out from what holds them, and nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _spaced(body: str) -> str:
    """Empty lines before the parts of the contract."""
    return re.sub(r"^(schema:|customProperties:|  - name: (?!raw$))", r"\n\1", body, flags=re.MULTILINE)


def _head(found: Found, made: Sketch) -> str:
    what = "all" if found.full else "a sample"
    lines = [
        f"A draft by a crawl of {found.location}: {found.format}, {what} ({found.records} records of "
        f"{found.sampled_objects} of {found.objects} objects, {found.damaged} damaged).",
        "It takes all that was found, and promises nothing. Read it, name it, tighten it, set status: active; once it "
        "is edited, a crawl leaves it alone and writes its own draft beside it.",
    ]
    for key in found.keys[:3]:
        lines.append(f"Likely key: {'.'.join(key.path)} ({key.reason}). {_key_advice(made, key.path)}")
    wrapped = (textwrap.wrap(line, WIDTH - 2) for line in [*lines, *map(_sentence, made.notes)])
    return "".join(f"# {line}\n" for lines in wrapped for line in lines)


def _key_advice(made: Sketch, path: tuple[str, ...]) -> str:
    column = next((one.name for one in made.columns if one.path == path), None)
    if column is None:
        return "It is part of a struct: flatten that, or make a column of it, to use it."
    return (
        f"As it is, byte-equal records are one row. To keep one row per `{column}`: required, primaryKey and "
        "primaryKeyPosition: 1 there, and below customProperties keep: first, or keep: newest with newestBy."
    )


def _sentence(note: str) -> str:
    return " ".join(f"{note[:1].upper()}{note[1:]}.".split())


def _raw(found: Found, made: Sketch) -> dict[str, Any]:
    properties = []
    for name, type_ in made.raw.items():
        place = found.root.members.get(name, Place())
        personal = is_personal(place, snake(name))
        one: dict[str, Any] = {"name": name, "logicalType": _raw_logical(type_, place), "physicalType": type_.text}
        if personal:
            one["classification"] = "personal"
        one["description"] = _one_line(evidence(place, found.records, personal))
        properties.append(one)
    return {
        "name": "raw",
        "physicalType": found.format,
        "description": "What lands, as a crawl found it.",
        "properties": properties,
    }


def _raw_logical(type_: SparkType, place: Place) -> str:
    if type_.kind == JSON:
        return {frozenset(["object"]): "object", frozenset(["array"]): "array"}.get(
            frozenset(kinds_of(place)), "string"
        )
    return _LOGICAL[type_.kind]


def _curated(found: Found, made: Sketch) -> dict[str, Any]:
    return {
        "name": found.name,
        "physicalType": "table",
        "description": "One row per record.",
        "dataGranularityDescription": "One row per record; byte-equal records are one row.",
        "properties": [_column(found, one) for one in made.columns],
    }


def _column(found: Found, column: Drafted) -> dict[str, Any]:
    one: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.type.kind],
        "physicalType": column.type.text,
    }
    if column.partitioned:
        one |= {"partitioned": True, "partitionKeyPosition": 1}
    if is_personal(column.place, snake(column.path[-1])):
        one["classification"] = "personal"
    if column.expression is not None:
        one["transformLogic"] = column.expression
    origin = ".".join(column.path)
    told = f"{origin}: {column.conversion}" if column.conversion else f"{origin}, as received"
    if len(column.path) > 1:
        told += f". {evidence(column.place, found.records, is_personal(column.place, snake(column.path[-1])))}"
    one["description"] = _one_line(told if told.endswith(".") else f"{told}.")
    return one


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _csv(found: Found) -> list[dict[str, Any]]:
    if found.format != "csv" or found.csv is None:
        return []
    value = {"header": found.csv.header, "delimiter": found.csv.delimiter, "quote": found.csv.quote}
    return [{"property": "csv", "value": value}]
