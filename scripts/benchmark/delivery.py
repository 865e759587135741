"""The delivery stream's function: one event of 500 records of 300 bytes, warm on one core; the cold start told apart.

The function is run from its own zip, in an interpreter of its own with nothing beside it, as Lambda does. `enriched`:
the same with the share of records that a producer sent without coordinates and sentiment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from building.delivery import HANDLER, ZIP, function, installed_part
from building.source import Source

_MOST_MILLIS = 100.0
_ROOT = Path(__file__).parents[2]
_CHILD = """
import base64, json, os, statistics, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
began = time.perf_counter()
sys.path.insert(0, sys.argv[1])
module, _, name = sys.argv[2].rpartition(".")
handle = getattr(__import__(module, fromlist=[name]), name)
told = json.loads(sys.argv[3])
def event(bare):
    records = []
    for at in range(told["records"]):
        one = {"name": f"sender {at}", "message": f"I love message {at} ", "country": "France", "channel": "default",
               "timestamp": 1511711811679 + at}
        if at % 100 >= bare:
            one |= {"sentiment": "positive", "sentiment_value": 0.5, "latitude": 46.2, "longitude": 2.2}
        one["message"] += "x" * (told["bytes"] - len(json.dumps(one)))
        data = base64.b64encode(json.dumps(one).encode()).decode()
        records.append({"recordId": f"{at:056}", "approximateArrivalTimestamp": 1511711811679, "data": data})
    return {"invocationId": "i", "records": records}
out, sys.stdout = sys.stdout, open(os.devnull, "w")
first = event(0)
handle({"invocationId": "i", "records": first["records"][:1]})
found = {"cold_millis": (time.perf_counter() - began) * 1000}
for name, bare in (("received", 0), ("enriched", told["bare"])):
    sent, times = event(bare), []
    for _ in range(told["times"]):
        began = time.perf_counter()
        answer = handle(sent)
        times.append((time.perf_counter() - began) * 1000)
    assert {one["result"] for one in answer["records"]} == {"Ok"}, answer["records"][0]
    found[name] = {"median_millis": statistics.median(times), "fastest_millis": min(times)}
out.write(json.dumps(found))
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much is sent, and how often."""
    parser.add_argument("--records", type=int, default=500, help="records of an event")
    parser.add_argument("--bytes", type=int, default=300, help="bytes of a record")
    parser.add_argument("--times", type=int, default=50, help="calls, of which the median counts")
    parser.add_argument("--bare", type=int, default=20, help="percent of records to enrich, in `enriched`")


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One interpreter, both events; sound where the median of `received` is at most 100 ms a 500 records."""
    part, runtimes = installed_part(folder), {"delivery": {"datasets": ["app_messages"]}}
    source = Source(_ROOT, "0", "0" * 40, "files as they are", 0)
    entry = function(source, [part], {**runtimes, "default_lane": part.lane}, folder)
    assert entry is not None
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(folder / ZIP) as archive:
        archive.extractall(unpacked)
    told = {"records": args.records, "bytes": args.bytes, "times": args.times, "bare": args.bare}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _CHILD, str(unpacked), HANDLER, json.dumps(told)],
        env={"SLUICE_DATASET": "app_messages", "PATH": os.defpath}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    most = _MOST_MILLIS * args.records / 500
    return {
        **told, **found, "zip_bytes": (folder / ZIP).stat().st_size, "most_millis": most,
        "sound": found["received"]["median_millis"] <= most,
    }  # fmt: skip
