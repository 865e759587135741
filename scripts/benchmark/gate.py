"""What the gate costs: the main job with the dataset's suite and without, on a big batch and on a small one.

The big batch is read by processes that have not curated before, so that importing Great Expectations is paid for; the
small ones by whole jobs, from the first line of Python to the end of Spark: the first of a lake, in which contract and
suite are tried before they are trusted, and the next. Medians, alternating.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmark import show
from benchmark.child import run_contender
from benchmark.made import add_raw, copy_lake, count, landed, read_once
from benchmark.peers import steps_of

SHARE, FIXED_SECONDS = 0.2, 8.0
_LIMIT = f"{FIXED_SECONDS:.0f} s"
_WHEN = ("first", "next")
_KINDS = {"without": "d2", "with": "d3"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--messages", type=count, default=count("2m"), metavar="N", help="in the big batch: 2m, 10m (default 2m)")
    add("--small", type=count, default=count("1k"), metavar="N", help="in the small batch (default 1k)")
    add("--repeat", type=int, default=1, metavar="N", help="rounds of the big batch; three times as many small ones")
    add("--lake-seed", type=int, default=1, metavar="N", help="another seed makes other messages (default 1)")
    add("--driver-memory", default="4g", metavar="SIZE", help="of the JVM (default 4g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run both in turn, big and small, and tell what the gate adds."""
    made = folder / "made"
    order = ["--layout", "back-to-back", "--hours", "24"]
    big = landed(made / f"back-to-back-{args.messages}", args.lake_seed, ["--messages", str(args.messages), *order])
    small = landed(made / f"back-to-back-{args.small}", args.lake_seed, ["--messages", str(args.small), *order])
    order += ["--start", "2017-11-28T00:00:00Z"]
    later = landed(made / f"later-{args.small}", args.lake_seed + 1, ["--messages", str(args.small), *order])
    rounds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    whole: dict[str, dict[str, list[float]]] = {when: {kind: [] for kind in _KINDS} for when in _WHEN}
    for number in range(args.repeat):
        for kind in _in_turn(number):
            show.say(f"round {number + 1} of {args.repeat}: {args.messages:,} messages {kind} the gate")
            lake = copy_lake(big.lake, folder / "work" / f"{kind}-{number}")
            read_once(lake / "raw")
            scratch = folder / "work" / f"{kind}-{number}-scratch"
            rounds[kind].append(run_contender(_KINDS[kind], lake, None, args.driver_memory, scratch))
    for number in range(3 * args.repeat):
        for kind in _in_turn(number):
            lake = copy_lake(small.lake, folder / "work" / "small")
            whole["first"][kind].append(_job(lake, kind == "with"))
            add_raw(later.lake, lake)
            whole["next"][kind].append(_job(lake, kind == "with"))
    return _told(args, rounds, whole)


def _in_turn(number: int) -> list[str]:
    return list(_KINDS) if number % 2 == 0 else list(reversed(_KINDS))


def _job(lake: Path, gate: bool) -> float:
    """Seconds of a whole process that curates the lake."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmark.gate", str(lake), json.dumps(gate)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


def _told(
    args: argparse.Namespace, rounds: dict[str, list[dict[str, Any]]], whole: dict[str, dict[str, list[float]]]
) -> dict[str, Any]:
    big = {kind: statistics.median(found["wall_seconds"] for found in rounds[kind]) for kind in _KINDS}
    cpu = {kind: statistics.median(found["cpu_seconds"] for found in rounds[kind]) for kind in _KINDS}
    jobs = {kind: rounds[kind][0]["jobs"] for kind in _KINDS}
    small = {when: {kind: statistics.median(found[kind]) for kind in _KINDS} for when, found in whole.items()}
    share = big["with"] / big["without"] - 1
    fixed = {when: found["with"] - found["without"] for when, found in small.items()}
    show.title(f"The gate, {args.messages:,} messages, and {args.small:,} in a job of its own")
    show.table(
        ("seconds", "without", "with", "the gate adds", "at most"),
        [
            ("wall, big", big["without"], big["with"], f"{share:.1%}", f"{SHARE:.0%}"),
            ("CPU, big", cpu["without"], cpu["with"], f"{cpu['with'] / cpu['without'] - 1:.1%}", None),
            ("Spark jobs, big", jobs["without"], jobs["with"], jobs["with"] - jobs["without"], None),
            *(
                (f"wall, small, {when}", found["without"], found["with"], f"{fixed[when]:.2f} s", _LIMIT)
                for when, found in small.items()
            ),
        ],
    )
    steps = {kind: steps_of(rounds[kind]) for kind in _KINDS}
    names = list(dict.fromkeys(step for found in steps.values() for step in found))
    show.table(("step", *_KINDS), [(name, *(steps[kind].get(name, 0.0) for kind in _KINDS)) for name in names])
    return {
        "arguments": {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()},
        "wall_seconds": big, "cpu_seconds": cpu, "jobs": jobs, "small_wall_seconds": small, "steps": steps,
        "share": round(share, 3), "fixed_seconds": {when: round(seconds, 3) for when, seconds in fixed.items()},
        "targets": {"share": SHARE, "fixed_seconds": FIXED_SECONDS},
        "sound": all(found["balanced"] for kind in _KINDS for found in rounds[kind]),
    }  # fmt: skip


def main(lake: str, gate: bool) -> None:
    """One whole job, in a process of its own."""
    from benchmark.contenders import ours
    from benchmark.sessions import spark_to_start

    spark_to_start("1g")
    found = ours(None, Path(lake), "", gate=gate)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
