"""A dataset's contract and suite together: the installed ones, or those of a folder of one's own."""

from __future__ import annotations

from pathlib import Path

from sluice.contract.load import load_contract
from sluice.contract.model import Contract
from sluice.errors import UsageError
from sluice.quality.load import load_suite
from sluice.quality.model import Suite


def load_definitions(
    dataset: str, version: str | None = None, folder: str | None = None
) -> tuple[Contract, Suite | None]:
    """Contract and suite of `dataset`; `folder` has `schemas/` and, where there are suites, `expectations/`.

    Raises ContractError, SuiteError, and UsageError for a folder that is none of definitions.
    """
    if not folder:
        return load_contract(dataset, version), load_suite(dataset)
    root = Path(folder)
    if not (root / "schemas").is_dir():
        raise UsageError(f"--definitions {folder}: expected a local folder with schemas/ in it, found none")
    return load_contract(dataset, version, root / "schemas"), load_suite(dataset, root / "expectations")
