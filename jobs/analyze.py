"""Bring an analysis of a curated dataset up to date: windows that new or late messages touch are reckoned anew.

    spark-submit jobs/analyze.py --lake ./lake --dataset app_messages --analysis sentiment_by_country
    spark-submit jobs/analyze.py --lake s3://bucket/lake --dataset app_messages --analysis channels_by_hour --full true

Exit codes: 0 published or nothing new, 1 failed (run again), 2 wrong arguments, contract, SQL, suite or location, 3 the
batch is held by the gate, 4 another run is at work on the analysis.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.analytics.analyze import Asked, analyze
from sluice.analytics.definition import load_analysis
from sluice.pipeline.options import Options
from sluice.runtime.arguments import Arguments, boolean, byte_count, seconds
from sluice.runtime.job import Run, main


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> summary."""
    parser = Arguments("analyze", "Bring an analysis of a curated dataset up to date, window by window.")
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix", required=True)
    parser.add("dataset", "the curated dataset that the analysis looks at", required=True)
    parser.add("analysis", "the analysis: a folder of schemas/ with a contract and its SQL", required=True)
    parser.add("contract-version", "the analysis' major version; the latest by default")
    parser.add("definitions", "a folder with schemas/ and expectations/; the installed ones by default", default="")
    parser.add("full", "true: reckon all windows, not those alone that changed", type=boolean, default=False)
    parser.add("target-file-bytes", "size of data files to aim at", type=byte_count, default=Options.target_file_bytes)
    parser.add("lease-seconds", "silence after which a run counts as dead", type=seconds, default=Options.lease_seconds)
    parser.add("release-held", "a held batch to publish all the same; needs --reason", default="")
    parser.add("reason", "why it is published; kept in the ledger", default="")
    parser.add("released-by", "who asked for it; the user of this process by default", default="")
    parser.add("dry-run", "true: say what would be done and write nothing", type=boolean, default=False)
    args = vars(parser.read(argv))
    lake, dataset, name, full = (args.pop(key) for key in ("lake", "dataset", "analysis", "full"))
    analysis = load_analysis(name, dataset, args.pop("contract_version"), args.pop("definitions"))
    return analyze(run, lake, analysis, Asked(Options(**args), full))


if __name__ == "__main__":
    main("analyze", sys.argv[1:], body)
