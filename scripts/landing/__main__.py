"""Entry point of scripts/land: arguments -> delivery -> manifest -> one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landing.arguments import Order, parse
from landing.manifest import begin, finish
from landing.objects import Delivered, Landing, deliver_all
from landing.progress import progress
from sluice.errors import SluiceError
from sluice.runtime.storage import normal_uri


def land(order: Order) -> dict[str, Any]:
    """Deliver what was asked for; returns the summary. Raises UsageError and LocationError before anything is written."""
    began_at = time.monotonic()
    order = replace(order, lake=normal_uri(order.lake))
    uri, number = begin(order)
    landing = Landing(order, number)
    done = Delivered()
    with progress("landing", order.messages) as advance:
        for part in deliver_all(landing):
            done.add(part)
            advance(part.messages)
    manifest = finish(uri, number, order, done)
    seconds = round(time.monotonic() - began_at, 1)
    summary = {key: manifest[key] for key in ("expected", "source_objects", "stored_bytes", "raw_bytes")}
    return {"job": "land", "status": "landed", "lake": order.lake, "manifest": uri, **summary, "seconds": seconds}


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code: 0 landed, 1 failed, 2 refused with nothing written."""
    try:
        summary = land(parse(argv))
    except SluiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 1
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
