"""Which of the datasets found have a contract, and how they differ from it: for the summary, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.catalog.drift import Difference, drift
from sluice.catalog.evidence import percent
from sluice.catalog.findings import Found
from sluice.catalog.names import legible
from sluice.contract.load import known_contracts, load_contract
from sluice.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

# What a job ends with where data and contract differ, and it was asked to fail then.
DRIFTED = 5
_WORDS = {
    "new": "new field", "gone": "gone", "type": "other type", "null": "null", "unseen": "not met (optional)",
    "rescued": "kept in _rescued", "filtered": "in filtered records",
}  # fmt: skip
_ROWS, _WIDE = 100, 60


def drifts(found: Sequence[Found], definitions: str = "") -> dict[str, list[Difference]]:
    """Differences by dataset, for those that have a contract (an empty list where they agree).

    `definitions` is a folder with `schemas/`, by default the installed contracts. Raises UsageError where it has none,
    ContractError for a contract that does not hold.
    """
    schemas = Path(definitions, "schemas") if definitions else None
    if schemas is not None and not schemas.is_dir():
        raise UsageError(f"--definitions {definitions}: expected a local folder with schemas/ in it, found none")
    known = known_contracts(schemas)
    return {one.name: drift(one, load_contract(one.name, None, schemas)) for one in found if one.name in known}


def show_drift(differences: Mapping[str, Sequence[Difference]], console: Console) -> None:
    """A table of what differs; one line for datasets that agree."""
    from rich.markup import escape
    from rich.table import Table

    for name, given in differences.items():
        if not given:
            console.print(f"{name}: as its contract says")
            continue
        differs = any(one.drifts for one in given)
        title = f"{name}: {'differs from its contract' if differs else 'as its contract says, apart from'}"
        table = Table("field", "", "contract", "found", "share", title=title)
        # What drifts is not cut off behind what is told only.
        for one in sorted(given, key=lambda one: not one.drifts)[:_ROWS]:
            cells = (one.path or "(all)", _WORDS[one.kind], one.contract, one.found)
            table.add_row(*(escape(legible(cell, _WIDE)) for cell in cells), percent(round(one.share * 1000), 1000))
        console.print(table)
        if len(given) > _ROWS:
            console.print(f"and {len(given) - _ROWS} more, all in the summary")
