"""Entry point of scripts/land: arguments -> delivery -> manifest -> one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landing import firehose, manifest
from landing.arguments import Order, parse
from landing.objects import Delivered, Landing, deliver_all
from landing.progress import progress
from sluice.errors import SluiceError
from sluice.runtime.storage import normal_uri


def land(order: Order) -> dict[str, Any]:
    """Deliver what was asked for and return the summary; UsageError and LocationError come before any write."""
    began_at = time.monotonic()
    order = replace(order, lake=normal_uri(order.lake))
    client = None
    if order.firehose:
        client = firehose.firehose_client(order.region)
        firehose.check_stream(client, order.firehose)
    uri, number = manifest.begin(order)
    landing = Landing(order, number)
    done = Delivered()
    sent = _send(client, order.firehose, landing, done) if order.firehose else None
    if sent is None:
        _write(landing, done)
    found = manifest.finish(uri, number, order, done, sent.told() if sent else None)
    summary = {key: found[key] for key in ("expected", "source_objects", "stored_bytes", "raw_bytes", "firehose")}
    seconds = round(time.monotonic() - began_at, 1)
    return {"job": "land", "status": found["state"], "lake": order.lake, "manifest": uri, **summary, "seconds": seconds}


def _write(landing: Landing, done: Delivered) -> None:
    with progress("landing", landing.order.messages) as advance:
        for part in deliver_all(landing):
            done.add(part)
            advance(part.messages)


def _send(client: Any, stream: str, landing: Landing, done: Delivered) -> firehose.Sent:
    sent = firehose.Sent()
    with progress(f"sending to {stream}", landing.order.messages) as advance:
        for pieces in landing.pieces(0, landing.order.messages, done.counts):
            firehose.send(client, stream, pieces, sent)
            done.messages += len(pieces)
            done.raw_bytes += sum(map(len, pieces))
            advance(len(pieces))
    done.stored_bytes = done.raw_bytes
    return sent


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code: 0 landed, 1 failed, 2 refused with nothing written."""
    try:
        summary = land(parse(argv))
    except SluiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 1
    if summary["status"] != "landed":
        failed, codes = summary["firehose"]["failed"], ", ".join(sorted(summary["firehose"]["error_codes"]))
        print(f"error: the stream refused {failed} record(s) for good ({codes}); use another seed", file=sys.stderr)
    print(json.dumps(summary))
    return 0 if summary["status"] == "landed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
