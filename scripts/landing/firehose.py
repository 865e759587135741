"""Sends the messages to a real delivery stream with PutRecordBatch.

The stream decides the keys and cuts, and may deliver a record twice. Records that it refuses for the moment are sent
again later, so a damaged piece may come to stand beside another: then the manifest's malformed rows are an upper bound.
The limits are those of the API: 500 records and 4 MiB a call, refusals told per record, also where a call succeeds.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sluice.errors import UsageError
from sluice.runtime.aws import client, translated

MOST_RECORDS = 500
MOST_BYTES = 4 << 20
_ATTEMPTS = 10
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 20.0


@dataclass
class Sent:
    """`sent` records the stream took, `failed` it refused at every attempt; `retried` counts all repeats."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    error_codes: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, Any]:
        """What the manifest and the summary say of it."""
        return {**vars(self), "error_codes": dict(self.error_codes)}


def firehose_client(region: str | None) -> Any:
    """A client for the stream's region; None leaves the choice to the environment."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    if region:
        os.environ["AWS_DEFAULT_REGION"] = region
    try:
        return client("firehose")
    except Exception as error:
        raise UsageError(
            f"--firehose: no client could be made ({type(error).__name__}); give --region, or set AWS_DEFAULT_REGION"
        ) from error
    finally:
        if region and before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        elif region and before is not None:
            os.environ["AWS_DEFAULT_REGION"] = before


def check_stream(firehose: Any, stream: str) -> None:
    """Raise UsageError where there is no such stream that takes records, before anything is written."""
    try:
        status = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"][
            "DeliveryStreamStatus"
        ]
    except firehose.exceptions.ResourceNotFoundException as error:
        raise UsageError(
            f"--firehose {stream}: expected a delivery stream, found none; check name and --region"
        ) from error
    except Exception as error:
        raise translated(error, f"firehose:{stream}") from error
    if status != "ACTIVE":
        raise UsageError(
            f"--firehose {stream}: expected an ACTIVE delivery stream, found it {status}; wait and run again"
        )


def batches(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The pieces in order, as many to a call as the API takes."""
    held: list[bytes] = []
    held_bytes = 0
    for piece in pieces:
        if held and (len(held) == MOST_RECORDS or held_bytes + len(piece) > MOST_BYTES):
            yield held
            held, held_bytes = [], 0
        held.append(piece)
        held_bytes += len(piece)
    if held:
        yield held


def send(
    firehose: Any, stream: str, pieces: Iterable[bytes], sent: Sent, wait: Callable[[float], None] = time.sleep
) -> None:
    """Send all pieces; those that the stream refuses go again, after growing waits, until none is left or time is up.

    Adds to `sent`. Raises an error of the tree where a call is refused as a whole for another reason than load.
    """
    rnd = Random()
    for batch in batches(pieces):
        left = batch
        for attempt in range(_ATTEMPTS):
            if attempt:
                sent.retried += len(left)
                wait(min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt) * rnd.uniform(0.5, 1))
            left, codes = _put(firehose, stream, left)
            sent.error_codes += codes
            if not left:
                break
        sent.sent += len(batch) - len(left)
        sent.failed += len(left)


def _put(firehose: Any, stream: str, pieces: list[bytes]) -> tuple[list[bytes], Counter[str]]:
    """(the pieces that were refused, why)."""
    try:
        answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": piece} for piece in pieces])
    except firehose.exceptions.ServiceUnavailableException:
        return pieces, Counter({"ServiceUnavailableException": len(pieces)})
    except Exception as error:
        raise translated(error, f"firehose:{stream}") from error
    if not answer["FailedPutCount"]:
        return [], Counter()
    refused = [
        (piece, told["ErrorCode"])
        for piece, told in zip(pieces, answer["RequestResponses"], strict=True)
        if told.get("ErrorCode")
    ]
    return [piece for piece, _ in refused], Counter(code for _, code in refused)
