"""Look at a location and say what is there: datasets, formats, partitions, and fields with the evidence for them.

    spark-submit jobs/crawl.py --lake ./lake
    spark-submit jobs/crawl.py --lake ./lake --location s3://bucket/exports --exclude "**/_tmp/**,*.bak" --type json,csv
    spark-submit jobs/crawl.py --lake ./lake --full true --report ./found.json

    spark-submit jobs/crawl.py --lake ./lake --write-contract . --flatten user
    spark-submit jobs/crawl.py --lake ./lake --fail-on-drift true

A sample needs no Spark. Exit codes: 0 something was found, 1 failed (run again), 2 wrong arguments, or a location that
is empty, cannot be listed, or holds nothing but what is not read, 5 data and contract differ (--fail-on-drift true).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.catalog.crawl import Options, crawl
from sluice.catalog.drift_report import DRIFTED, drifts, show_drift
from sluice.catalog.globs import split_globs
from sluice.catalog.report import as_json, show
from sluice.catalog.writing import told as told_of
from sluice.catalog.writing import write_drafts
from sluice.runtime.arguments import Arguments, boolean, byte_count, count
from sluice.runtime.job import Run, main
from sluice.runtime.storage import join, storage_for


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> table and summary."""
    args = arguments().read(argv)
    options = Options(
        sample=args.sample,
        sample_bytes=args.sample_bytes,
        seed=args.seed,
        full=args.full,
        exclude=tuple(split_globs(args.exclude)),
        types=args.type,
        lake=not args.location,
    )
    location = args.location or join(args.lake, "raw")
    found = crawl(location, options, lambda: run.spark, run.progress.at)
    run.progress.at("")
    told = [as_json(one) for one in found]
    from rich.console import Console

    show(found, Console(stderr=True, soft_wrap=False))
    if args.report:
        text = json.dumps({"location": location, "datasets": told}, ensure_ascii=False, indent=2)
        storage_for(args.report).put(args.report, text.encode())
    summary: dict[str, Any] = {"location": location, "datasets": told}
    differences = drifts(found, args.definitions)
    if differences:
        show_drift(differences, Console(stderr=True, soft_wrap=False))
        summary["drift"] = {name: [one.told() for one in given] for name, given in differences.items()}
    if args.write_contract:
        written = write_drafts(found, args.write_contract, args.flatten)
        print("\n".join(told_of(written)), file=sys.stderr, flush=True)
        summary["drafts"] = [{"path": str(one.path), "outcome": one.outcome} for one in written]
    drifted = [name for name, given in differences.items() if any(one.drifts for one in given)]
    if drifted and args.fail_on_drift:
        summary |= {"error": f"differs from its contract: {', '.join(drifted)}", "exit_code": DRIFTED}
    return summary


def arguments() -> Arguments:
    """What the job can be told."""
    parser = Arguments("crawl", "Look at a location and say what is there: datasets, their formats and their fields.")
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix; its raw/ is looked at", required=True)
    parser.add("location", "another folder, prefix or object to look at", default="")
    parser.add("sample", "records to look at in each dataset", type=count, default=Options.sample)
    parser.add("sample-bytes", "most bytes of one object", type=byte_count, default=Options.sample_bytes)
    parser.add("seed", "another number chooses other objects for the sample", type=count, default=1)
    parser.add("full", "true: read all, in Spark where it is much", type=boolean, default=False)
    parser.add("exclude", "globs to leave out, separated by commas: **/_tmp/**,*.{bak,old}", default="")
    parser.add("type", "formats to tell of, separated by commas: json,csv,parquet,delta", type=formats, default=())
    parser.add(
        "write-contract", "a folder to write drafts of contracts and suites to; . is a checkout's own", default=""
    )
    parser.add("flatten", "objects whose fields become columns, separated by commas: user,user.place", type=paths,
               default=())  # fmt: skip
    parser.add("definitions", "a folder with schemas/ to compare with; the installed ones by default", default="")
    parser.add("fail-on-drift", "true: exit code 5 where data and contract differ", type=boolean, default=False)
    parser.add("report", "a file or URI to write the findings to, as JSON", default="")
    return parser


def paths(text: str) -> tuple[str, ...]:
    """`user, user.place` -> user and user.place."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def formats(text: str) -> tuple[str, ...]:
    """`json, CSV` -> json and csv."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("expected formats such as json,csv")
    return names


if __name__ == "__main__":
    main("crawl", sys.argv[1:], body)
