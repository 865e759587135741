"""What a lake's tables say, for a person: read with delta-rs, which shares no code with the Spark that wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

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
    """Prints a few curated rows (of made people, so nobody's data) and the rows a day."""
    table = DeltaTable(str(uri))
    dataset = table.to_pyarrow_dataset()
    names = ["event_time", "country", "name", "sentiment_value", "message"]
    shown = Table(
        *(Column(name, no_wrap=True) for name in names),
        title=f"curated: {dataset.count_rows():,} rows of {len(dataset.schema.names)} columns; a few",
    )
    for row in dataset.head(rows, columns=names).to_pylist():
        row["event_time"] = row["event_time"].isoformat(" ", "seconds")[:19]
        shown.add_row(*(_short(row[name], 36) for name in names))
    _console.print(shown)
    days = Counter(dataset.to_table(columns=["event_date"]).column("event_date").to_pylist())
    _console.print("rows a day: " + ", ".join(f"{day} {count:,}" for day, count in sorted(days.items())))


def show_reasons(uri: Path, expected: Mapping[str, int]) -> bool:
    """Prints by which rule records were refused (each under its first one), with one of them; as expected?"""
    counts: Counter[str] = Counter()
    example: dict[str, str] = {}
    for row in DeltaTable(str(uri)).to_pyarrow_dataset().to_table(columns=["record", "reasons"]).to_pylist():
        rule, column = row["reasons"][0]["rule"], row["reasons"][0]["column"]
        counts[rule] += 1
        text = "".join(each if each.isprintable() else "·" for each in row["record"].decode("utf-8", "replace"))
        example.setdefault(rule, (f"{column}: " if column else "") + text)
    table = Table("rule", "records", "expected", "", "one of them", title="quarantine: the record as received, and why")
    for rule in sorted({*counts, *expected}):
        found, wanted = counts[rule], expected.get(rule, 0)
        table.add_row(rule, f"{found:,}", f"{wanted:,}", _verdict(found == wanted), _short(example.get(rule, ""), 64))
    _console.print(table)
    return counts == Counter(expected)


def versions(lake: Path, dataset: str) -> dict[str, int]:
    """The version of each Delta table of the dataset, by its folder below the lake."""
    folders = (f"curated/{dataset}", f"quarantine/{dataset}", f"_sluice/{dataset}/ledger")
    return {folder: DeltaTable(str(lake / folder)).version() for folder in folders}


def _verdict(agrees: bool) -> str:
    return "ok" if agrees else "DIFFERS"


def _short(value: object, length: int) -> str:
    text = str(value)
    return escape(text if len(text) <= length else text[: length - 1] + "…")
