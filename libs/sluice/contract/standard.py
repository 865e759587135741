"""Read YAML as the Open Data Contract Standard 3.x defines it; what the standard knows nothing of is a problem too."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import yaml
from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard
from pydantic import BaseModel, ValidationError

from sluice.contract.problems import Problems, did_you_mean, shown


def read_standard(text: str, problems: Problems) -> OpenDataContractStandard | None:
    """Text -> the standard's model; None, with problems added, where it is none."""
    data = _read_yaml(text, problems)
    if data is None:
        return None
    try:
        model = OpenDataContractStandard.model_validate(data, strict=True)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            place = _place(found["loc"])
            if found["type"] == "extra_forbidden":
                problems.add(
                    place, f"the standard has no such field{_hint(str(found['loc'][-1]), OpenDataContractStandard)}"
                )
            else:
                expected = found["msg"].replace("Input should be", "expected")
                problems.add(place, f"{expected}, found {shown(found['input'])}")
        return None
    except RecursionError:
        problems.add("line 1", "the contract nests too deep")
        return None
    _check_unknown(model, data, "", problems)
    return None if problems.lines else model


def _read_yaml(text: str, problems: Problems) -> dict[str, Any] | None:
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1"
        problems.add(place, f"not YAML: {error.problem or error.context}")
        return None
    except yaml.YAMLError as error:
        problems.add("line 1", f"not YAML: {str(error).splitlines()[0]}")
        return None
    except RecursionError:
        problems.add("line 1", "not YAML: it nests too deep")
        return None
    except (ValueError, OverflowError) as error:  # numbers that PyYAML takes for such and Python does not
        problems.add("line 1", f"not YAML: {str(error).splitlines()[0]}")
        return None
    if not isinstance(data, dict):
        problems.add("line 1", "expected a contract (apiVersion, kind, id, version, schema), found no mapping")
        return None
    return data


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error, and a date stays the text that the standard wants."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if key.value == "<<":
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key `{key.value}` is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _place(loc: tuple[int | str, ...]) -> str:
    place = ""
    for part in loc:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    return place


def _hint(name: str, model: type[BaseModel]) -> str:
    return did_you_mean(name, (field.alias or key for key, field in model.model_fields.items()))


def _check_unknown(model: BaseModel, data: Mapping[str, Any], place: str, problems: Problems) -> None:
    """The package lets unknown fields pass below the top: a misspelt `required` would promise nothing, unnoticed."""
    known = {field.alias or key: key for key, field in type(model).model_fields.items()}
    for name, value in data.items():
        here = f"{place}.{name}" if place else name
        if name not in known:
            problems.add(here, f"the standard has no such field{_hint(name, type(model))}")
            continue
        found = getattr(model, known[name])
        if isinstance(found, BaseModel):
            _check_unknown(found, value, here, problems)
        elif isinstance(found, list) and not isinstance(model, CustomProperty):
            for index, item in enumerate(found):
                if isinstance(item, BaseModel):
                    _check_unknown(item, value[index], f"{here}[{index}]", problems)
