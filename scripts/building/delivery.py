"""The delivery stream's function as one zip: the few modules it needs, compiled contracts, msgspec and VADER.

What is not among MODULES is not in the zip; a test runs the function from it with nothing else beside.
"""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from building.archives import FIXED_AT, unpacked
from building.sbom import Part
from building.source import Source
from building.wheel import write_zip
from building.wheels import Target, Wheel, sha256_of
from sluice.delivery.compiling import compiled
from sluice.errors import UsageError
from sluice.quality.definitions import load_definitions

ZIP, HANDLER = "delivery/function.zip", "sluice.delivery.handler.handle"
# requests, which vadersentiment asks for, is for its demo alone.
_WHEELS = ("msgspec", "vadersentiment")
_PACKAGES = ("contract", "raw", "enrich", "delivery")
_MODULES = (
    "__init__.py",
    *("contract/model.py", "contract/types.py"),
    *(f"raw/{name}.py" for name in ("damage", "decoding", "fields", "judge", "scan", "spans")),
    *("enrich/fill.py", "enrich/countries.py", "enrich/sentiment.py", "enrich/data/*"),
    *("delivery/functions.py", "delivery/handler.py", "delivery/records.py"),
)


def function(source: Source, parts: Sequence[Part], runtimes: Mapping[str, Any], draft: Path) -> dict[str, Any] | None:
    """Write the zip into the release; its entry of the manifest, None where the lane it is made from is not built.

    Raises ContractError, naming columns, where a contract's expressions do not carry over.
    """
    part = next((part for part in parts if part.lane == runtimes["default_lane"]), None)
    if part is None:
        return None
    datasets = runtimes["delivery"]["datasets"]
    members: dict[str, bytes | Path] = dict(_library(source.folder / "libs" / "sluice"))
    members["sluice/delivery/datasets/__init__.py"] = b""
    for dataset in datasets:
        contract, suite = load_definitions(dataset, None, str(source.folder))
        # The same bytes wherever the checkout lies, and no word of where that was.
        contract = replace(contract, path=Path(contract.path).relative_to(source.folder).as_posix())
        members[f"sluice/delivery/datasets/{dataset}.py"] = compiled(contract, suite).encode()
    wheels = {wheel.name: wheel for wheel in part.wheels}
    for name in _WHEELS:
        if name not in wheels:
            raise UsageError(f"{part.lane}, Python {part.target.python}: expected {name} among its wheels, found none")
        members |= dict(unpacked(wheels[name].path))
    target = draft / ZIP
    target.parent.mkdir(parents=True)
    write_zip(target, sorted(members.items()), FIXED_AT)
    return {
        "zip": ZIP,
        "handler": HANDLER,
        "python": part.target.python,
        "architecture": part.target.platform,
        "datasets": list(datasets),
    }


def _library(folder: Path) -> list[tuple[str, bytes]]:
    names = [*_MODULES, *(f"{package}/__init__.py" for package in _PACKAGES)]
    found = [path for name in names for path in sorted(folder.glob(name)) if path.is_file()]
    return [(f"sluice/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in found]


def installed_part(folder: Path) -> Part:
    """The packages of this environment as wheels in `folder`, for tests and measurements that no lock is for."""
    wheels = []
    for name in _WHEELS:
        found = importlib.metadata.distribution(name)
        path = folder / f"{name}-{found.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for file in found.files or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    archive.write(str(file.locate()), str(file))
        wheels.append(Wheel(path, sha256_of(path)))
    return Part("installed", Target(f"{sys.version_info.major}.{sys.version_info.minor}", "x86_64", "2.34"), wheels)
