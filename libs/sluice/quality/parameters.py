"""The parameters of a run in a suite: `{"$PARAMETER": "batch_arrival_max + timedelta(hours=1)"}`.

Great Expectations does the arithmetic. What it cannot know is checked here: which names a run supplies, and that the
same batch gives the same value in every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

from sluice.contract.problems import did_you_mean
from sluice.quality.expectations import great_expectations, quiet

# What a run supplies, each with a value to try a suite with before there is a batch.
SUPPLIED: dict[str, datetime | date] = {
    "batch_arrival_min": datetime(2017, 11, 26, 15, tzinfo=UTC),
    "batch_arrival_max": datetime(2017, 11, 26, 16, tzinfo=UTC),
    "run_date": date(2017, 11, 26),
}
_FUNCTIONS = frozenset("sin cos tan exp abs trunc round sgn datetime timedelta pi e".split())
# A name that is not the keyword of an argument (`hours=`).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$]*(?!\s*=)\b(?!\s*=)")
_LONGEST = 200


def parameter_problems(kwargs: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters among an expectation's arguments, by name and form."""
    problems = []
    for key, value in kwargs.items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            problems += [f"{key}: {problem}" for problem in _expression_problems(value)]
        elif any(isinstance(inner, dict) and "$PARAMETER" in inner for inner in _within(value)):
            problems.append(f"{key}: a $PARAMETER must be the whole argument; Great Expectations leaves it where it is")
    return problems


def built(configuration: Mapping[str, Any], parameters: Mapping[str, datetime | date]) -> Any:
    """Great Expectations' own `Expectation` for one entry of a suite, its parameters filled in its own way.

    An instant without an offset is UTC, as in our sessions; Great Expectations would take it in the zone of whatever
    machine the driver runs on. Raises what Great Expectations raises.
    """
    great_expectations()
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    with quiet():
        written = ExpectationConfiguration(**deepcopy(dict(configuration))).to_domain_obj().configuration
        written.process_suite_parameters(suite_parameters=dict(parameters))
        expectation = written.to_domain_obj()
        for key in ("min_value", "max_value"):
            value = getattr(expectation, key, None)
            if isinstance(value, datetime) and value.tzinfo is None:
                setattr(expectation, key, value.replace(tzinfo=UTC))
    return expectation


def _within(value: object) -> Iterator[object]:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield inner
        yield from _within(inner)


def _expression_problems(parameter: Mapping[str, Any]) -> list[str]:
    expression = parameter["$PARAMETER"]
    if not isinstance(expression, str) or not expression.strip() or len(expression) > _LONGEST or len(parameter) > 1:
        return [f'expected {{"$PARAMETER": "..."}} with a text of at most {_LONGEST} characters and nothing beside it']
    problems = []
    for name in dict.fromkeys(_NAME.findall(expression)):
        if name == "now":
            problems.append("`now()` differs between runs over the same batch; use batch_arrival_max or run_date")
        elif name not in SUPPLIED and name.lower() not in _FUNCTIONS:
            hint = did_you_mean(name, SUPPLIED)
            problems.append(f"no run supplies the parameter `{name}`{hint}; there are: {', '.join(SUPPLIED)}")
    if "^" in expression:
        problems.append("powers (`^`) are not computed: a small text could ask for a number without end")
    return problems
