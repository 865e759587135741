"""A contract whose table is made by SQL from another dataset's: one object, its windows, and no raw fields.

::

    schema: [{name: <the analysis>, properties: [...]}]
    customProperties:
      - property: analysis
        value:
          {source: app_messages, eventTime: event_time, window: 30 seconds, slide: 5 seconds, windowStart: window_start}

The SQL stands beside the contract (`v1.sql`), see `contract.analysis_sql`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from sluice.contract.columns import Draft
from sluice.contract.fields import check_name, check_type, check_unheeded, named_properties
from sluice.contract.keys import key_positions, partition_positions
from sluice.contract.model import MAX_NESTING, MAX_RECORD_BYTES, Contract, Windows
from sluice.contract.problems import Problems, did_you_mean, shown
from sluice.contract.types import SparkType

SETTING = "analysis"
_KEYS = ("source", "eventTime", "window", "slide", "windowStart")
_DURATION = re.compile(r"([1-9]\d{0,5}) (second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# Every row of the source is reckoned with once for each window it lies in.
_MOST_WINDOWS = 1000
_MOST_PARTS = 5
_COUNTS = ("tinyint", "smallint", "int", "bigint")


def is_analysis(model: OpenDataContractStandard) -> bool:
    """Whether the contract has the setting that makes it an analysis'."""
    return any(one.property == SETTING and one.vendor in (None, "sluice") for one in model.customProperties or ())


def read_analysis(model: OpenDataContractStandard, path: str, problems: Problems) -> Contract | None:
    """The contract of an analysis, without its fingerprint; None where it has no object to read."""
    objects = model.schema_ or []
    if [one.name for one in objects] != [model.id]:
        names = ", ".join(one.name or "(no name)" for one in objects) or "nothing"
        problems.add("schema", f"expected one object, `{model.id}` (the table that the SQL makes), found {names}")
        return None
    drafts = _drafts(objects[0], problems)
    partitions, keys = partition_positions(drafts, problems), key_positions(drafts, problems)
    windows = _setting(model, problems)
    if windows is not None:
        _check_start(windows, drafts, keys, problems)
    return Contract(
        dataset=model.id or "",
        version=model.version or "",
        path=path,
        raw=(),
        columns=tuple(draft.column(partitions.get(draft.name), keys.get(draft.name)) for draft in drafts),
        keep="first",
        newest_by=None,
        unknown_fields="reject",
        filters=(),
        max_record_bytes=MAX_RECORD_BYTES,
        max_nesting=MAX_NESTING,
        fingerprint="",
        windows=windows,
    )


def _drafts(found: SchemaObject, problems: Problems) -> list[Draft]:
    drafts = []
    for place, one in named_properties(found, 0, problems):
        check_name(one.name or "", place, True, problems)
        check_unheeded(one, place, True, problems)
        for name in ("transformLogic", "transformSourceObjects"):
            if getattr(one, name):
                problems.add(place, f"{name}: what a column of an analysis is made of stands in its SQL file")
        type_ = check_type(one, place, True, problems) or SparkType("unknown", "unknown")
        drafts.append(Draft(place, one, type_, None, ()))
    return drafts


def _setting(model: OpenDataContractStandard, problems: Problems) -> Windows | None:
    found: Windows | None = None
    for index, one in enumerate(model.customProperties or ()):
        if one.vendor not in (None, "sluice"):
            continue
        place = f"customProperties[{index}] {one.property}"
        if one.property != SETTING:
            problems.add(place, f"is no setting of an analysis{did_you_mean(one.property or '', [SETTING])}")
        elif found is not None:
            problems.add(place, "is there twice")
        else:
            found = _windows(one.value, place, problems)
    return found


def _windows(value: object, place: str, problems: Problems) -> Windows | None:
    if not isinstance(value, Mapping) or set(value) - {"chart"} != set(_KEYS):
        problems.add(place, f"expected {{{', '.join(_KEYS)}}} and perhaps chart, found {shown(value)}")
        return None
    for name in ("source", "eventTime", "windowStart"):
        if not isinstance(value[name], str):
            problems.add(place, f"{name}: expected a name, found {shown(value[name])}")
    seconds = {name: _seconds(value[name], f"{place}.{name}", problems) for name in ("window", "slide")}
    size, slide = seconds["window"], seconds["slide"]
    if size and slide and not slide <= size <= _MOST_WINDOWS * slide:
        told = f"from window / {_MOST_WINDOWS:,} to window, so that no row is left out or counted without end"
        problems.add(place, f"slide: expected {told}; found {slide} s and {size} s")
    chart = _chart(value.get("chart"), f"{place}.chart", problems)
    return Windows(str(value["source"]), str(value["eventTime"]), size, slide, str(value["windowStart"]), chart)


def _chart(value: object, place: str, problems: Problems) -> tuple[str, ...]:
    """The column to group by, then the columns to add up."""
    if value is None:
        return ()
    by, parts = (value.get("by"), value.get("parts")) if isinstance(value, Mapping) else (None, None)
    if isinstance(by, str) and isinstance(parts, list) and 1 <= len(parts) <= _MOST_PARTS:
        names = [by, *parts]
        if all(isinstance(one, str) for one in names):
            return tuple(names)
    problems.add(place, f"expected {{by: COLUMN, parts: [1 to {_MOST_PARTS} columns]}}, found {shown(value)}")
    return ()


def _seconds(value: object, place: str, problems: Problems) -> int:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        problems.add(place, f"expected a duration such as 30 seconds, 5 minutes, 1 hour or 1 day, found {shown(value)}")
        return 0
    return int(found[1]) * _SECONDS[found[2]]


def _check_start(windows: Windows, drafts: list[Draft], keys: Mapping[str, int], problems: Problems) -> None:
    """Rows are replaced window by window, so the window's start is part of every row's key and lies in the files."""
    by_name = {draft.name: draft for draft in drafts}
    for index, name in enumerate(windows.chart):
        column = by_name.get(name)
        if column is None or column.found.partitioned or (index and column.type.kind not in _COUNTS):
            what = "whole numbers to add up" if index else "a group"
            problems.add(f"{SETTING}.chart", f"`{name}` is no column of {what} in this contract")
    draft = by_name.get(windows.start)
    if draft is None:
        hint = did_you_mean(windows.start, by_name)
        problems.add(SETTING, f"windowStart: `{windows.start}` is no column of this contract{hint}")
        return
    if draft.type.kind not in ("timestamp", "unknown"):
        problems.add(draft.place, f"begins a window, so it has to be timestamp, found {draft.type.text}")
    if draft.name not in keys:
        problems.add(draft.place, "begins a window, so it has to be part of the primary key (primaryKey: true)")
    if draft.found.partitioned:
        problems.add(draft.place, "begins a window, so it cannot be a partition column: partition by its day")
