"""What a lake's tables say, for a person: read with delta-rs, which shares no code with the Spark that wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from rich.console import Console
from rich.table import Table

# Wide enough for its tables where there is no terminal, too.
_console = Console(width=None if Console().is_terminal else 120, highlight=False)


def show_accounts(counts: Mapping[str, int], expected: Mapping[str, Any], fates: Sequence[str]) -> bool:
    """Prints what was counted beside what was expected; do they agree, and does the read equal the placed?"""
    table = Table("fate", "records", "the manifest expects", "")
    for fate in fates:
        table.add_row(fate, f"{counts[fate]:,}", f"{expected[fate]:,}", _verdict(counts[fate] == expected[fate]))
    placed = sum(counts[fate] for fate in fates)
    table.add_section()
    table.add_row("together", f"{placed:,}", f"{expected['records']:,}", _verdict(placed == expected["records"]))
    table.add_row("records read", f"{counts['read']:,}", f"{expected['records']:,}", _verdict(counts["read"] == placed))
    _console.print(table)
    return counts["read"] == placed == expected["records"] and all(counts[fate] == expected[fate] for fate in fates)


def show_rows(uri: Path, rows: int = 5) -> None:
    """Prints a few curated rows (made people, so nobody's data) and the rows a day."""
    table = DeltaTable(str(uri))
    dataset = table.to_pyarrow_dataset()
    names = [name for name in dataset.schema.names if not name.startswith("_")]
    shown = Table(*names, title=f"curated: {dataset.count_rows():,} rows, table version {table.version()}")
    for row in dataset.head(rows, columns=names).to_pylist():
        shown.add_row(*(_short(row[name]) for name in names))
    _console.print(shown)
    days = Counter(dataset.to_table(columns=["event_date"]).column("event_date").to_pylist())
    _console.print("rows a day: " + ", ".join(f"{day} {count:,}" for day, count in sorted(days.items())))


def show_reasons(uri: Path) -> None:
    """Prints how often each reason sent a record to quarantine, with the start of one such record."""
    table = Table(
        "rule", "column", "records", "one of them begins", title="quarantine: the record as received, and why"
    )
    counts: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], bytes] = {}
    for row in DeltaTable(str(uri)).to_pyarrow_dataset().to_table(columns=["record", "reasons"]).to_pylist():
        for reason in row["reasons"]:
            key = (reason["rule"], reason["column"] or "")
            counts[key] += 1
            example.setdefault(key, row["record"] or b"")
    for (rule, column), count in counts.most_common():
        table.add_row(rule, column, f"{count:,}", _short(example[rule, column].decode("utf-8", "replace"), 60))
    _console.print(table)


def versions(lake: Path, dataset: str) -> dict[str, int]:
    """The version of each Delta table of the dataset, by its folder below the lake."""
    folders = (f"curated/{dataset}", f"quarantine/{dataset}", f"_sluice/{dataset}/ledger")
    return {folder: DeltaTable(str(lake / folder)).version() for folder in folders}


def _verdict(agrees: bool) -> str:
    return "ok" if agrees else "DIFFERS"


def _short(value: object, length: int = 24) -> str:
    text = str(value).replace("[", "\\[").replace("\n", " ")
    return text if len(text) <= length else text[: length - 1] + "…"
