"""One source object of a single line, far longer than anything a delivery stream makes, curated by a small driver.

Sound, or hurt at its first byte: an unterminated string before it, so that every quote means the opposite; its last
half missing; and one string that never ends. The run must succeed and balance; peaks are told.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark import show
from benchmark.child import run_contender
from benchmark.made import DATASET, landed
from sluice.errors import SluiceError

_KEY = "2017/11/26/15/app-messages-1-2017-11-26-15-00-00-00000000-0000-4000-8000-000000000000"
CASES: dict[str, Callable[[bytes], bytes]] = {
    "sound": lambda data: data,
    "unterminated string first": lambda data: b'{"message": "' + data,
    "cut off": lambda data: data[: data.rindex(b'"message"') + 20],
    "one endless string": lambda data: b'{"message": "' + data.replace(b'"', b" "),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument("--megabytes", type=int, default=128, metavar="N", help="of the source object (default 128)")
    parser.add_argument("--driver-memory", default="2g", metavar="SIZE", help="of the JVM (default 2g)")
    parser.add_argument("--lake-seed", type=int, default=1, metavar="N", help="another seed makes other messages")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make the line, curate each case in a process of its own, and tell."""
    line = _line(folder, args.megabytes << 20, args.lake_seed)
    found: dict[str, dict[str, Any]] = {}
    for name, hurt in CASES.items():
        show.say(f"{name}: {args.megabytes} MB, driver {args.driver_memory}")
        place = folder / "work" / name.replace(" ", "-")
        source = place / "raw" / DATASET / _KEY
        shutil.rmtree(place, ignore_errors=True)  # of an earlier run in a kept folder
        source.parent.mkdir(parents=True)
        source.write_bytes(hurt(line))
        try:
            figures = run_contender("d2", place, None, args.driver_memory, place.with_name(f"{place.name}-scratch"))
            found[name] = {"succeeded": bool(figures["balanced"]), "bytes": source.stat().st_size, **figures}
        except SluiceError as error:
            found[name] = {"succeeded": False, "error": str(error)}
    show.table(
        (
            "source object",
            "succeeded",
            "wall s",
            "JVM MB",
            "Python MB",
            "together MB",
            "read",
            "curated",
            "quarantined",
        ),
        [_row(name, row) for name, row in found.items()],
        f"{args.megabytes} MB in one line, driver memory {args.driver_memory}, not warmed up",
    )
    sound = all(row["succeeded"] for row in found.values()) and found["sound"]["counts"]["quarantined"] == 0
    return {"megabytes": args.megabytes, "driver_memory": args.driver_memory, "cases": found, "sound": sound}


def _row(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    if "counts" not in row:
        return name, "NO", *(None,) * 7
    peaks = (round(row.get(f"peak_{kind}_rss_bytes", 0) / 1e6) for kind in ("jvm", "python", "total"))
    counts = (row["counts"][key] for key in ("read", "curated", "quarantined"))
    return name, "yes" if row["succeeded"] else "NO", row["wall_seconds"], *peaks, *counts


def _line(folder: Path, size: int, seed: int) -> bytes:
    """Whole records, back to back, without a newline, of `size` bytes or a record less."""
    order = ["--messages", str(size // 200), "--compression", "none", "--damaged", "0"]
    made = landed(folder / "made" / f"line-{size}", seed, order)
    parts = [path.read_bytes() for path in sorted(made.raw.rglob("*")) if path.is_file()]
    data = b"".join(parts)[:size]
    return data[: data.rindex(b"}{") + 1]
