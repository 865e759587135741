"""Entry point of scripts/bench: which measurement, its arguments, its report."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark import delivery, gate, hourly, listing, machine, memory, peers, query, tweets, windows
from sluice.errors import SluiceError

Measure = Callable[[argparse.Namespace, Path], dict[str, Any]]
MEASURES: dict[str, tuple[Callable[[argparse.ArgumentParser], None], Measure]] = {
    "peers": (peers.arguments, peers.measure),
    "hourly": (hourly.arguments, hourly.measure),
    "delivery": (delivery.arguments, delivery.measure),
    "gate": (gate.arguments, gate.measure),
    "listing": (listing.arguments, listing.measure),
    "memory": (memory.arguments, memory.measure),
    "query": (query.arguments, query.measure),
    "tweets": (tweets.arguments, tweets.measure),
    "windows": (windows.arguments, windows.measure),
}


def main(argv: Sequence[str]) -> int:
    what = argv[0] if argv and argv[0] in MEASURES else "peers"
    rest = argv[1:] if argv and argv[0] in MEASURES else argv
    arguments, measure = MEASURES[what]
    parser = argparse.ArgumentParser(
        prog=f"scripts/bench {what}", description=sys.modules[measure.__module__].__doc__, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the report there, too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there, leave all, and use made data again")
    arguments(parser)
    args = parser.parse_args(rest)
    folder = args.keep.absolute() if args.keep else Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        head = {"bench": what, "machine": machine.described(), "versions": machine.versions()}
        report = {**head, **measure(args, folder)}
    except SluiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if args.out:
        args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report))
    return 0 if report["sound"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
