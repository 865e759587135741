"""An hour's batch, into an empty lake and into one with a long history: cost must follow the new data.

The history: 100 times the hour's rows, landed and curated in a few batches, and a ledger with thousands of closed
batches, written through the library's own Ledger and tidied as the pipeline does. `young` is a lake with one small
batch: unlike `empty` it has its tables, and its contract was tried before, so it is the stricter thing to compare with.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import show
from benchmark.history import closed_batches
from benchmark.made import DATASET, add_raw, copy_lake, count, files_in, landed, read_once
from benchmark.sessions import jobs_since, next_job, start_spark
from sluice.lake.places import Places

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AT = datetime(2017, 11, 26, 15, tzinfo=UTC)
TARGET = 1.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--rows", type=count, default=count("100k"), metavar="N", help="messages in the hour (default 100k)")
    add("--times", type=int, default=100, metavar="N", help="how many times the rows the history has (default 100)")
    add("--batches", type=count, default=count("5k"), metavar="N", help="closed batches in its ledger (default 5k)")
    add("--repeat", type=int, default=3, metavar="N", help="times each, alternating; medians (default 3)")
    add("--lake-seed", type=int, default=1, metavar="N", help="another seed makes other messages (default 1)")
    add("--driver-memory", default="4g", metavar="SIZE", help="of the JVM (default 4g)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make the lakes, measure the hour in each in turn, and tell."""
    spark = start_spark(args.driver_memory, folder / "work")
    try:
        lakes, history = _lakes(spark, args, folder)
        hours = {kind: _hour(args, folder, kind) for kind in ("plain", "late")}
        cases = [(lake, "plain") for lake in lakes] + [(lake, "late") for lake in lakes]
        for lake, kind in cases[:3]:  # who is first pays for a cold session
            _once(spark, lakes[lake], hours[kind], folder)
        rounds: dict[str, list[dict[str, Any]]] = {f"{lake}, {kind}": [] for lake, kind in cases}
        for number in range(args.repeat):
            for lake, kind in cases if number % 2 == 0 else reversed(cases):
                rounds[f"{lake}, {kind}"].append(_once(spark, lakes[lake], hours[kind], folder))
    finally:
        spark.stop()
    found = {name: _median(row) for name, row in rounds.items()}
    ratios = {
        f"{kind} hour, long/{base}": found[f"long, {kind}"]["seconds"] / found[f"{base}, {kind}"]["seconds"]
        for kind in ("plain", "late")
        for base in ("empty", "young")
    }
    _show(args, found, ratios, history)
    rounded = {name: round(ratio, 3) for name, ratio in ratios.items()}
    sound = all(row["balanced"] for rows in rounds.values() for row in rows)
    return {
        "arguments": {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()},
        "history": history, "cases": found, "ratios": rounded, "target": TARGET, "sound": sound,
    }  # fmt: skip


def _lakes(spark: SparkSession, args: argparse.Namespace, folder: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """The lakes by name, and what the long one's history is; a kept folder's are used again."""
    empty = folder / "made" / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    young = folder / "made" / "young"
    if not (young / "curated").exists():
        before = _AT - timedelta(hours=1)
        landed(young, args.lake_seed + 1, ["--messages", "1k", "--start", f"{before:%Y-%m-%dT%H:%M:%SZ}"])
        _curate(spark, young)
    long = folder / "made" / f"long-{args.rows}-{args.times}-{args.batches}"
    began = time.perf_counter()
    if not (long / "curated").exists():
        show.title(f"History: {args.batches:,} closed batches, and {args.rows * args.times:,} messages in 100 hours")
        draft = long.with_name("draft")  # a kept one that was interrupted must not be taken for whole
        shutil.rmtree(draft, ignore_errors=True)
        closed_batches(draft, args.batches, _AT - timedelta(hours=100))
        show.say(f"ledger written in {time.perf_counter() - began:.0f} s")
        start = f"{_AT - timedelta(hours=100):%Y-%m-%dT%H:%M:%SZ}"
        order = ["--messages", str(args.rows * args.times), "--hours", "100", "--start", start]
        stored = landed(draft, args.lake_seed + 2, order).manifest["stored_bytes"]
        _curate(spark, draft, max_batch_bytes=stored // 4 + 1)
        draft.rename(long)
    return {"empty": empty, "young": young, "long": long}, _described(long)


def _described(lake: Path) -> dict[str, Any]:
    from deltalake import DeltaTable

    places = Places(str(lake), DATASET)
    found: dict[str, Any] = {}
    for name, uri in (("ledger", places.ledger), ("curated", places.curated)):
        table = DeltaTable(uri)
        rows = table.to_pyarrow_dataset().count_rows()
        found[name] = {"rows": rows, "files": len(table.file_uris()), "version": table.version()}
    found["ledger_log_files"] = files_in(Path(places.ledger) / "_delta_log")[0]
    return found


def _hour(args: argparse.Namespace, folder: Path, kind: str) -> Path:
    order = ["--messages", str(args.rows), "--start", f"{_AT:%Y-%m-%dT%H:%M:%SZ}"]
    if kind == "late":
        order += ["--late", "0.3", "--late-days", "4"]
    return landed(folder / "made" / f"hour-{kind}-{args.rows}", args.lake_seed, order).lake


def _once(spark: SparkSession, base: Path, hour: Path, folder: Path) -> dict[str, Any]:
    """The hour's batch in a copy of the lake: seconds in all and by step, Spark jobs, rows."""
    lake = copy_lake(base, folder / "work" / "lake")
    add_raw(hour, lake)
    read_once(lake / "_sluice")
    first = next_job(spark)
    began = time.perf_counter()
    found = _curate(spark, lake)
    seconds = time.perf_counter() - began
    jobs = jobs_since(spark, first)
    return {"seconds": seconds, "jobs": len(jobs), "stages": sum(job["stages"] for job in jobs), **found}


def _curate(spark: SparkSession, lake: Path, **options: Any) -> dict[str, Any]:
    from benchmark.contenders import ours

    return ours(spark, lake, "", **options)


def _median(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    steps = list(dict.fromkeys(step for r in rounds for step in r["steps"]))
    return {
        **rounds[0],
        "seconds": round(statistics.median(r["seconds"] for r in rounds), 3),
        "seconds_by_round": [round(r["seconds"], 3) for r in rounds],
        "steps": {step: round(statistics.median(r["steps"].get(step, 0) for r in rounds), 3) for step in steps},
    }


def _show(args: argparse.Namespace, found: dict[str, Any], ratios: dict[str, float], history: dict[str, Any]) -> None:
    show.title(f"The next hour, {args.rows:,} messages, medians of {args.repeat}; history: {history}")
    steps = list(dict.fromkeys(step for row in found.values() for step in row["steps"]))
    rows: list[tuple[object, ...]] = [(s, *(row["steps"].get(s, 0.0) for row in found.values())) for s in steps]
    rows += [(key, *(row[key] for row in found.values())) for key in ("seconds", "jobs", "stages")]
    show.table(("seconds by step", *found), rows)
    show.table(
        ("ratio", "wall", "at most"),
        [(name, ratio, TARGET if name.startswith("plain") else None) for name, ratio in ratios.items()],
    )
