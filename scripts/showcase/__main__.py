"""Runs the demonstration; see scripts/demo."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from showcase import tables

ROOT = Path(__file__).parents[2]
DATASET = "app_messages"
FATES = ("curated", "quarantined", "duplicates", "superseded", "filtered")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", allow_abbrev=False)
    parser.add_argument("--messages", default="200k", metavar="N", help="how many to make (default 200k)")
    parser.add_argument("--lake", type=Path, metavar="FOLDER", help="where (default: lake/demo, made anew each time)")
    args = parser.parse_args(argv)
    started = time.monotonic()
    lake = args.lake.absolute() if args.lake else _fresh_lake()

    _title("1. A delivery stream lands messages: gzip, back to back, some twice, some late, some damaged")
    shares = "--seed 1 --duplicates 0.02 --late 0.02 --damaged 0.002 --wrong 0.002 --unknown 0.01 --hours 6"
    landed = _run([str(ROOT / "scripts" / "land"), "--lake", str(lake), "--messages", args.messages, *shares.split()])
    print(f"{landed['expected']['records']:,} records in {landed['source_objects']} source objects, "
          f"{landed['stored_bytes'] / 1e6:.1f} MB; {landed['manifest']} says what must come of them")  # fmt: skip

    _title("2. The main job reads them, judges each one, and publishes two Delta tables")
    curate = ["spark-submit", "--driver-memory", "2g", str(ROOT / "jobs" / "curate.py"), "--lake", str(lake)]
    curate += ["--dataset", DATASET]
    first = _run(curate)

    _title("3. Every record has exactly one fate, and the counts are those the manifest expects")
    agrees = tables.show_accounts(first["counts"], landed["expected"], FATES)
    tables.show_rows(lake / "curated" / DATASET)
    agrees &= tables.show_reasons(lake / "quarantine" / DATASET, landed["expected"]["quarantined_by_reason"])

    _title("4. The same command again: nothing new, so nothing is written")
    before = tables.versions(lake, DATASET)
    _run(curate)
    unchanged = tables.versions(lake, DATASET) == before
    for name, version in before.items():
        print(
            f"{name}: still at version {version}" if unchanged else f"{name}: was at version {version}, is not any more"
        )

    _title("5. Yours to try" if agrees and unchanged else "The demonstration FAILED: see above")
    _what_next(lake, time.monotonic() - started)
    return 0 if agrees and unchanged else 1


def _fresh_lake() -> Path:
    lake = ROOT / "lake" / "demo"
    shutil.rmtree(lake, ignore_errors=True)
    return lake


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _run(command: Sequence[str]) -> dict[str, Any]:
    """Runs a command of ours in view and gives its summary, the JSON object on its last line of standard output."""
    shown = [str(Path(part).relative_to(ROOT)) if part.startswith(str(ROOT)) else part for part in command]
    print("$ " + shlex.join(shown), flush=True)
    told = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if told.returncode != 0:
        raise SystemExit(f"that ended with code {told.returncode}; what went wrong stands above")
    summary: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return summary


def _what_next(lake: Path, seconds: float) -> None:
    where = shlex.quote(str(lake))
    print(f"""The lake is {lake}; this took {seconds:.0f} s. Now look at
  {lake}/docs/{DATASET}/index.html      the run's page: where each record went, and what was checked
and try:
  scripts/land --lake {where} --messages 50k --seed 2      more messages, then the job again
  scripts/run spark-submit jobs/curate.py --lake {where} --dataset {DATASET}
  scripts/run python -c "from deltalake import DeltaTable; print(DeltaTable('{lake}/curated/{DATASET}').to_pandas().value_counts('country').head())"
  schemas/{DATASET}/v1.yaml                               the contract that decided all this
  expectations/{DATASET}.json                             the suite that was asked""")  # noqa: E501


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
