"""A contract and its suite -> the Python module by which the function judges records of that dataset.

It holds the contract as it is, and source for what Spark would do: filters, columns, rules of the contract, critical
row checks of the suite. Needed only when a release is built; what does not carry over is told with its column, all at
once.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from sluice.contract.model import Column, Contract
from sluice.contract.types import parse_type
from sluice.curate.rules import ContractRule, made_of_sources, rules_of
from sluice.delivery.checks import RowCheck, row_checks
from sluice.delivery.expressions import SCALARS, Code, NotCarried, translate
from sluice.errors import ContractError
from sluice.quality.model import Suite

_HEAD = '''"""Made of {path} {version} when the release was built: how the function judges records of {dataset}."""

from decimal import Decimal

from sluice.contract.model import *
from sluice.delivery.functions import *

CONTRACT = {contract}

# Reasons: rule, column, message; the suite's begin at {first}.
REASONS = {reasons}
SUITE_FROM = {first}


def filtered(r):
    """The kind of the first filter that holds for the raw row `r`, else None."""
'''
_JUDGED = '''

def judged(r, bad, arrival_min, arrival_max):
    """The columns of the raw row `r`, and the numbers of the reasons that refuse it; `bad` names refused raw fields."""
'''


def compiled(contract: Contract, suite: Suite | None) -> str:
    """The module's source. Raises ContractError with all that does not carry over, SuiteError for a suite that is none.

    A column without an expression is carried whatever its type; an expression looks at single values alone.
    """
    if contract.raw_format != "json":
        raise ContractError(contract.path, [f"raw: the function reads JSON, and this is {contract.raw_format}"])
    problems: list[str] = []
    names = {f.name.lower(): Code(f"r.f{n}", parse_type(f.type).kind) for n, f in enumerate(contract.raw)}
    filters = _filters(contract, names, problems)
    columns = _columns(contract, names, problems)
    rules = rules_of(contract)
    checks, more = row_checks(contract, suite, names)
    if problems + more:
        raise ContractError(contract.path, [f"{each}; the function cannot decide it" for each in problems + more])
    reasons: list[tuple[str, str, str]] = [(rule.name, rule.column.name, rule.message) for rule in rules]
    reasons += [(check.name, check.column, check.message) for check in checks]
    head = _HEAD.format(
        path=contract.path, version=contract.version, dataset=contract.dataset,
        contract=ascii(contract), reasons=ascii(reasons), first=len(rules),
    )  # fmt: skip
    lines = [*columns, "fails = []", *_rules(rules), *_checks(checks, len(rules))]
    values = "".join(f"c{number}, " for number in range(len(contract.columns)))
    return f"{head}{_block([*filters, 'return None'])}{_JUDGED}{_block([*lines, f'return ({values}), fails'])}"


def loaded(source: str) -> types.ModuleType:
    """The module of such source, without a file."""
    module = types.ModuleType("sluice.delivery.datasets.loaded")
    exec(compile(source, "<compiled contract>", "exec"), module.__dict__)  # what `compiled` has made
    return module


def _block(lines: Sequence[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _filters(contract: Contract, names: dict[str, Code], problems: list[str]) -> list[str]:
    lines = []
    for one in contract.filters:
        try:
            code = translate(one.expression, names)
        except NotCarried as problem:
            problems.append(f"filter {one.kind}: {problem}")
            continue
        lines += [f"if {code.text} is True:", f"    return {one.kind!a}"]
    return lines


def _columns(contract: Contract, names: dict[str, Code], problems: list[str]) -> list[str]:
    """Assignments of all columns in their order; `names` has them afterwards, in place of raw fields of their names."""
    lines = []
    for number, column in enumerate(contract.columns):
        kind = parse_type(column.type).kind
        try:
            if made_of_sources(column):
                tests = [f"{_source(source, names).text} is not None" for source in column.sources]
                lines.append(f"h{number} = {' and '.join(tests)}")
            lines.append(f"c{number} = {_value(column, kind, names)}")
        except NotCarried as problem:
            problems.append(f"column {column.name}: {problem}")
        names[column.name.lower()] = Code(f"c{number}", kind)
    return lines


def _value(column: Column, kind: str, names: dict[str, Code]) -> str:
    if column.expression is None:
        return names[column.name.lower()].text
    code = translate(column.expression, names)
    if code.kind not in (kind, "null") or kind not in SCALARS:
        raise NotCarried(f"its expression gives a {code.kind}, and it is a {kind}")
    return code.text


def _source(source: str, names: dict[str, Code]) -> Code:
    found = names.get(source.strip("`").replace("``", "`").lower())
    if found is None:
        raise NotCarried(f"it is made of `{source}`, which lies within a nested value")
    if found.kind == "json":
        raise NotCarried(f"it is made of `{source}`, which is JSON text")
    return found


def _rules(rules: Sequence[ContractRule]) -> list[str]:
    lines = []
    for place, rule in enumerate(rules):
        value, has = f"c{rule.number}", f"h{rule.number}"
        test = f'{value} == ""'
        if rule.name == "not_convertible":
            test = f"{has} and {value} is None"
        elif rule.name == "missing_required":
            test = f"{value} is None" + (f" and not {has}" if made_of_sources(rule.column) else "")
            test += "".join(f" and {name!a} not in bad" for name in sorted(rule.blamed))
        lines += [f"if {test}:", f"    fails.append({place})"]
    return lines


def _checks(checks: Sequence[RowCheck], first: int) -> list[str]:
    """The suite is asked of what the contract accepts."""
    if not checks:
        return []
    lines = ["if not fails and not bad:"]
    for place, check in enumerate(checks, first):
        lines += [f"    if {check.fails}:", f"        fails.append({place})"]
    return lines


def module_of(contract: Contract, suite: Suite | None) -> Any:
    """Compiled and loaded in one go, for tests and measurements."""
    return loaded(compiled(contract, suite))
