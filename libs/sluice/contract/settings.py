"""The contract's own customProperties: what the standard has no place for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard

from sluice.contract.enrichment import read_enrich
from sluice.contract.expressions import check_expression
from sluice.contract.fields import check_name
from sluice.contract.formats import read_csv
from sluice.contract.model import MAX_NESTING, MAX_RECORD_BYTES, Csv, Enrich, Filter, Keep, UnknownFields
from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.contract.scope import Scope

NAMES = (
    "keep",
    "newestBy",
    "unknownFields",
    "recordFilters",
    "maxRecordBytes",
    "maxNesting",
    "csv",
    "evolveColumns",
    "enrich",
)
LEAST_RECORD_BYTES, MOST_RECORD_BYTES = 1 << 10, 128 << 20
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass
class Settings:
    """Values as given, `keep` None where not given; `places` says where each was."""

    places: dict[str, str]
    keep: Keep | None = None
    newest_by: str | None = None
    unknown_fields: UnknownFields = "rescue"
    filters: tuple[Filter, ...] = ()
    max_record_bytes: int = MAX_RECORD_BYTES
    max_nesting: int = MAX_NESTING
    csv: Csv | None = None
    evolve_columns: tuple[str, ...] = ()
    enrich: tuple[Enrich, ...] = ()


def read_settings(model: OpenDataContractStandard, raw: Scope, problems: Problems) -> Settings:
    """The settings at the contract's top; everywhere below they would be overlooked, so they are problems there."""
    settings = Settings({})
    for index, found in enumerate(model.customProperties or ()):
        if _is_ours(found):
            _read_one(found, f"customProperties[{index}] {found.property}", settings, raw, problems)
    for at, item in enumerate(model.schema_ or ()):
        _refuse_below(item.customProperties, f"schema[{at}]", problems)
        for below, field in enumerate(item.properties or ()):
            _refuse_below(field.customProperties, f"schema[{at}].properties[{below}]", problems)
    return settings


def _is_ours(found: CustomProperty) -> bool:
    return found.vendor in (None, "sluice")


def _refuse_below(found: list[CustomProperty] | None, place: str, problems: Problems) -> None:
    for index, one in enumerate(found or ()):
        if _is_ours(one):
            where = f"{place}.customProperties[{index}] {one.property}"
            problems.add(where, "settings are read at the top of the contract only: move it there")


def _read_one(found: CustomProperty, place: str, settings: Settings, raw: Scope, problems: Problems) -> None:
    name, value = found.property or "", found.value
    if name not in NAMES:
        problems.add(place, f"no such setting{did_you_mean(name, NAMES)}; there are {', '.join(NAMES)}")
        return
    if name in settings.places:
        problems.add(place, f"is there twice, first at {settings.places[name]}")
        return
    settings.places[name] = place
    if name == "keep":
        settings.keep = _one_of(("first", "newest"), value, place, problems)
    elif name == "unknownFields":
        settings.unknown_fields = _one_of(("rescue", "evolve", "reject"), value, place, problems) or "rescue"
    elif name == "newestBy":
        if isinstance(value, str):
            settings.newest_by = value
        else:
            problems.add(place, f"expected the name of a column, found {shown(value)}")
    elif name == "maxRecordBytes":
        settings.max_record_bytes = _within(LEAST_RECORD_BYTES, MOST_RECORD_BYTES, value, place, problems)
    elif name == "maxNesting":
        settings.max_nesting = _within(1, MAX_NESTING, value, place, problems)
    elif name == "csv":
        settings.csv = read_csv(value, place, problems)
    elif name == "enrich":
        settings.enrich = tuple(read_enrich(value, place, raw, problems))
    elif name == "evolveColumns":
        settings.evolve_columns = _names(value, place, problems)
    else:
        settings.filters = tuple(_filters(value, place, raw, problems))


def _one_of(options: tuple[Any, ...], value: object, place: str, problems: Problems) -> Any:
    if isinstance(value, str) and value in options:
        return value
    hint = did_you_mean(value, options) if isinstance(value, str) else ""
    problems.add(place, f"expected {', '.join(options[:-1])} or {options[-1]}, found {shown(value)}{hint}")
    return None


def _names(value: object, place: str, problems: Problems) -> tuple[str, ...]:
    """Names that a column may have, or `*`."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        problems.add(place, f"expected a list of names, or [*] for all, found {shown(value)}")
        return ()
    for index, name in enumerate(value):
        if name != "*":
            check_name(name, f"{place}[{index}] {name}", True, problems)
        if name in value[:index]:
            problems.add(f"{place}[{index}] {name}", "is there twice")
    return tuple(value)


def _within(least: int, most: int, value: object, place: str, problems: Problems) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    problems.add(place, f"expected a whole number from {least} to {most}, found {shown(value)}")
    return most


def _filters(value: object, place: str, raw: Scope, problems: Problems) -> list[Filter]:
    """A list of {kind, expression}; kinds are told apart in every count, so each is there once."""
    if not isinstance(value, list):
        problems.add(place, f"expected a list of {{kind, expression}}, found {shown(value)}")
        return []
    filters: list[Filter] = []
    for index, item in enumerate(value):
        here = f"{place}[{index}]"
        if not (isinstance(item, dict) and set(item) == {"kind", "expression"}):
            problems.add(here, f"expected {{kind, expression}}, found {shown(item)}")
            continue
        kind, expression = item["kind"], item["expression"]
        if not (isinstance(kind, str) and _KIND.fullmatch(kind)):
            problems.add(here, f"kind is a word of a-z, 0-9 and _, found {shown(kind)}")
        elif kind in (earlier.kind for earlier in filters):
            problems.add(here, f"kind `{kind}` is there twice")
        if not isinstance(expression, str):
            problems.add(here, f"expression is text, found {shown(expression)}")
            continue
        for problem in check_expression(expression, raw, "expression").problems:
            problems.add(here, problem)
        filters.append(Filter(str(kind), expression.strip()))
    return filters
