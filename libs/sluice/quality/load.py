"""Find a dataset's suite and read it: JSON alone, without Great Expectations.

What the expectations mean, and whether they fit the contract, is told by `suite.classify`.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

from sluice.errors import SuiteError
from sluice.quality.model import Severity, Suite

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.()#, -]{0,119}")
# What ExpectationSuite(**json) and ExpectationConfiguration(**json) take.
_SUITE_KEYS = frozenset("name expectations suite_parameters meta notes id".split())
_KEYS = frozenset(
    "type kwargs meta notes description severity success_on_last_run id expectation_context rendered_content".split()
)


def load_suite(dataset: str, folder: Path | None = None) -> Suite | None:
    """The suite `<folder>/<dataset>.json`, or None where there is no such file.

    `folder` is by default the one in the installed package, else the repository's. Raises SuiteError with all problems
    of its shape.
    """
    root, where = _folder(folder)
    file, path = root.joinpath(f"{dataset}.json"), f"{where}/{dataset}.json"
    if not file.is_file():
        return None
    try:
        return _read(dataset, path, file.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SuiteError(path, [f"byte {error.start}: not UTF-8"]) from error
    except OSError as error:
        raise SuiteError(path, [f"cannot be read: {error.strerror}"]) from error


def recorded_suite(dataset: str, text: str) -> Suite:
    """The suite whose `text` a run once recorded. Raises SuiteError, as `load_suite` does."""
    return _read(dataset, f"recorded suite of {dataset}", text)


def place(number: int, expectation: object) -> str:
    """How problems call an expectation: `expectations[3] expect_column_values_to_be_between`."""
    type_ = expectation.get("type") if isinstance(expectation, dict) else None
    return f"expectations[{number}]" + (f" {type_[:100]}" if isinstance(type_, str) and type_ else "")


def given_name(expectation: dict[str, Any]) -> str | None:
    """The name that the file gives a check, in `meta.sluice.name`."""
    own = (expectation.get("meta") or {}).get("sluice") or {}
    name = own.get("name")
    return name if isinstance(name, str) else None


def _folder(given: Path | None) -> tuple[Traversable, str]:
    if given is not None:
        return given, str(given)
    packaged = files("sluice").joinpath("expectations")
    return (packaged if packaged.is_dir() else Path(__file__).parents[3] / "expectations"), "expectations"


def _read(dataset: str, path: str, text: str) -> Suite:
    document, problems = _parse(text)
    if document is not None:
        problems += _suite_problems(document)
    if document is None or problems:
        raise SuiteError(path, problems)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return Suite(dataset, path, canonical, hashlib.sha256(canonical.encode()).hexdigest(), document)


def _parse(text: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The JSON object, and what it must not have: a key twice, of which only the last would count, or a NaN."""
    problems: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            problems.extend(f"the key `{key}` stands twice in one object" for key in found if keys.count(key) > 1)
        return found

    def constant(name: str) -> None:
        problems.append(f"{name} is no JSON")

    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        return None, [f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"]
    except RecursionError:
        return None, ["not JSON that can be read: it nests too deep"]
    if not isinstance(document, dict):
        return None, [f"expected a JSON object with `name` and `expectations`, found {_kind(document)}"]
    return document, problems


def _suite_problems(document: dict[str, Any]) -> list[str]:
    problems = [
        f"`{key}` is no field of a suite; there are: {', '.join(sorted(_SUITE_KEYS))}"
        for key in document
        if key not in _SUITE_KEYS
    ]
    name = document.get("name")
    if not isinstance(name, str) or not name:
        problems.append(f"name: expected a text, found {_kind(name)}")
    problems += _meta_problems("meta", document.get("meta"), None)
    listed = document.get("expectations")
    if not isinstance(listed, list):
        return [*problems, f"expectations: expected a list, found {_kind(listed)}"]
    names: dict[str, int] = {}
    for number, expectation in enumerate(listed):
        found = _expectation_problems(expectation)
        if not found and (own := given_name(expectation)) is not None:
            if own in names:
                found = [f"meta.sluice.name `{own}` is the name of expectations[{names[own]}] already"]
            names.setdefault(own, number)
        problems += [f"{place(number, expectation)}: {problem}" for problem in found]
    return problems


def _expectation_problems(expectation: object) -> list[str]:
    if not isinstance(expectation, dict):
        return [f"expected an object with `type` and `kwargs`, found {_kind(expectation)}"]
    problems = [
        f"`{key}` is no field of an expectation; there are: {', '.join(sorted(_KEYS))}"
        for key in expectation
        if key not in _KEYS
    ]
    if not isinstance(expectation.get("type"), str) or not expectation["type"]:
        problems.append("type: expected the name of one, such as expect_column_values_to_not_be_null")
    if not isinstance(expectation.get("kwargs"), dict):
        problems.append(f"kwargs: expected an object, found {_kind(expectation.get('kwargs'))}")
    elif (problem := _mostly_problem(expectation["kwargs"])) is not None:
        problems.append(problem)
    severity = expectation.get("severity", "critical")
    if severity not in get_args(Severity):
        found = repr(severity)[:40] if isinstance(severity, str) else _kind(severity)
        problems.append(f"severity: expected {', '.join(get_args(Severity))}, found {found}")
    return problems + _meta_problems("meta", expectation.get("meta"), {"name"})


def _mostly_problem(kwargs: dict[str, Any]) -> str | None:
    mostly = kwargs.get("mostly", 1)
    if isinstance(mostly, int | float) and not isinstance(mostly, bool) and 0 <= mostly <= 1:
        return None
    found = f"{mostly}" if isinstance(mostly, int | float) else _kind(mostly)
    return f"kwargs.mostly: expected a number from 0 to 1, found {found}"


def _meta_problems(where: str, meta: object, known: set[str] | None) -> list[str]:
    """`meta` is anybody's, but what it says under `sluice` is for us; `known` None leaves its keys to others."""
    if meta is None:
        return []
    if not isinstance(meta, dict):
        return [f"{where}: expected an object, found {_kind(meta)}"]
    own = meta.get("sluice", {})
    if not isinstance(own, dict):
        return [f"{where}.sluice: expected an object, found {_kind(own)}"]
    if known is None:
        return []
    problems = [
        f"{where}.sluice.{key}: not known; there are: {', '.join(sorted(known))}" for key in own if key not in known
    ]
    name = own.get("name")
    if "name" in own and not (isinstance(name, str) and _NAME.fullmatch(name)):
        problems.append(f"{where}.sluice.name: expected 1 to 120 letters, digits, spaces or _ . ( ) # , -")
    return problems


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
