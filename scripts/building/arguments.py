"""What was asked for."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sluice.errors import UsageError
from sluice.runtime.arguments import boolean

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Order:
    """One build. `out` None: dist/sluice/<version>; `cache` holds wheels and archives for the next build."""

    root: Path
    runtimes: Mapping[str, Any]
    lanes: tuple[str, ...]
    out: Path | None
    cache: Path
    allow_dirty: bool
    lock: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see --help")


def parse(argv: Sequence[str], root: Path = ROOT) -> Order:
    """Arguments -> order; UsageError for a wrong one."""
    runtimes = tomllib.loads((root / "runtimes.toml").read_text("utf-8"))
    parser = _Parser(prog="scripts/build", description="Makes a release of this commit.", allow_abbrev=False)
    parser.add_argument("--out", type=Path, help="the release's folder (default: dist/sluice/<version>)")
    parser.add_argument("--lane", nargs="+", action="extend", choices=list(runtimes["lanes"]), help="default: all")
    parser.add_argument(
        "--allow-dirty", type=boolean, default=False, help="true: the files as they are, not as committed"
    )
    parser.add_argument("--cache", type=Path, default=root / ".cache" / "build", help="what is fetched once")
    parser.add_argument(
        "--lock", type=boolean, default=False, help="true: write requirements/wheels/ anew, make no release"
    )
    found = parser.parse_args(argv)
    lanes = tuple(lane for lane in runtimes["lanes"] if lane in (found.lane or runtimes["lanes"]))
    return Order(root, runtimes, lanes, found.out, found.cache, found.allow_dirty, found.lock)
