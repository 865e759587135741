"""Ask a lake: one ANSI SQL query over its tables, read-only; the same text works in Athena (scripts/athena).

    python jobs/query.py --lake ./lake --sql "SELECT country, count(*) AS messages FROM app_messages GROUP BY 1 ORDER BY 2 DESC"
    python jobs/query.py --lake s3://bucket/lake --file busiest_hour.sql --output csv --out busiest_hour.csv
    spark-submit jobs/query.py --engine spark --lake s3://bucket/lake --file large_join.sql --out large_join.txt

Two engines give the same answers, in the same spelling. `native` (the default) is DuckDB in this process: it starts
in a second and reads the files that the Delta logs name, on this machine's cores and memory. `spark` takes what that
one refuses: Spark's own SQL, tables with deletion vectors or mapped columns, and joins larger than this machine.

The result goes to standard output, before the summary, which stays the last line; with --out it goes to a file, and
only the summary is printed: the way for scripts, since spark-submit mixes standard error, which tells the progress, into
standard output. Names: a dataset's curated table is called as the dataset, beside it are <dataset>_quarantine
and <dataset>_checks.

Exit codes: 0 answered, 1 failed (run again), 2 wrong arguments or location, or a query that is wrong or refused.
"""  # noqa: E501

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.catalog.ask import ENGINES, ask
from sluice.catalog.results import FORMS
from sluice.runtime.arguments import Arguments, count
from sluice.runtime.job import Run, main


def body(run: Run, argv: Sequence[str]) -> Mapping[str, Any]:
    """Arguments -> one call of the library -> summary."""
    parser = Arguments("query", "Ask a lake: one ANSI SQL query over its tables, read-only.")
    parser.add("lake", "the lake: a local folder or s3://bucket/prefix", required=True)
    parser.add("sql", "the query", default="")
    parser.add("file", "a local file with the query, in place of --sql", default="")
    parser.add("output", "table (default), csv or json (an object a line)", choices=FORMS, default="table")
    parser.add("out", "a local file for the result; standard output by default", default="")
    parser.add("limit", "most rows to write; 100 by default for a table, else all", type=count)
    parser.add("quarantine", "where refused records are kept, if not in the lake's quarantine/", default="")
    parser.add(
        "engine",
        "native (default): DuckDB, here and now; spark: for what it refuses",
        choices=ENGINES,
        default="native",
    )
    return ask(run, **vars(parser.read(argv)))


if __name__ == "__main__":
    main("query", sys.argv[1:], body)
