"""Tables for people, on standard output before the report's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_console = Console(width=None if Console().is_terminal else 140, highlight=False)


def title(text: str) -> None:
    """A new part begins."""
    _console.print(f"\n== {text}")


def say(line: str) -> None:
    """One line."""
    _console.print(line, markup=False)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], name: str = "") -> None:
    """Rows under heads: the first column left, numbers right."""
    shown = Table(title=name or None, title_justify="left")
    for place, head in enumerate(heads):
        shown.add_column(head, justify="left" if place == 0 else "right")
    for row in rows:
        shown.add_row(*(_text(value) for value in row))
    _console.print(shown)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def peers(report: Mapping[str, Any]) -> None:
    """The contenders side by side, what their tables hold, ours step by step, and the ratios."""
    from benchmark.contenders import CONTENDERS

    found, expected = report["contenders"], report["expected"]
    data = next(iter(report["data"].values()))
    shares = ", ".join(f"{name} {data[name]:g}" for name in ("duplicates", "late", "damaged", "unknown"))
    size, stored = (f"{data[key] / 1e6:,.0f} MB" for key in ("raw_bytes", "stored_bytes"))
    title(f"{data['messages']:,} records, {size}, stored {stored}, {data['source_objects']} source objects; {shares}")
    heads = "contender,wall s,CPU s,peak MB,JVM MB,Python MB,PSS MB,written MB,files,jobs,stages".split(",")
    kinds = ("peak_total_rss", "peak_jvm_rss", "peak_python_rss", "peak_total_pss", "written")
    counts = ("written_files", "jobs", "stages")
    rows = [
        (f"{name}  {CONTENDERS[name][0]}", row["wall_seconds"], row["cpu_seconds"],
         *(round(row[f"{kind}_bytes"] / 1e6) for kind in kinds), *(int(row[key]) for key in counts))
        for name, row in found.items()
    ]  # fmt: skip
    table(heads, rows)
    keys = ("rows", "empty", "doubled", "lost", "invented")
    table(("table", *keys), [(name, *(row["result"].get(key) for key in keys)) for name, row in found.items()],
          f"the tables; true are {expected['curated']:,} rows, {expected['duplicates']:,} records came twice, "
          f"{expected['quarantined']:,} are damaged")  # fmt: skip
    ours = [name for name in found if "steps" in found[name]]
    if ours:
        steps = list(dict.fromkeys(step for name in ours for step in found[name]["steps"]))
        table(("ours, by step: s", *ours), [(s, *(found[name]["steps"].get(s) for name in ours)) for s in steps])
    targets = report["targets"]
    table(("ratio", "wall", "CPU", "at most (wall)"), [
        (name, ratio["wall"], ratio["cpu"], targets.get(name)) for name, ratio in report["ratios"].items()
    ])  # fmt: skip
