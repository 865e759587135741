"""What is written in a file of settings: YAML in which nothing is said twice, and what of it looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from sluice.contract.problems import Problems

_SECRET_NAME = re.compile(r"secret|passw|credential|private.?key|access.?key|api.?key|(^|[_-])tokens?($|[_-])", re.I)
_SECRET_VALUE = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|://[^/\s:@]+:[^/\s@]+@|\bgh[pousr]_\w{20,}")
_LOOKS_RANDOM = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[A-Za-z0-9/+]{40}")


def is_secret(key: str, value: str) -> bool:
    """Whether a setting or argument looks like a secret, by its name or by what it says."""
    if _SECRET_VALUE.search(value) or _LOOKS_RANDOM.fullmatch(value):
        return True
    return bool(_SECRET_NAME.search(key))


def leaves(value: Any, place: str, key: str = "") -> Iterator[tuple[str, str, str]]:
    """(place, key, value as text) of all that is written in the file, keys among it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{place}.{name}" if place else str(name), str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{place}[{number}]", key)
    else:
        yield place, key, str(value)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key `{key.value}` is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, problems: Problems) -> dict[str, Any]:
    """The mapping that `text` holds; empty, with a problem added, where it holds none."""
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1"
        problems.add(place, f"not YAML: {error.problem or error.context}")
        return {}
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        problems.add("line 1", "not YAML")
        return {}
    if not isinstance(data, dict):
        problems.add("line 1", "expected an environment (form, name, region, ...), found no mapping")
        return {}
    return data
