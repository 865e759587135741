"""Register a lake's tables in a catalog: the session's (in memory, Hive, Glue behind Spark) or the Glue Data Catalog.

    spark-submit jobs/register.py --lake s3://bucket/lake --target glue --database sluice
    spark-submit jobs/register.py --lake ./lake

Changes no data and can be repeated; what it did for each table is in the summary. For Athena use --target glue, which
needs no Spark.

Exit codes: 0 registered, 1 failed (run again), 2 wrong arguments or location, or a name is taken by another table.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.catalog.registration import TARGETS, register_lake
from sluice.runtime.arguments import Arguments
from sluice.runtime.job import Run, main


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> summary."""
    parser = Arguments("register", "Register a lake's tables in a catalog.")
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix", required=True)
    parser.add(
        "target", "session (default): the catalog of Spark; glue: for Athena", choices=TARGETS, default="session"
    )
    parser.add("database", "the catalog's database", default="sluice")
    parser.add("quarantine", "where refused records are kept, if not in the lake's quarantine/", default="")
    parser.add("definitions", "a folder with schemas/; the installed ones by default", default="")
    return register_lake(run, **vars(parser.read(argv)))


if __name__ == "__main__":
    main("register", sys.argv[1:], body)
