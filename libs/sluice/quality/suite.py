"""What a suite asks: which expectation is a predicate of one row, which looks at the whole batch, which is refused.

Everything that does not need Spark is checked here, before any data is read, and nothing is dropped: Great Expectations
itself leaves out an expectation of a type it does not know, with a line in its log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sluice.contract.model import Contract
from sluice.contract.problems import did_you_mean
from sluice.errors import SuiteError
from sluice.quality.fits import Columns, argument_problems, columns_of, condition_problems
from sluice.quality.kinds import GATE, NO_ROW_CONDITION, REFUSED, ROW, RUN_DECIDES
from sluice.quality.load import given_name, place
from sluice.quality.model import Check, Kind, Suite
from sluice.quality.parameters import SUPPLIED, built, parameter_problems


@dataclass(frozen=True)
class Asked:
    """One expectation, found sound: `configuration` is its entry in the file, `expectation` Great Expectations' object
    with the parameters filled in, `columns` what it and its row condition look at.
    """

    check: Check
    place: str
    configuration: dict[str, Any]
    expectation: Any
    columns: frozenset[str]


def classify(suite: Suite, contract: Contract) -> list[Check]:
    """One check for each entry of `expectations`, in the order of the file: `row` or `gate`.

    Raises SuiteError with all problems: types that are unknown, run Python or SQL, or are not there for Spark;
    arguments that do not belong, do not fit the columns' types, or name parameters that no run supplies; columns that
    neither the contract has nor the curated table adds (`_record_hash`, `_rescued`).
    """
    return [asked.check for asked in examined(suite, contract, SUPPLIED)]


def examined(suite: Suite, contract: Contract, parameters: Mapping[str, datetime | date]) -> list[Asked]:
    """As `classify`, with what it was made of, and the values of a run's parameters filled in."""
    missing = [name for name in SUPPLIED if name not in parameters]
    if missing:
        raise ValueError(f"parameters of the run that are missing: {', '.join(missing)}")
    columns, names = Columns(contract), names_of(suite)
    found: list[Asked] = []
    problems: list[str] = []
    for number, configuration in enumerate(suite.document["expectations"]):
        where = place(number, configuration)
        asked, wrong = _examine(configuration, names[number], where, columns, parameters)
        problems += [f"{where}: {problem}" for problem in dict.fromkeys(wrong)]
        found += [asked] if asked is not None else []
    if problems:
        raise SuiteError(suite.path, problems)
    return found


def names_of(suite: Suite) -> list[str]:
    """A name for each expectation: the file's own, else type and columns, with a number from the second on."""
    entries = suite.document["expectations"]
    taken = {name for entry in entries if (name := given_name(entry)) is not None}
    seen: Counter[str] = Counter()
    names = []
    for entry in entries:
        name = given_name(entry)
        if name is None:
            keys = ROW.get(entry["type"]) or GATE.get(entry["type"], ())
            base = f"{entry['type']}({', '.join(columns_of(entry['kwargs'], keys))})"
            name = base
            while name in taken:
                seen[base] += 1
                name = f"{base} #{seen[base] + 1}"
            taken.add(name)
        names.append(name)
    return names


def _examine(
    configuration: dict[str, Any], name: str, where: str, columns: Columns, parameters: Mapping[str, datetime | date]
) -> tuple[Asked | None, list[str]]:
    type_, kwargs = configuration["type"], configuration["kwargs"]
    if type_ in REFUSED:
        return None, [f"cannot be checked: it {REFUSED[type_]}"]
    if type_ not in ROW and type_ not in GATE:
        return None, [f"Great Expectations has no such type{did_you_mean(type_, [*ROW, *GATE])}"]
    kind: Kind = "row" if type_ in ROW else "gate"
    about = columns_of(kwargs, ROW[type_] if kind == "row" else GATE[type_])
    problems = [f"`{key}` is for the run to decide" for key in sorted(RUN_DECIDES & set(kwargs))]
    problems += columns.unknown(about) + parameter_problems(kwargs)
    if type_ in NO_ROW_CONDITION and kwargs.get("row_condition") is not None:
        problems.append("row_condition: Great Expectations leaves that of this type aside for half of what it counts")
    if kind == "row" and "_record_hash" in about:
        problems.append("`_record_hash` is no part of a row while it is judged; it can be asked to be unique")
    if problems:
        return None, problems
    try:
        expectation = built(configuration, parameters)
    except Exception as error:  # noqa: BLE001 - pydantic's, GX's own, ValueError, TypeError: all say what is wrong
        return None, reasons(error)
    condition = getattr(expectation, "row_condition", None)
    named, problems = condition_problems(condition, kwargs.get("condition_parser"), columns)
    problems = argument_problems(type_, about, expectation.dict(exclude_defaults=True), columns) + problems
    mostly = kwargs.get("mostly")
    check = Check(
        name=name,
        rule=type_,
        column=",".join(about),
        severity=configuration.get("severity", "critical"),
        kind=kind,
        # Great Expectations leaves out a `mostly` of 1 when it saves a suite, so it cannot mean more than none.
        mostly=float(mostly) if mostly is not None and mostly != 1 else None,
        message=configuration.get("description") or "",
    )
    return Asked(check, where, configuration, expectation, frozenset([*about, *named])), problems


def reasons(error: Exception) -> list[str]:
    """What Great Expectations says is wrong, a line each, without a stack."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return [_line(str(error)) or type(error).__name__]
    lines = []
    found = errors()
    plain = {one["loc"] for one in found if one["type"] != "type_error.dict"}
    for one in found:
        if one["type"] == "type_error.dict" and one["loc"] in plain:
            continue  # every argument may be a parameter, too: no news
        at = ".".join(str(part) for part in one["loc"] if part != "__root__")
        if one["type"] == "value_error.extra":
            lines.append(f"`{at}` is no argument of it")
        else:
            lines.append(f"{at}: {_line(one['msg'])}" if at else _line(one["msg"]))
    return list(dict.fromkeys(lines))


def _line(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= 200 else first[:197] + "..."
