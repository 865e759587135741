"""Checks that compare a batch with the dataset's own published past; off unless the suite's `meta` asks for them.

::

    "meta": {"sluice": {"history": [
      {"metric": "row_count", "severity": "critical", "band": 5.0, "batches": 20, "at_least": 5},
      {"metric": "rejected_share"},
      {"metric": "null_share", "column": "country"}
    ]}}

The middle of the past is its median and its spread the median absolute deviation, which one odd batch moves little:
times 1.4826 it equals a normal distribution's standard deviation (Rousseeuw and Croux, Alternatives to the Median
Absolute Deviation, JASA 88, 1993). Batches so alike that it is nothing still differ by chance, so the spread is at
least what counting alone gives (sqrt(n) of a count, sqrt(p(1-p)/n) of a share), and one row never fails a check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sluice.contract.model import Contract
from sluice.contract.problems import did_you_mean
from sluice.errors import SuiteError
from sluice.quality.model import Check, Result, Suite

METRICS = ("row_count", "rejected_share", "null_share")
SEVERITIES = ("warning", "critical")

_NORMAL = 1.4826
_KEYS = ("metric", "column", "severity", "band", "batches", "at_least")
_MOST_BATCHES = 1_000


@dataclass(frozen=True)
class HistoryCheck(Check):
    """`band`: how many spreads the value may be off; `batches`: how many of the newest published ones are looked at,
    and `at_least` how many there must be before anything is said.
    """

    band: float = 5.0
    batches: int = 20
    at_least: int = 5


def history_checks(suite: Suite, contract: Contract) -> list[HistoryCheck]:
    """What the suite's `meta.sluice.history` asks for. Raises SuiteError with all problems."""
    problems: list[str] = []
    entries = _entries(suite.document, problems)
    checks = [check for at, entry in enumerate(entries) for check in _checks(at, entry, contract, problems)]
    seen: set[str] = set()
    for check in checks:
        if check.name in seen:
            problems.append(f"meta.sluice.history: {check.name.removeprefix('history.')} is asked for twice")
        seen.add(check.name)
    if problems:
        raise SuiteError(suite.path, list(dict.fromkeys(problems)))
    return checks


def _entries(document: Mapping[str, Any], problems: list[str]) -> list[Any]:
    found: Any = document
    for place, key in (("meta", "meta"), ("meta.sluice", "sluice"), ("meta.sluice.history", "history")):
        found = found.get(key)
        if found is None:
            return []
        wanted = list if key == "history" else dict
        if not isinstance(found, wanted):
            problems.append(f"{place}: expected {'a list' if wanted is list else 'an object'}, found {_kind(found)}")
            return []
    return list(found)


def _checks(at: int, entry: Any, contract: Contract, problems: list[str]) -> list[HistoryCheck]:
    """One entry -> its checks; null_share without a column is one for each column."""
    place = f"meta.sluice.history[{at}]"
    if not isinstance(entry, dict):
        problems.append(f"{place}: expected an object, found {_kind(entry)}")
        return []
    before = len(problems)
    for key in entry:
        if key not in _KEYS:
            problems.append(f"{place}: `{key}` is no setting of a history check{did_you_mean(str(key), _KEYS)}")
    metric = _one_of(entry.get("metric"), METRICS, f"{place}.metric", problems)
    severity = _one_of(entry.get("severity", "warning"), SEVERITIES, f"{place}.severity", problems)
    band = _number(entry.get("band", 5.0), f"{place}.band", problems)
    batches = _whole(entry.get("batches", 20), 1, _MOST_BATCHES, f"{place}.batches", problems)
    fewest = min(5, batches)
    at_least = _whole(entry.get("at_least", fewest), 1, batches, f"{place}.at_least", problems)
    columns = _columns(entry, metric, contract, f"{place}.column", problems)
    if len(problems) > before:
        return []
    return [
        HistoryCheck(
            name=".".join(["history", metric, *filter(None, [column])]),
            rule=metric,
            column=column,
            severity="critical" if severity == "critical" else "warning",
            kind="history",
            band=band,
            batches=batches,
            at_least=at_least,
        )
        for column in columns
    ]


def _columns(entry: Mapping[str, Any], metric: str, contract: Contract, place: str, problems: list[str]) -> list[str]:
    names = [column.name for column in contract.columns]
    if "column" not in entry:
        return names if metric == "null_share" else [""]
    if metric != "null_share":
        problems.append(f"{place}: only null_share is about a column")
        return []
    found = entry["column"]
    if found in names:
        return [found]
    hint = did_you_mean(found, names) if isinstance(found, str) else ""
    problems.append(f"{place}: {_said(found)} is no column of {contract.path}{hint}")
    return []


def _one_of(found: Any, known: Sequence[str], place: str, problems: list[str]) -> str:
    if isinstance(found, str) and found in known:
        return found
    hint = did_you_mean(found, known) if isinstance(found, str) else ""
    problems.append(f"{place}: expected one of {', '.join(known)}, found {_said(found)}{hint}")
    return ""


def _number(found: Any, place: str, problems: list[str]) -> float:
    if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found) and found > 0:
        return float(found)
    problems.append(f"{place}: expected a number above 0, found {_said(found)}")
    return 1.0


def _whole(found: Any, low: int, high: int, place: str, problems: list[str]) -> int:
    if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
        return found
    problems.append(f"{place}: expected a whole number from {low} to {high:,}, found {_said(found)}")
    return high


def _kind(found: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(found), "a number")


def _said(found: Any) -> str:
    return f"`{found}`" if isinstance(found, str | int | float) and not isinstance(found, bool) else _kind(found)


def profile(
    checks: Sequence[HistoryCheck], records: int, rejected: int, rows: int, nulls: Mapping[str, int]
) -> dict[str, float]:
    """What a batch has to be compared by, by check name; of a batch without rows nothing, since no gate is asked.

    `records` were read, `rejected` of them went to quarantine, `rows` are about to be published, and `nulls` of these
    are NULL in a column (a column that is not in it is not compared).
    """
    if not rows:
        return {}
    whole = {"row_count": float(rows), "rejected_share": rejected / max(records, 1)}
    shares = {check.name: nulls[check.column] / rows for check in checks if check.column in nulls}
    return {check.name: whole[check.rule] for check in checks if check.rule in whole} | shares


def history_results(
    checks: Sequence[HistoryCheck], now: Mapping[str, float], past: Mapping[str, Sequence[float]], rows: int
) -> list[Result]:
    """Compare `now` (of `profile`) with `past`: the same of published batches, the newest last.

    `rows` are those of this batch; a check that `now` has nothing of has no result.
    """
    return [_result(check, now[check.name], past.get(check.name, ()), rows) for check in checks if check.name in now]


def _result(check: HistoryCheck, now: float, past: Sequence[float], rows: int) -> Result:
    seen = list(past)[-check.batches :]
    if len(seen) < check.at_least:
        observed = f"{_text(check, now)}; too little history: {len(seen)} of {check.at_least} batches"
        return Result(check, rows, 0, observed, now, "a past to compare with", success=True)
    low, high = _band(check, seen, rows)
    threshold = f"between {_text(check, low)} and {_text(check, high)}, by the last {len(seen)} published batches"
    return Result(check, rows, 0, _text(check, now), now, threshold, success=low <= now <= high)


def _band(check: HistoryCheck, seen: Sequence[float], rows: int) -> tuple[float, float]:
    middle = median(seen)
    spread = _NORMAL * median(abs(one - middle) for one in seen)
    if check.rule == "row_count":
        chance, one_row, top = math.sqrt(middle), 1.0, math.inf
    else:
        chance, one_row, top = math.sqrt(middle * (1 - middle) / rows), 1 / rows, 1.0
    half = max(check.band * max(spread, chance), one_row) + 1e-12  # what floating point adds is no row either
    return max(middle - half, 0.0), min(middle + half, top)


def _text(check: Check, value: float) -> str:
    return f"{value:,.0f} rows" if check.rule == "row_count" else f"{value:.2%}"
