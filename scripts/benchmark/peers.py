"""The main job against plain Spark, DuckDB and the job people write by hand: same records, same cores, one run.

Each contender runs in a process of its own, warmed up on a small lake, and is timed on the big one. CPU is of the whole
tree of processes. `lost`, `doubled` and `invented` say what a table holds against what was sent.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmark import show
from benchmark.child import run_contender
from benchmark.contenders import CONTENDERS
from benchmark.judge import as_expected, judged
from benchmark.made import Landed, copy_lake, count, files_in, landed, read_once

RATIOS = (("d2", "a"), ("d1", "a"), ("d2", "c"), ("d3", "c"), ("d2", "b"), ("d3", "d2"))
TARGETS = {"d2/a": 2.0, "d2/c": 0.6}
_MEDIANS = ("wall_seconds", "cpu_seconds", "peak_total_rss_bytes", "peak_total_pss_bytes", "peak_jvm_rss_bytes",
            "peak_python_rss_bytes", "jobs", "stages", "written_files", "written_bytes")  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--messages", type=count, default=count("2m"), metavar="N", help="how many: 200k, 2m, 10m (default 2m)")
    add(
        "--warm",
        type=lambda text: 0 if text == "0" else count(text),
        default=count("50k"),
        metavar="N",
        help="how many to warm up with, 0 for cold (default 50k)",
    )
    add("--lake-seed", type=int, default=1, metavar="N", help="another seed makes other messages (default 1)")
    add("--hours", default="24", metavar="H", help="how long they keep arriving (default 24)")
    add(
        "--peers", type=_names, default=list(CONTENDERS), metavar="A,B", help=f"of {','.join(CONTENDERS)} (default all)"
    )
    add("--repeat", type=int, default=1, metavar="N", help="rounds; medians are reported (default 1)")
    add("--driver-memory", default="4g", metavar="SIZE", help="of the JVM, and DuckDB's limit (default 4g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Land, run the rounds, judge the first round's tables, and tell."""
    show.title(f"Landing {args.messages:,} messages, in each layout that is read")
    layouts = sorted({CONTENDERS[name][1] for name in args.peers})
    big = {layout: _landed(args, folder, layout, args.messages, args.lake_seed) for layout in layouts}
    warm = layouts if args.warm else []
    small = {layout: _landed(args, folder, layout, args.warm, args.lake_seed + 1) for layout in warm}
    expected = next(iter(big.values())).expected
    order = [name for name in ("d1", "a", "d2", "c", "d3", "b") if name in args.peers]
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in order}
    verdicts: dict[str, dict[str, Any]] = {}
    for number in range(args.repeat):
        lakes: dict[str, Path] = {}
        for name in order if number % 2 == 0 else reversed(order):  # who is first pays for a cold machine
            layout = CONTENDERS[name][1]
            lakes[name] = copy_lake(big[layout].lake, folder / "work" / f"{name}-{number}")
            rounds[name].append(_timed(args, folder, name, lakes[name], small.get(layout), number))
        verdicts = verdicts or judged(lakes, expected)
    results = {name: {**_median(rounds[name]), "result": verdicts[name]} for name in sorted(order)}
    report = {
        "arguments": {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()},
        "data": {layout: _described(made) for layout, made in big.items()},
        "expected": expected,
        "contenders": results,
        "ratios": ratios(results),
        "targets": TARGETS,
        "sound": all(_is_sound(results[name], expected) for name in order if name.startswith("d")),
    }
    show.peers(report)
    return report


def ratios(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Ours over theirs, in wall and CPU seconds."""
    return {
        f"{mine}/{other}": {
            kind: round(results[mine][f"{kind}_seconds"] / results[other][f"{kind}_seconds"], 3)
            for kind in ("wall", "cpu")
        }
        for mine, other in RATIOS
        if mine in results and other in results
    }


def _names(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(CONTENDERS):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(CONTENDERS)}, found {text}")
    return names


def _landed(args: argparse.Namespace, folder: Path, layout: str, messages: int, seed: int) -> Landed:
    order = ["--messages", str(messages), "--layout", layout, "--hours", args.hours]
    return landed(folder / "made" / f"{layout}-{messages}-{seed}", seed, order)


def _timed(
    args: argparse.Namespace, folder: Path, name: str, lake: Path, small: Landed | None, number: int
) -> dict[str, Any]:
    show.say(f"round {number + 1} of {args.repeat}: {name} ({CONTENDERS[name][0]})")
    warm = copy_lake(small.lake, folder / "work" / "warm") if small else None
    read_once(lake / "raw")
    found = run_contender(name, lake, warm, args.driver_memory, folder / "work" / f"{name}-{number}-scratch")
    places = [lake / "curated", lake / "quarantine", lake / "_sluice"] if name.startswith("d") else [lake / "plain"]
    files, size = files_in(*places)
    return {**found, "written_files": files, "written_bytes": size}


def _median(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the figures, and of the seconds of each step; the rest is the first round's."""
    found = {**rounds[0], **{key: statistics.median(r.get(key, 0) for r in rounds) for key in _MEDIANS}}
    if "steps" in found:
        found["steps"] = steps_of(rounds)
    return {**found, "wall_seconds_by_round": [r["wall_seconds"] for r in rounds]}


def steps_of(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """The median seconds of each step that a run of ours told."""
    return {step: statistics.median(r["steps"].get(step, 0) for r in rounds) for step in rounds[0]["steps"]}


def _described(made: Landed) -> dict[str, Any]:
    return {
        **made.manifest["content"],
        **{k: made.manifest[k] for k in ("source_objects", "stored_bytes", "raw_bytes")},
    }


def _is_sound(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return bool(found["balanced"]) and as_expected(found["counts"], expected)
