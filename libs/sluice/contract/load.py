"""Find a dataset's contract and read it."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sluice.contract.model import Contract
from sluice.contract.problems import did_you_mean
from sluice.errors import ContractError

_DATASET = re.compile(r"[a-z][a-z0-9_]{0,99}")
# `v1.draft.yaml`, which a crawl leaves beside an edited contract, is none.
CONTRACT_FILE = re.compile(r"v(0|[1-9]\d{0,5})\.yaml")
_VERSION = re.compile(r"v?(0|[1-9]\d{0,5})((?:\.\d{1,6}){0,2})")


def load_contract(dataset: str, version: str | None = None, schemas: Path | None = None) -> Contract:
    """The contract `<schemas>/<dataset>/v<major>.yaml`, checked.

    `version` is a major (`1`, `v1`) or a version that the file must then have (`1.0`, `1.0.2`); None is the latest
    major. `schemas` is the folder of contracts: by default the one in the installed package, else the repository's.
    Raises ContractError with all problems; for a dataset or version that is not there it lists those that are.
    """
    root, where = _schemas(schemas)
    there = _datasets(root)
    if not _DATASET.fullmatch(dataset):
        raise ContractError(where, [f"a dataset's name is a-z, 0-9 and _, found {dataset[:100]!r}; {_listed(there)}"])
    if dataset not in there:
        hint = did_you_mean(dataset, there)
        raise ContractError(where, [f"dataset `{dataset}` has no contract{hint}; {_listed(there)}"])
    asked = _VERSION.fullmatch(version) if version is not None else None
    major = int(asked[1]) if asked else max(there[dataset])
    if (version is not None and asked is None) or major not in there[dataset]:
        raise ContractError(
            f"{where}/{dataset}", [f"version {version!r} has no contract; {_listed({dataset: there[dataset]})}"]
        )
    path = f"{where}/{dataset}/v{major}.yaml"
    contract = _read(root.joinpath(dataset).joinpath(f"v{major}.yaml"), path)
    return _agree(contract, dataset, major, asked[1] + asked[2] if asked else "")


def load_sql(contract: Contract, schemas: Path | None = None) -> tuple[str, str]:
    """The SQL beside an analysis' contract and what problems call its file. Raises ContractError where it is not there.

    `schemas` as for `load_contract`.
    """
    root, where = _schemas(schemas)
    name = f"v{contract.version.split('.')[0]}.sql"
    path = f"{where}/{contract.dataset}/{name}"
    file = root.joinpath(contract.dataset).joinpath(name)
    if not file.is_file():
        raise ContractError(path, [f"expected the SQL of the analysis that {contract.path} promises, found none"])
    try:
        return file.read_bytes().decode("utf-8"), path
    except UnicodeDecodeError as error:
        raise ContractError(path, [f"byte {error.start}: not UTF-8"]) from error


def known_contracts(schemas: Path | None = None) -> dict[str, list[int]]:
    """Major versions by dataset, of the contracts that `schemas` holds (by default as for `load_contract`)."""
    return _datasets(_schemas(schemas)[0])


def parse_contract(text: str, path: str) -> Contract:
    """The contract that `text` is, checked; `path` is what problems call it. Raises ContractError."""
    from sluice.contract.build import build  # late: pydantic and sqlglot take a while to import

    return build(text, path)


def _schemas(given: Path | None) -> tuple[Traversable, str]:
    if given is not None:
        return given, str(given)
    packaged = files("sluice").joinpath("schemas")
    return (packaged if packaged.is_dir() else Path(__file__).parents[3] / "schemas"), "schemas"


def _datasets(root: Traversable) -> dict[str, list[int]]:
    """Majors by dataset, of what is there."""
    there: dict[str, list[int]] = {}
    for folder in root.iterdir() if root.is_dir() else ():
        if folder.is_dir() and _DATASET.fullmatch(folder.name):
            majors = [int(found[1]) for item in folder.iterdir() if (found := CONTRACT_FILE.fullmatch(item.name))]
            if majors:
                there[folder.name] = sorted(majors)
    return dict(sorted(there.items()))


def _listed(there: dict[str, list[int]]) -> str:
    each = (f"{name} ({', '.join(f'v{major}' for major in majors)})" for name, majors in there.items())
    return f"there are: {', '.join(each)}" if there else "there are none"


def _read(file: Traversable, path: str) -> Contract:
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(path, [f"byte {error.start}: not UTF-8"]) from error
    except OSError as error:
        raise ContractError(path, [f"cannot be read: {error.strerror}"]) from error
    return parse_contract(text, path)


def _agree(contract: Contract, dataset: str, major: int, asked: str) -> Contract:
    """The file's name and its content must say the same, and the version asked for must be the file's."""
    problems = []
    if contract.dataset != dataset:
        problems.append(f"id: expected {dataset}, as the folder is named, found {contract.dataset}")
    if contract.version.split(".")[0] != str(major):
        problems.append(f"version: expected {major}.x.y, as the file is named, found {contract.version}")
    elif not f"{contract.version}.".startswith(f"{asked}." if asked else ""):
        problems.append(f"version: {asked} was asked for, the file has {contract.version}")
    if problems:
        raise ContractError(contract.path, problems)
    return contract
