"""The register job's work: what a lake has, into one catalog or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice.catalog.glue import check_place, delta_input, raw_input, register_in_glue
from sluice.catalog.lake_tables import database_name, lake_tables
from sluice.catalog.raw_lines import raw_lines
from sluice.catalog.register import Registered, register
from sluice.contract.load import load_contract
from sluice.errors import ContractError, UsageError
from sluice.runtime.job import Run
from sluice.runtime.storage import join, normal_uri, storage_for

TARGETS = ("session", "glue")


def register_lake(
    run: Run, lake: str, target: str, database: str, quarantine: str, definitions: str
) -> Mapping[str, Any]:
    """Register the lake's tables in `target`'s `database`; returns the run's summary."""
    try:
        database = database_name(database)
    except ValueError as error:
        raise UsageError(f"--database: {error}") from None
    not_registered: list[str] = []
    if target == "glue":
        check_place(lake)
        run.progress.at("list")
        wanted: list[Mapping[str, Any]] = [delta_input(table) for table in lake_tables(lake, quarantine)]
        schemas = Path(definitions, "schemas") if definitions else None
        raw, not_registered = _raw_tables(normal_uri(lake), schemas)
        run.progress.at("register", f"{len(wanted) + len(raw)} tables in Glue")
        done = register_in_glue(database, [*wanted, *raw])
    else:
        tables = lake_tables(lake, quarantine)
        spark = run.spark
        run.progress.at("register", f"{len(tables)} tables")
        done = register(spark, tables, database)
    for line in not_registered:
        run.progress.tell(line)
    return {
        "outcome": "registered" if any(each.done != "unchanged" for each in done) else "nothing to do",
        "target": target,
        "database": database,
        "tables": _told(done),
        "not_registered": not_registered,
    }


def _raw_tables(lake: str, schemas: Path | None) -> tuple[list[Mapping[str, Any]], list[str]]:
    """(TableInputs of the datasets whose raw folder Athena can read, why others and some fields are not there)."""
    raw = join(lake, "raw")
    wanted, why_not = [], []
    for dataset in storage_for(raw).folders(raw):
        try:
            contract = load_contract(dataset, schemas=schemas)
        except ContractError as error:
            why_not.append(f"raw/{dataset}: no contract says what its fields are ({error.problems[0]})")
            continue
        if contract.raw_format != "json":
            why_not.append(f"raw/{dataset}: is {contract.raw_format}, not JSON; read the curated table")
            continue
        lines = raw_lines(raw, dataset)
        if lines.problem:
            why_not.append(f"raw/{dataset}: not readable by Athena: {lines.problem}; read the curated table")
            continue
        table, left_out = raw_input(raw, contract, lines)
        wanted.append(table)
        why_not += [f"raw/{dataset}: {each}" for each in left_out]
        if lines.outside:
            why_not.append(
                f"raw/{dataset}: {lines.outside} source objects lie in no hour folder; Athena sees none of it"
            )
    return wanted, why_not


def _told(done: Sequence[Registered]) -> list[dict[str, str]]:
    return [{key: value for key, value in vars(each).items() if value} for each in done]
