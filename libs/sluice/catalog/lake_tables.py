"""What tables a lake has, told by its listing alone, and what they are called in a catalog."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from sluice.errors import LocationError, ProblemsError
from sluice.lake.places import Places
from sluice.runtime.storage import join, normal_uri, storage_for

Kind = Literal["curated", "quarantine", "checks", "analysis"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")
_DATABASE = re.compile(r"[a-z][a-z0-9_]{0,127}")


@dataclass(frozen=True)
class LakeTable:
    """A Delta table of a lake: `name` is its name in a catalog, `uri` its folder, `of` the dataset or analysis."""

    name: str
    uri: str
    kind: Kind
    of: str


def lake_tables(lake: str, quarantine: str = "") -> list[LakeTable]:
    """The Delta tables of `lake` by name; `quarantine` is where refused records are kept, if not in the lake.

    Raises LocationError where there is none, ProblemsError where two would have one name, or one cannot be a name.
    """
    lake = normal_uri(lake)
    quarantines = normal_uri(quarantine) if quarantine else join(lake, "quarantine")
    found = [
        *_of("curated", join(lake, "curated"), lake, quarantines),
        *_of("quarantine", quarantines, lake, quarantines),
        *_of("checks", join(lake, "_sluice"), lake, quarantines),
        *_of("analysis", join(lake, "analytics"), lake, quarantines),
    ]
    tables = sorted((table for table in found if _is_delta(table.uri)), key=lambda table: table.name)
    if not tables:
        raise LocationError(
            f"{lake}: expected Delta tables below curated/, quarantine/, _sluice/ or analytics/, found none; "
            "run jobs/curate.py first, or mend --lake"
        )
    _check_names(lake, tables)
    return tables


def database_name(text: str) -> str:
    """`text` where every catalog takes it for a database's name; ValueError otherwise."""
    if not _DATABASE.fullmatch(text):
        raise ValueError(f"expected a database's name of a-z, 0-9 and _, beginning with a letter, found {text!r}")
    return text


def _of(kind: Kind, folder: str, lake: str, quarantines: str) -> list[LakeTable]:
    found = []
    for name in storage_for(folder).folders(folder):
        places = Places(lake, name, quarantines)
        called, uri = {
            "curated": (name, places.curated),
            "quarantine": (f"{name}_quarantine", places.quarantine),
            "checks": (f"{name}_checks", places.checks),
            "analysis": (name, join(folder, name)),
        }[kind]
        found.append(LakeTable(called, uri, kind, name))
    return found


def _is_delta(uri: str) -> bool:
    return next(storage_for(uri).list(join(uri, "_delta_log")), None) is not None


def _check_names(lake: str, tables: list[LakeTable]) -> None:
    by_name: dict[str, list[LakeTable]] = defaultdict(list)
    for table in tables:
        by_name[table.name.lower()].append(table)
    problems = [
        f"`{name}` would be the name of {' and of '.join(table.uri for table in same)}; give one another name"
        for name, same in by_name.items()
        if len(same) > 1
    ]
    problems += [
        f"{table.uri}: a table's name is of a-z, 0-9 and _, beginning with a letter; give the folder such a name"
        for table in tables
        if not _NAME.fullmatch(table.name)
    ]
    if problems:
        raise ProblemsError(lake, problems)
