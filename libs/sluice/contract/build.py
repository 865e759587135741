"""Text -> contract: the standard first, then our own rules, all problems at once."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, replace
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard

from sluice.contract.analysis import is_analysis, read_analysis
from sluice.contract.columns import raw_fields, raw_scope, read_columns, read_raw
from sluice.contract.enrichment import check_filters
from sluice.contract.formats import check_csv, check_joined, read_format
from sluice.contract.keys import check_keep, key_positions, partition_positions
from sluice.contract.model import Contract, Csv
from sluice.contract.problems import Problems, shown
from sluice.contract.settings import read_settings
from sluice.contract.standard import read_standard
from sluice.errors import ContractError

DATASET = re.compile(r"[a-z][a-z0-9_]{0,99}")
VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")


def build(text: str, path: str) -> Contract:
    """`path` is how the contract is called in problems. Raises ContractError."""
    problems = Problems()
    model = read_standard(text, problems)
    contract = _build(model, path, problems) if model is not None else None
    if contract is None or problems.lines:
        raise ContractError(path, problems.lines)
    return contract


def _build(model: OpenDataContractStandard, path: str, problems: Problems) -> Contract | None:
    _check_head(model, problems)
    if is_analysis(model):
        analysis = read_analysis(model, path, problems)
        return replace(analysis, fingerprint=fingerprint(analysis)) if analysis is not None else None
    objects = model.schema_ or []
    if len(objects) != 2 or [one.name for one in objects] != ["raw", model.id]:
        names = ", ".join(one.name or "(no name)" for one in objects) or "nothing"
        expected = f"expected two objects, `raw` (what lands) and `{model.id}` (what is promised), found {names}"
        problems.add("schema", expected)
        return None
    raw_format = read_format(objects[0], 0, problems)
    raw = read_raw(objects[0], 0, raw_format, problems)
    drafts = read_columns(objects[1], 1, raw, problems)
    settings = read_settings(model, raw_scope(raw, "raw does not have"), problems)
    check_csv(raw_format, settings.csv, settings.places.get("csv"), problems)
    check_joined(settings.csv, list(raw.values()), settings.places.get("csv", ""), problems)
    check_filters(settings.enrich, settings.filters, raw_scope(raw, ""), problems)
    partitions = partition_positions(drafts, problems)
    keys = key_positions(drafts, problems)
    check_keep(drafts, keys, partitions, settings, problems)
    columns = tuple(draft.column(partitions.get(draft.name), keys.get(draft.name)) for draft in drafts)
    contract = Contract(
        dataset=model.id or "",
        version=model.version or "",
        path=path,
        raw=raw_fields(raw),
        columns=columns,
        keep=settings.keep or "first",
        newest_by=settings.newest_by,
        unknown_fields=settings.unknown_fields,
        filters=settings.filters,
        max_record_bytes=settings.max_record_bytes,
        max_nesting=settings.max_nesting,
        fingerprint="",
        raw_format=raw_format,
        csv=settings.csv,
        evolve_columns=settings.evolve_columns,
        enrich=settings.enrich,
    )
    return replace(contract, fingerprint=fingerprint(contract))


def _check_head(model: OpenDataContractStandard, problems: Problems) -> None:
    if model.kind != "DataContract":
        problems.add("kind", f"expected DataContract, found {shown(model.kind)}")
    if not (model.apiVersion or "").startswith("v3."):
        problems.add("apiVersion", f"expected v3.x of the Open Data Contract Standard, found {shown(model.apiVersion)}")
    if not DATASET.fullmatch(model.id or ""):
        problems.add("id", f"expected the dataset's name in a-z, 0-9 and _ (100 at most), found {shown(model.id)}")
    if not VERSION.fullmatch(model.version or ""):
        problems.add("version", f"expected major.minor.patch such as 1.0.0, found {shown(model.version)}")


def fingerprint(contract: Contract) -> str:
    """sha256 over what makes the data what it is.

    Raw fields count without their order; version, path, classification and descriptions do not count at all, so that
    mending a text does not look like a change of the data.
    """
    said: dict[str, Any] = {
        "form": 1,
        "dataset": contract.dataset,
        "raw": sorted([field.name, field.type] for field in contract.raw),
        "columns": [
            [c.name, c.type, c.required, c.expression, list(c.sources), c.partition_position, c.key_position]
            for c in contract.columns
        ],
        "keep": [contract.keep, contract.newest_by],
        "unknown_fields": contract.unknown_fields,
        "filters": [[one.kind, one.expression] for one in contract.filters],
        "limits": [contract.max_record_bytes, contract.max_nesting],
    }
    if contract.raw_format != "json":  # contracts from before there were other formats keep their fingerprint
        said["format"] = [contract.raw_format, _written(contract.csv) if contract.csv else None]
    if contract.evolve_columns:
        said["evolve"] = [sorted(contract.evolve_columns), [field.name for field in contract.raw if field.evolved]]
    if contract.enrich:
        said["enrich"] = [asdict(one) for one in contract.enrich]
    if contract.windows is not None:
        said["windows"] = {name: value for name, value in asdict(contract.windows).items() if name != "chart"}
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


def _written(csv: Csv) -> dict[str, Any]:
    """Without what was added to the setting since, where it is not used."""
    return {name: value for name, value in asdict(csv).items() if name != "split_joined" or value}
