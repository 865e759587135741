"""The bill of materials: every wheel of every lane, as CycloneDX 1.6."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from building.locks import graph
from building.source import Source
from building.wheels import Target, Wheel

_NAMESPACE = uuid.UUID("6f1c2d0e-0c56-5e0a-9a55-6d2f3b1c7a10")  # any constant: names below it must not meet others
_LONGEST_NAME = 80  # some metadata has the licence's whole text where its name belongs


@dataclass(frozen=True)
class Part:
    """The wheels of a lane for one interpreter."""

    lane: str
    target: Target
    wheels: Sequence[Wheel]


def bill(source: Source, own: Wheel, parts: Sequence[Part]) -> dict[str, Any]:
    """The document; nothing in it but what follows from the commit."""
    lanes: dict[str, set[str]] = {}
    wheels: dict[str, Wheel] = {}
    needs: dict[str, set[str]] = {_ref(own): set()}
    for part in parts:
        refs = {wheel.name: _ref(wheel) for wheel in (own, *part.wheels)}
        for wheel in part.wheels:
            lanes.setdefault(_ref(wheel), set()).add(part.lane)
            wheels[_ref(wheel)] = wheel
        for name, needed in graph(own, part.wheels, part.target).items():
            needs.setdefault(refs[name], set()).update(refs[each] for each in needed)
    moment = datetime.fromtimestamp(source.committed_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{source.commit} {source.version} {sorted(wheels)}')}",
        "version": 1,
        "metadata": {"timestamp": moment, "component": _component(own, "application", {})},
        "components": [
            _component(wheels[ref], "library", {"sluice:lane": sorted(lanes[ref])}) for ref in sorted(wheels)
        ],
        "dependencies": [{"ref": ref, "dependsOn": sorted(needs[ref])} for ref in sorted(needs)],
    }


def _ref(wheel: Wheel) -> str:
    return wheel.path.name


def _component(wheel: Wheel, kind: str, properties: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": kind,
        "bom-ref": _ref(wheel),
        "name": wheel.name,
        "version": wheel.version,
        "purl": f"pkg:pypi/{wheel.name}@{quote(wheel.version)}?file_name={quote(wheel.path.name)}",
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "licenses": _licences(wheel),
        "properties": [{"name": name, "value": value} for name, values in properties.items() for value in values],
    }
    return {key: value for key, value in told.items() if value}


def _licences(wheel: Wheel) -> list[dict[str, Any]]:
    """What its metadata tells, the exact before the vague: an SPDX expression, a short name, classifiers."""
    metadata = wheel.metadata
    if metadata.license_expression:
        return [{"expression": str(metadata.license_expression)}]
    name = (metadata.license or "").strip()
    if name and len(name) <= _LONGEST_NAME and "\n" not in name:
        return [{"license": {"name": name}}]
    marks = [each for each in metadata.classifiers or () if each.startswith("License ::")]
    return [{"license": {"name": each.rpartition(" :: ")[2]}} for each in sorted(marks)]
