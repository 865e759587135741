"""Listing a landing zone in S3: all of it, the look-back hours alone, and a run's plan step with nothing new.

Beside boto3's own paginator, each in a process of its own, medians. The store is the tests' S3 server on this machine;
what a request takes to travel is put in before each one (`--latency-ms`), since here it would be nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmark import show
from benchmark.made import DATASET, count
from sluice.errors import StorageError

FIRST_HOUR = datetime(2017, 11, 1, tzinfo=UTC)
TESTS = Path(__file__).parents[2] / "tests"
WHAT = {
    "paginator": "boto3's paginator, all",
    "full": "ours, all",
    "incremental": "ours, look-back hours",
    "plan": "plan, nothing new, look-back hours",
    "plan-full": "plan, nothing new, all",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    add = parser.add_argument
    add("--objects", type=count, default=count("100k"), metavar="N", help="source objects: 10k, 100k (default 100k)")
    add("--an-hour", type=count, default=140, metavar="N", help="of them in each hour (default 140)")
    add("--latency-ms", type=float, default=30.0, metavar="N", help="what a request takes to travel (default 30)")
    add("--repeat", type=int, default=3, metavar="N", help="times that each lists (default 3)")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The whole report."""
    sys.path.append(str(TESTS))
    from support.s3 import s3_server

    with s3_server(folder / "s3") as server:
        os.environ.update(server.environment())
        lake = f"s3://{server.bucket}/lake"
        began = time.perf_counter()
        _make(server.files, f"{server.bucket}/lake/raw/{DATASET}", args.objects, args.an_hour)
        made_seconds = time.perf_counter() - began
        _remember(lake)
        show.say(f"{args.objects:,} objects made in {made_seconds:.1f} s")
        found = {}
        for name in WHAT:
            found[name] = _median([_in_a_process(name, lake, args.latency_ms) for _ in range(args.repeat)])
    expected = {"paginator": args.objects, "full": args.objects, "plan": 0, "plan-full": 0}
    sound = all(found[name]["objects"] == objects for name, objects in expected.items())
    same = found["paginator"]["digest"] == found["full"]["digest"]
    _show(found, args.latency_ms, same)
    head = {"objects": args.objects, "latency_ms": args.latency_ms, "made_seconds": round(made_seconds, 1)}
    return {**head, "listings": found, "sound": sound and same}


def _make(files: str, folder: str, objects: int, an_hour: int) -> None:
    """Small objects as Firehose names them, put past S3's signatures, eight at a time."""
    place = urlsplit(files)

    def some(first: int) -> None:
        connection = HTTPConnection(place.netloc)
        for number in range(first, objects, 8):
            connection.request("PUT", f"{place.path}/{folder}/{_key(number, an_hour)}", b"{}")
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 300:
                raise StorageError(f"{files}: expected to store an object, found HTTP status {answer.status}")
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(some, range(8)))


def _key(number: int, an_hour: int) -> str:
    at = FIRST_HOUR + timedelta(hours=number // an_hour)
    within = number % an_hour
    minute, second = divmod(within * 3600 // an_hour, 60)
    return f"{at:%Y/%m/%d/%H}/{DATASET}-1-{at:%Y-%m-%d-%H}-{minute:02}-{second:02}-{number:036x}"


def _remember(lake: str) -> None:
    """A ledger that knows all objects, as of a batch a day."""
    from itertools import groupby

    from sluice.lake.ledger import Ledger
    from sluice.lake.places import Places
    from sluice.lake.transitions import Transition
    from sluice.pipeline.context import to_ledger
    from sluice.raw.listing import list_sources

    places = Places(lake, DATASET)
    ledger = Ledger.open(places.ledger)
    days = groupby(list_sources(places.landing, DATASET), lambda source: source.path.split("/")[1:4])
    for number, (day, sources) in enumerate(days):
        last = "/".join([*day, "23"])
        row = Transition(0, FIRST_HOUR, "bench", 1, f"b{number:06}", 1, "planned", watermark=last, last_hour=last)
        row = replace(row, full_listing_at=datetime.now(UTC), sources=to_ledger(list(sources)))
        ledger.record(replace(ledger.record(row), state="published", sources=()))
    ledger.tidy()


def _in_a_process(name: str, lake: str, latency: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmark.listing", name, lake, str(latency)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StorageError(f"listing ({name}) ended with code {done.returncode}; what went wrong stands above")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _median(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, str) else type(value)(statistics.median(row[key] for row in rounds))
        for key, value in rounds[0].items()
    }


def _show(found: dict[str, dict[str, Any]], latency: float, same: bool) -> None:
    heads = ("", "seconds", "CPU s", "requests", "objects", "peak MB", "before MB")
    keys = ("seconds", "cpu_seconds", "requests", "objects", "peak_mb", "before_mb")
    show.title(f"Listing in S3, {latency:g} ms to every request")
    show.table(heads, [(WHAT[name], *(row[key] for key in keys)) for name, row in found.items()])
    show.say(f"the paginator's keys, sizes and ETags and ours {'are the same' if same else 'DIFFER'}")


def _listed(name: str, lake: str) -> list[tuple[str, int, str | None]]:
    from sluice.lake.ledger import Ledger
    from sluice.lake.places import Places
    from sluice.pipeline.options import Options
    from sluice.pipeline.planning import new_sources
    from sluice.raw.listing import list_sources, look_back_from

    places = Places(lake, DATASET)
    if name == "full":
        found = list(list_sources(places.landing, DATASET))
    elif name == "incremental":
        last = Ledger.open(places.ledger).last
        found = list(list_sources(places.landing, DATASET, look_back_from(last.watermark if last else "")))
    else:
        options = Options(full_listing_hours=1e-9 if name == "plan-full" else 24.0)
        found, _ = new_sources(places, Ledger.open(places.ledger), options)
    return [(source.path, source.size_bytes, source.etag) for source in found]


def _paginated(client: Any, lake: str) -> list[tuple[str, int, str | None]]:
    bucket, _, prefix = lake.removeprefix("s3://").partition("/")
    above = f"{prefix}/raw/"
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{above}{DATASET}/")
    return [(each["Key"][len(above) :], each["Size"], each["ETag"]) for page in pages for each in page["Contents"]]


def _peak_mb() -> int:
    """Of this process since its program was loaded; `getrusage` tells what its parent had, too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1000


def main(name: str, lake: str, latency: float) -> None:
    """One listing, told in figures."""
    import hashlib

    import boto3

    from sluice.runtime import aws

    client = boto3.client("s3") if name == "paginator" else aws.client("s3")
    requests: list[None] = []

    def travelling(**_: Any) -> None:
        requests.append(None)
        time.sleep(latency / 1000)

    client.meta.events.register("before-send.s3", travelling)
    listed: Callable[[], Any] = (
        (lambda: _paginated(client, lake)) if name == "paginator" else lambda: _listed(name, lake)
    )
    import sluice.pipeline.planning  # noqa: F401 - what it takes to import is nobody's listing

    before = _peak_mb()
    began, cpu = time.perf_counter(), time.process_time()
    found = listed()
    told = {
        "seconds": round(time.perf_counter() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "requests": len(requests),
        "objects": len(found),
        "peak_mb": _peak_mb(),
        "before_mb": before,
        "digest": hashlib.sha256(repr(found).encode()).hexdigest(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
