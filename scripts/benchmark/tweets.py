"""Tweets: how long it takes to curate few and many, and whether it grows as they do.

Each size in a process of its own that has curated some thousands before, with the dataset's suite or without. Linear
means: a hundred thousand tweets more take, from the small size to the large one, at most 15 % more than a hundred
thousand take on average in the small one without the fixed cost, which is that of the warm-up's size measured again.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmark import show
from benchmark.child import run_contender
from benchmark.made import copy_lake, count, landed, read_once

DATASET, MORE = "tweets", 1.15
_FEW = 2_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--small", type=count, default=count("50k"), metavar="N", help="tweets (default 50k)")
    add("--large", type=count, default=count("500k"), metavar="N", help="tweets (default 500k)")
    add("--repeat", type=int, default=1, metavar="N", help="times each; medians (default 1)")
    add("--gate", default="true", choices=("true", "false"), help="with the dataset's suite (default true)")
    add("--lake-seed", type=int, default=1, metavar="N", help="another seed makes other tweets (default 1)")
    add("--driver-memory", default="2g", metavar="SIZE", help="of the JVM (default 2g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make the tweets, curate each size in turn, and tell."""
    sizes = {"fixed": _FEW, "small": args.small, "large": args.large}
    lakes = {name: _landed(args, folder, rows) for name, rows in sizes.items()}
    kind = "t2" if args.gate == "true" else "t1"
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in sizes}
    for number in range(args.repeat):
        for name, rows in sizes.items():
            show.say(f"round {number + 1} of {args.repeat}: {rows:,} tweets")
            lake = copy_lake(lakes[name].lake, folder / "work" / name)
            warm = copy_lake(lakes["fixed"].lake, folder / "work" / f"{name}-warm")
            read_once(lake / "raw")
            scratch = folder / "work" / f"{name}-scratch"
            rounds[name].append(run_contender(kind, lake, warm, args.driver_memory, scratch))
    return _told(args, sizes, rounds, {name: made.expected for name, made in lakes.items()})


def _landed(args: argparse.Namespace, folder: Path, rows: int) -> Any:
    order = ["--dataset", DATASET, "--messages", str(rows), "--hours", "24", "--object-seconds", "3600"]
    return landed(folder / "made" / f"{DATASET}-{rows}", args.lake_seed, order, DATASET)


def _told(
    args: argparse.Namespace, sizes: dict[str, int], rounds: dict[str, list[dict[str, Any]]], expected: dict[str, Any]
) -> dict[str, Any]:
    wall = {name: statistics.median(found["wall_seconds"] for found in rounds[name]) for name in sizes}
    peak = {name: max(found["peak_total_rss_bytes"] for found in rounds[name]) for name in sizes}
    fixed = wall["fixed"]
    each = {name: (wall[name] - fixed) / (sizes[name] - sizes["fixed"]) * 100_000 for name in ("small", "large")}
    more = (wall["large"] - wall["small"]) / (sizes["large"] - sizes["small"]) * 100_000
    steps = {name: rounds[name][0]["steps"] for name in sizes}
    show.title(f"Tweets, {'with' if args.gate == 'true' else 'without'} the suite, medians of {args.repeat}")
    rows: list[tuple[object, ...]] = [
        ("tweets", *sizes.values()),
        ("wall s", *wall.values()),
        ("s per 100,000, without the fixed cost", None, each["small"], each["large"]),
        ("CPU s", *(statistics.median(found["cpu_seconds"] for found in rounds[name]) for name in sizes)),
        ("peak MB", *(round(value / 1e6) for value in peak.values())),
    ]
    names = list(dict.fromkeys(step for found in steps.values() for step in found))
    show.table(("", *sizes), [*rows, *((step, *(steps[name].get(step, 0.0) for name in sizes)) for step in names)])
    growth = more / each["small"]
    show.table(("ratio", "found", "at most"), [("a hundred thousand more / in the small size", growth, MORE)])
    keys = ("curated", "quarantined", "duplicates", "superseded", "filtered", "rescued")
    right = all(found["counts"][k] == expected[n][k] for n in sizes for found in rounds[n] for k in keys)
    return {
        "arguments": {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()},
        "wall_seconds": wall, "seconds_per_100k": each, "seconds_per_100k_more": more, "peak_total_rss_bytes": peak,
        "growth": round(growth, 3), "target": MORE, "steps": steps, "as_expected": right,
        "sound": right and all(found["balanced"] for n in sizes for found in rounds[n]),
    }  # fmt: skip
