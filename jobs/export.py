"""Keep a Parquet copy of a lake's table for readers that do not know Delta; only what changed is written.

    spark-submit jobs/export.py --lake ./lake --table app_messages
    spark-submit jobs/export.py --lake s3://bucket/lake --table app_messages --manifest redshift
    spark-submit jobs/export.py --lake ./lake --table app_messages_quarantine --dry-run true

The copy lies in <lake>/parquet/<table>/. Its `_latest.json` names the files of exactly one version of the table, always:
read these, not the folder. Files hold all columns. What is not named any more stays for --grace-hours. Manifests, once
asked for, are kept up to date by every run, until --manifest none.

Exit codes: 0 exported or nothing new, 1 failed (run again), 2 wrong arguments or location, or a table whose files alone do
not tell its rows (deletion vectors, column mapping), 4 another run is at work on the copy.
"""  # noqa: E501

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.errors import UsageError
from sluice.export.copy import Options, export
from sluice.runtime.arguments import Arguments, boolean, byte_count, seconds
from sluice.runtime.job import Run, main


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> summary."""
    parser = Arguments("export", "Keep a Parquet copy of a lake's table for readers that do not know Delta.")
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix", required=True)
    parser.add("table", "a table as a catalog calls it: app_messages, app_messages_quarantine, ...", default="")
    parser.add("dataset", "in place of --table: the dataset's curated table", default="")
    parser.add("to", "where copies are kept, if not in the lake's parquet/", default="")
    parser.add("manifest", "redshift, symlink, both with a comma, or none; as before by default", default="")
    parser.add("grace-hours", "how long a file stays that is not named any more", type=seconds,
               default=Options.grace_hours)  # fmt: skip
    parser.add("target-file-bytes", "size of files to aim at", type=byte_count, default=Options.target_file_bytes)
    parser.add("spark-bytes", "so much to copy is work for Spark", type=byte_count, default=Options.spark_bytes)
    parser.add("lease-seconds", "silence after which a run counts as dead", type=seconds, default=Options.lease_seconds)
    parser.add("quarantine", "where refused records are kept, if not in the lake's quarantine/", default="")
    parser.add("dry-run", "true: say what would be done and write nothing", type=boolean, default=False)
    args = vars(parser.read(argv))
    lake, table, dataset = args.pop("lake"), args.pop("table"), args.pop("dataset")
    if not (table or dataset):
        raise UsageError("expected a table, by --table or by --dataset, found none; see --help")
    return export(run, lake, table or dataset, Options(**args))


if __name__ == "__main__":
    main("export", sys.argv[1:], body)
