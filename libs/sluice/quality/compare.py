"""Checks that compare a batch with another table of the lake; off unless the suite's `meta` asks for them.

::

    "meta": {"sluice": {"compare": [
      {"name": "stream_vs_lake", "table": "analytics/sentiment_by_country", "day": "window_date",
       "by": ["window_start"], "country": "country", "value": "total", "severity": "warning"}
    ]}}

Both tables have the columns named. Rows belong together that are alike in `by` and name the same country, however it
is written; `day` is the partition column that tells where to look. It becomes three checks: `<name>.only_here`,
`<name>.only_there` and `<name>.different`. Values of `by` for which the other table has no row at all are not compared,
and counted as such: whether there was nothing, or nobody has looked yet, the table does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.contract.model import Contract
from sluice.contract.problems import did_you_mean
from sluice.errors import SuiteError
from sluice.quality.model import Check, Result, Suite

_KEYS = ("name", "table", "day", "by", "country", "value", "severity")
_ZONES = ("analytics", "curated")
SIDES = {"only_here": "rows that only this batch has", "only_there": "rows that only the other table has",
         "different": "rows whose values differ"}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What is compared; `table` is a path below the lake, such as `analytics/sentiment_by_country`."""

    name: str
    table: str
    day: str
    by: tuple[str, ...]
    country: str
    value: str
    severity: str

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that both tables must have."""
        return (self.day, *self.by, self.country, self.value)


@dataclass(frozen=True)
class Compared:
    """What was found. Rows are counted once per `by` and country; examples are for people, empty where there is none.

    `missing` says why nothing could be compared. `windows` are values of `by` in the batch, `covered` those that the
    other table has.
    """

    missing: str = ""
    windows: int = 0
    covered: int = 0
    rows: int = 0
    failed: Mapping[str, int] | None = None
    examples: Mapping[str, str] | None = None


def comparisons(suite: Suite, contract: Contract) -> list[Comparison]:
    """What the suite's `meta.sluice.compare` asks for. Raises SuiteError with all problems."""
    found = ((suite.document.get("meta") or {}).get("sluice") or {}).get("compare", [])
    problems: list[str] = []
    if not isinstance(found, list):
        raise SuiteError(suite.path, ["meta.sluice.compare: expected a list"])
    made = [_one(f"meta.sluice.compare[{at}]", entry, contract, problems) for at, entry in enumerate(found)]
    names = [one.name for one in made if one is not None]
    problems += [
        f"meta.sluice.compare: {name} is asked for twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
    if problems:
        raise SuiteError(suite.path, problems)
    return [one for one in made if one is not None]


def _one(place: str, entry: Any, contract: Contract, problems: list[str]) -> Comparison | None:
    if not isinstance(entry, dict) or set(entry) - {"severity"} != set(_KEYS) - {"severity"}:
        problems.append(f"{place}: expected an object of {', '.join(_KEYS)} (severity may be left out)")
        return None
    before, by, severity = len(problems), entry["by"], entry.get("severity", "warning")
    if severity not in ("info", "warning", "critical"):
        problems.append(f"{place}.severity: expected info, warning or critical")
    zone, _, table = str(entry["table"]).partition("/")
    if zone not in _ZONES or not table.replace("_", "a").isalnum():
        problems.append(f"{place}.table: expected {' or '.join(f'{one}/<dataset>' for one in _ZONES)}")
    if not isinstance(entry["name"], str) or not entry["name"]:
        problems.append(f"{place}.name: expected a text")
    columns = {column.name: column for column in contract.columns}
    for name in [entry["day"], *(by if isinstance(by, list) and by else [None]), entry["country"], entry["value"]]:
        if not isinstance(name, str) or name not in columns:
            hint = did_you_mean(name, columns) if isinstance(name, str) else ""
            problems.append(f"{place}: `{name}` is no column of {contract.path}{hint}")
        elif columns[name].classification:
            problems.append(f"{place}: `{name}` is {columns[name].classification}, and examples are shown to people")
    if len(problems) > before:
        return None
    return Comparison(
        entry["name"], entry["table"], entry["day"], tuple(by), entry["country"], entry["value"], severity
    )


def comparison_results(asked: Comparison, found: Compared) -> list[Result]:
    """The three checks of a comparison; where nothing could be compared they say why, and hold nothing up."""
    return [_result(asked, found, side) for side in SIDES]


def _result(asked: Comparison, found: Compared, side: str) -> Result:
    check = Check(
        name=f"{asked.name}.{side}",
        rule="compare",
        column=", ".join([*asked.by, asked.country, *([asked.value] if side == "different" else [])]),
        severity=asked.severity,  # type: ignore[arg-type]
        kind="comparison",
        message=f"Compared with {asked.table}: {SIDES[side]}.",
    )
    threshold = f"none, compared with {asked.table}"
    if found.missing:
        return Result(check, 0, 0, f"not compared: {found.missing}", None, threshold, success=True)
    failed = (found.failed or {}).get(side, 0)
    observed = f"{failed:,} of {found.rows:,} rows in {found.covered:,} of {found.windows:,} windows that it has"
    example = (found.examples or {}).get(side, "")
    told = f"{observed}, such as {example}" if example else observed
    return Result(check, found.rows, failed, told, float(failed), threshold, success=not failed)
