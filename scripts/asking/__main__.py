"""Entry point of scripts/athena: arguments, one query, its rows, what it scanned and cost."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from sluice.catalog.ask import TABLE_ROWS, query_text, written_to
from sluice.catalog.athena import PRICE_PER_TERABYTE, Place, result, run_query, scanned
from sluice.catalog.results import FORMS, check_names, write_rows
from sluice.errors import SluiceError


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/athena", description="One SELECT in Athena, as jobs/query.py takes it.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--sql", default="", help="the query")
    add("--file", default="", help="a local file with the query, in place of --sql")
    add("--database", default="sluice", help="the Glue database (default sluice)")
    add("--workgroup", default="primary", help="the workgroup (default primary)")
    add("--output-location", default="", metavar="URI", help="s3://... for results, where the workgroup names none")
    add("--output", choices=FORMS, default="table", help="table (default), csv or json (an object a line)")
    add("--out", default="", metavar="FILE", help="a local file for the result; standard output by default")
    add("--limit", type=int, metavar="N", help=f"most rows to write; {TABLE_ROWS} by default for a table, else all")
    add("--usd-per-terabyte", type=float, default=PRICE_PER_TERABYTE, metavar="USD", help="price (default 5.0)")
    add("--region", default="", help="AWS region; the environment's by default")
    return parser


def ask(args: argparse.Namespace) -> dict[str, Any]:
    """Run the query and write its rows; the summary."""
    if args.region:
        os.environ["AWS_DEFAULT_REGION"] = args.region
    place = Place(args.database, args.workgroup, args.output_location)
    query_id = run_query(query_text(args.sql, args.file), place, tell=_tell)
    heads, rows = result(query_id)
    if args.output == "json":
        check_names(heads)
    most = args.limit or (TABLE_ROWS if args.output == "table" else None)
    with written_to(args.out) as stream:
        count, cut = write_rows(args.output, heads, rows, stream, most)
    took = scanned(query_id, args.usd_per_terabyte)
    if cut:
        _tell(f"there are more rows than the {count} written; raise --limit")
    _tell(
        f"{took.scanned_bytes:,} bytes scanned, about {took.cost_usd:.5f} USD; "
        f"{took.queued_seconds:.1f} s queued, {took.seconds:.1f} s in all"
    )
    return {"columns": list(heads.names), "rows": count, "cut": cut, "out": args.out, **vars(took)}


def main(argv: Sequence[str]) -> int:
    summary: dict[str, Any]
    try:
        summary, code = {"outcome": "answered", **ask(arguments().parse_args(argv))}, 0
    except SluiceError as error:
        print(f"athena: {error}", file=sys.stderr)
        summary, code = {"outcome": "failed", "error": str(error)}, error.exit_code
    except KeyboardInterrupt:
        summary, code = {"outcome": "cancelled"}, 130
    print(json.dumps({"job": "athena", **summary, "exit_code": code}, ensure_ascii=False))
    return code


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
