"""Curate what a stream has landed: raw JSON -> Delta table, each record exactly once.

    spark-submit jobs/curate.py --lake ./lake --dataset app_messages
    spark-submit jobs/curate.py --lake s3://bucket/lake --dataset app_messages --since 2017-11-26 --dry-run true
    spark-submit jobs/curate.py --lake ./lake --dataset app_messages --release-held BATCH --reason "known outage"

Exit codes: 0 published or nothing new, 1 failed (run again), 2 wrong arguments, contract, suite or location, 3 a batch
is held by the gate, 4 another run is at work on the dataset.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.pipeline.curate import curate
from sluice.pipeline.options import Options
from sluice.quality.definitions import load_definitions
from sluice.runtime.arguments import Arguments, arrival_hour, boolean, byte_count, count, seconds
from sluice.runtime.job import Run, main


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> summary."""
    parser = Arguments(
        "curate", "Curate what a stream has landed: raw JSON to a Delta table, each record exactly once."
    )
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix", required=True)
    parser.add("dataset", "the dataset: a folder of raw/ in the lake, and of schemas/", required=True)
    parser.add("quarantine", "where refused records are kept, if not in the lake's quarantine/", default="")
    parser.add("contract-version", "the contract's major version; the latest by default")
    parser.add("definitions", "a folder with schemas/ and expectations/; the installed ones by default", default="")
    parser.add("max-batch-bytes", "most stored bytes in one batch", type=byte_count, default=Options.max_batch_bytes)
    parser.add("max-batch-files", "most source objects in one batch", type=count, default=Options.max_batch_files)
    parser.add("since", "first arrival hour (UTC) to take, such as 2017-11-26T15", type=arrival_hour)
    parser.add("until", "arrival hour (UTC) to stop before", type=arrival_hour)
    parser.add("target-file-bytes", "size of data files to aim at", type=byte_count, default=Options.target_file_bytes)
    parser.add("lease-seconds", "silence after which a run counts as dead", type=seconds, default=Options.lease_seconds)
    parser.add("full-listing-hours", "how often to list all", type=seconds, default=Options.full_listing_hours)
    parser.add("release-held", "a held batch to publish all the same; needs --reason", default="")
    parser.add("reason", "why it is published; kept in the ledger", default="")
    parser.add("released-by", "who asked for it; the user of this process by default", default="")
    parser.add("dry-run", "true: say what would be done and write nothing", type=boolean, default=False)
    args = vars(parser.read(argv))
    lake, dataset = args.pop("lake"), args.pop("dataset")
    contract, suite = load_definitions(dataset, args.pop("contract_version"), args.pop("definitions"))
    options = Options(**{key: value for key, value in args.items() if value is not None})
    return curate(run, lake, contract, options, suite)


if __name__ == "__main__":
    main("curate", sys.argv[1:], body)
