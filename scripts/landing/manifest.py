"""The manifest of a delivery: the exact counts that curation must show, kept beside the raw zone and not in it.

`<lake>/_landed/<dataset>/seed-<n>.json`, and `seed-<n>-again-<k>.json` for the same messages delivered anew. It is
written twice: `landing` before the first source object, so that two runs cannot land one seed, `landed` after the last.
The expected counts of all manifests of a lake add up to those of its tables.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from landing.arguments import Order
from landing.objects import Delivered
from landing.records import Counts, Fate
from sluice.errors import LocationError, SourceMissing, StorageError, UsageError
from sluice.runtime.storage import is_s3, join, storage_for

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OF_TWEETS = (Fate.NOTICE, Fate.UPDATE)


def begin(order: Order) -> tuple[str, int]:
    """(uri, number) of this delivery's manifest, now marked as landing.

    Raises UsageError where the seed has landed in this lake before and `--again true` was not given, or other messages
    were made from it, and LocationError where the lake cannot be written; nothing is written then.
    """
    number = 0
    while (found := _load(uri := _uri(order, number))) is not None:
        if found["content"] != order.content():
            differing = sorted(key for key, value in order.content().items() if found["content"].get(key) != value)
            raise UsageError(
                f"{uri}: seed {order.seed} made other messages in this lake ({', '.join(differing)} differ); "
                "give another --seed or the same arguments; nothing was written"
            )
        if found["state"] != "landed":
            _refuse_unless_resumable(uri, found, order)
            return uri, number  # its source objects have the same keys and bytes: go on with them
        if not order.again:
            raise UsageError(
                f"{uri}: seed {order.seed} has landed in this lake already; give another --seed for more messages, "
                "or --again true to deliver the same ones under other keys; nothing was written"
            )
        number += 1
    _create(uri, {"state": "landing", "content": order.content(), "delivery": order.delivery()}, order.lake)
    return uri, number


def _refuse_unless_resumable(uri: str, found: dict[str, Any], order: Order) -> None:
    if found["delivery"]["firehose"]:
        raise UsageError(
            f"{uri}: seed {order.seed} was sent to a stream in part, and what of it arrived is not known; "
            "give another --seed; nothing was written"
        )
    if found["delivery"] != order.delivery():
        raise UsageError(
            f"{uri}: a delivery of seed {order.seed} was not finished; run it again with its own arguments "
            f"({json.dumps(found['delivery'])}); nothing was written"
        )


def finish(uri: str, number: int, order: Order, done: Delivered, sent: dict[str, Any] | None) -> dict[str, Any]:
    """Write the manifest of what was delivered and return it; `sent` is what a real stream took, None without one.

    Where the stream refused some for good the state is `incomplete`, and nothing can be said of what to expect.
    """
    complete, tweets = not (sent and sent["failed"]), order.dataset == "tweets"
    found = {
        "state": "landed" if complete else "incomplete",
        "content": order.content(),
        "delivery": order.delivery(),
        "delivery_number": number,
        "expected": expected(done.counts, number > 0, tweets) if complete else None,
        "messages": {fate.name.lower(): done.counts.fates[fate] for fate in Fate if tweets or fate not in OF_TWEETS},
        "source_objects": done.source_objects,
        "stored_bytes": done.stored_bytes,
        "raw_bytes": done.raw_bytes,
        "firehose": sent,
    }
    storage_for(uri).put(uri, _text(found))
    return found


def expected(counts: Counts, redelivered: bool, tweets: bool) -> dict[str, Any]:
    """What the batch or batches that read this delivery must show in sum.

    Delivered anew, all that was curated is a duplicate; refused records are refused again. `rescued` is a part of
    `curated`; a day of `rows_per_event_date` is the UTC day of the event, not of its arrival. Where a tweet and its
    update are read by two batches, the one of `superseded` is one of `curated` and of `replaced` instead.
    """
    fates = counts.fates
    sound = fates[Fate.PLAIN] + fates[Fate.LATE] + fates[Fate.UNKNOWN]
    reasons = {"malformed_json": fates[Fate.DAMAGED], **counts.reasons}
    days = {} if redelivered else {_day(day): rows for day, rows in sorted(counts.days.items()) if rows}
    return {
        "records": fates.total(),
        "curated": 0 if redelivered else sound,
        "quarantined": fates[Fate.DAMAGED] + fates[Fate.WRONG],
        "quarantined_by_reason": {reason: rows for reason, rows in sorted(reasons.items()) if rows},
        "duplicates": fates[Fate.COPY] + (sound if redelivered else 0),
        "superseded": fates[Fate.UPDATE],
        "filtered": fates[Fate.NOTICE],
        **({"filtered_by_kind": dict(sorted(counts.kinds.items()))} if tweets else {}),
        "rescued": 0 if redelivered else fates[Fate.UNKNOWN],
        "rows_per_event_date": days,
    }


def _uri(order: Order, number: int) -> str:
    name = f"seed-{order.seed}" + (f"-again-{number}" if number else "")
    return join(order.lake, "_landed", order.dataset, f"{name}.json")


def _day(since_epoch: int) -> str:
    return (_EPOCH + timedelta(days=since_epoch)).date().isoformat()


def _text(found: dict[str, Any]) -> bytes:
    return json.dumps(found, indent=2).encode() + b"\n"


def _load(uri: str) -> dict[str, Any] | None:
    storage = storage_for(uri)
    if storage.head(uri) is None:
        return None
    try:
        found: dict[str, Any] = json.loads(storage.read(uri))
    except ValueError as error:
        raise StorageError(
            f"{uri}: expected the manifest of a delivery, found no JSON; remove it or give another --seed"
        ) from error
    return found


def _create(uri: str, found: dict[str, Any], lake: str) -> None:
    try:
        created = storage_for(uri).put(uri, _text(found), if_absent=True)
    except StorageError as error:
        if is_s3(lake) and not isinstance(error, SourceMissing):
            raise  # access denied or throttled: the same command may work later
        raise LocationError(f"{lake}: expected a lake that can be written; {error}; nothing was written") from error
    if not created:
        raise UsageError(f"{uri}: another run began to land this seed just now; wait for it or give another --seed")
