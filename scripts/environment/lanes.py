"""runtimes.toml as data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment.report import SetupError

TOOLS = "tools"


@dataclass(frozen=True)
class Lane:
    """An environment under .venv/: a Spark lane, or `tools`, which has neither Spark nor Java.

    `maven` maps a set of jars (delta, s3) to its Maven coordinates.
    """

    name: str
    root: Path
    entry: Mapping[str, Any]
    java: Mapping[str, Any]
    left_out: tuple[str, ...]

    @property
    def has_spark(self) -> bool:
        return self.name != TOOLS

    @property
    def folder(self) -> Path:
        return self.root / ".venv" / self.name

    @property
    def requirements(self) -> Path:
        return self.root / "requirements" / f"{self.name}.txt"

    def maven(self, jars: str) -> list[str]:
        return list(self.entry["maven"][jars])

    def described(self) -> str:
        """Everything its content follows from; where this changes, the environment is made anew."""
        text = self.requirements.read_text(encoding="utf-8")
        return json.dumps([text, self.entry, self.left_out, str(self.folder)], sort_keys=True)


def read_runtimes(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "runtimes.toml").read_text(encoding="utf-8"))


def lane_names(root: Path) -> list[str]:
    return list(read_runtimes(root)["lanes"])


def load_lane(root: Path, name: str | None) -> Lane:
    """The lane of that name, or the default one.

    Raises SetupError for a name that runtimes.toml does not have.
    """
    runtimes = read_runtimes(root)
    name = name or runtimes["default_lane"]
    lanes = runtimes["lanes"]
    if name not in lanes and name != TOOLS:
        raise SetupError(f"expected a lane of runtimes.toml ({', '.join(lanes)}), found {name!r}")
    return Lane(name, root, lanes.get(name, {}), runtimes["java"], tuple(runtimes["maven"]["left_out"]))
