"""A run in its own process that sends itself a signal at a boundary: python killable.py LAKE SIGNAL STEP [SECONDS].

STEP is a step that the run names, or `commit <n>`: between the n-th look at the lease for a commit to a table and that
commit, which is where a stopped run is most dangerous. Ends as a job does: the summary on the last line, and its code.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    TESTS = Path(__file__).resolve().parents[1]
    sys.path += [str(TESTS), str(TESTS / "pipeline")]
    from lakes import Boundaries, contract_of
    from sluice.lake import commit
    from sluice.pipeline.curate import curate
    from sluice.pipeline.options import Options
    from sluice.runtime import job

    lake, name, step, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float([*sys.argv, "300"][4])

    def signal_at(seen: str) -> None:
        if seen == step:
            os.kill(os.getpid(), getattr(signal, name))

    if step.startswith("commit "):
        original, counted = commit.DeltaTable.create_write_transaction, [0]

        def watched(*args: Any, **kwargs: Any) -> Any:
            counted[0] += 1
            signal_at(f"commit {counted[0]}")
            return original(*args, **kwargs)

        commit.DeltaTable.create_write_transaction = watched

    def small_session(app: str) -> Any:
        from sluice.runtime.session import build_session

        return build_session(app, {"spark.master": "local[2]", "spark.sql.shuffle.partitions": "4"})

    job.build_session = small_session

    def body(run: Any, argv: Any) -> Any:
        run.progress = Boundaries(signal_at)
        return curate(run, lake, contract_of(), Options(target_file_bytes=3000, lease_seconds=seconds))

    job.main("curate", [], body)
