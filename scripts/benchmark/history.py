"""A ledger with a long history: closed batches of old hours, recorded as the pipeline would have recorded them.

Made in minutes, it must look months old: tombstones of merged files expire after 7 days, old versions of the log after
30, each both at the next checkpoint. So what is told as the time of a removal, and the files' times, are set back.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace

from benchmark import show
from benchmark.made import DATASET
from sluice.contract.load import load_contract
from sluice.lake import commit
from sluice.lake.commit import DataFile
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places, attempt_folder
from sluice.lake.publish import Actions, TableActions
from sluice.lake.transitions import Counts, LedgerSource, Transition
from sluice.pipeline.terms import Terms, recorded

_HOUR_NS = 3_600 * 10**9
_OBJECTS_AN_HOUR = 12
_RECORDS_AN_OBJECT = 8_000
_STATS = (
    '{"numRecords": 96000, "minValues": {"event_time": "2017-11-26T15:00:00.012Z", "name": "aaron", "country": '
    '"Afghanistan", "latitude": -49.2, "longitude": -177.3, "sentiment": "negative", "sentiment_value": -1.0}, '
    '"maxValues": {"event_time": "2017-11-26T15:59:59.987Z", "name": "zoe", "country": "Zimbabwe", "latitude": 74.7, '
    '"longitude": 179.2, "sentiment": "positive", "sentiment_value": 1.0}, "nullCount": {"event_time": 0, "name": 0}}'
)


def closed_batches(lake: Path, batches: int, until: datetime) -> None:
    """Record `batches` hourly batches that end before `until`: planned, publishing, published, tidied after each."""
    contract = recorded(Terms(load_contract(DATASET)))
    uri = Places(str(lake), DATASET).ledger
    ledger = Ledger.open(uri)
    before: Transition | None = None
    for number in range(batches):
        hours_ago = batches - number
        hour = until - timedelta(hours=hours_ago)
        with _earlier(hours_ago):
            for row in _life(number, hour, before, contract):
                before = ledger.record(row)
            ledger.tidy()
        _set_back(Path(uri) / "_delta_log", hours_ago)
        if (number + 1) % 500 == 0:
            show.say(f"{number + 1:,} of {batches:,} batches recorded")


@contextmanager
def _earlier(hours: int) -> Iterator[None]:
    """What the library commits in here is told as removed so many hours ago."""
    at_ns = time.time_ns() - hours * _HOUR_NS
    commit.time = SimpleNamespace(time_ns=lambda: at_ns)  # type: ignore[assignment]
    try:
        yield
    finally:
        commit.time = time


def _set_back(log: Path, hours: int) -> None:
    """The log's files that are newer than so many hours become that old."""
    at_ns = time.time_ns() - hours * _HOUR_NS
    with os.scandir(log) as found:
        for entry in found:
            if entry.stat().st_mtime_ns > at_ns:
                os.utime(entry.path, ns=(at_ns, at_ns))


def _life(number: int, hour: datetime, before: Transition | None, contract: Mapping[str, str]) -> Iterator[Transition]:
    """The three rows of one batch, each made from the one before as the pipeline makes them."""
    import pyspark

    rnd = Random(f"history:{number}")
    sources = tuple(_source(rnd, hour, place) for place in range(_OBJECTS_AN_HOUR))
    folder = f"{hour:%Y/%m/%d/%H}"
    base = before or Transition(0, hour, "", 0, "", 0, "planned")
    batch_id = f"{hour:%Y%m%dT%H%M%SZ}-{3 * number:06d}"
    planned = base.next(
        run_id=f"{hour:%Y%m%dT%H%M%SZ}-{rnd.getrandbits(32):08x}", fence=number + 1, batch_id=batch_id, attempt=1,
        state="planned", sequence=0, counts=Counts(), watermark=folder, full_listing_at=datetime.now(UTC),
        first_hour=folder, last_hour=folder, sources=sources, code_version="0+source",
        spark_version=pyspark.__version__, **contract,
    )  # fmt: skip
    yield planned
    read = tuple(replace(source, records=_RECORDS_AN_OBJECT, refused=8) for source in sources)
    all_read = _OBJECTS_AN_HOUR * _RECORDS_AN_OBJECT
    publishing = planned.next(
        state="publishing", sequence=number + 1, last_sequence=number + 1, sources=read,
        actions=_actions(rnd, batch_id, hour).to_json(),
        counts=Counts(read=all_read, curated=all_read - 96 - 960, quarantined=96, duplicates=960),
    )  # fmt: skip
    yield publishing
    yield publishing.next(state="published", sources=read)


def _source(rnd: Random, hour: datetime, place: int) -> LedgerSource:
    at = hour + timedelta(seconds=300 * place + rnd.randrange(5))
    name = uuid.UUID(int=rnd.getrandbits(128), version=4)
    path = f"{DATASET}/{hour:%Y/%m/%d/%H}/app-messages-1-{at:%Y-%m-%d-%H-%M-%S}-{name}.gz"
    return LedgerSource(path, 600_000 + rnd.randrange(90_000), f"mtime-{rnd.getrandbits(60)}", at)


def _actions(rnd: Random, batch_id: str, hour: datetime) -> Actions:
    folder, now_ms = attempt_folder(batch_id, 1), time.time_ns() // 1_000_000

    def file(below: str, values: dict[str, str | None], size: int) -> DataFile:
        name = uuid.UUID(int=rnd.getrandbits(128), version=4)
        return DataFile(f"{folder}/{below}part-{name}.snappy.parquet", size, values, now_ms, _STATS)

    days = [f"{hour - timedelta(days=back):%Y-%m-%d}" for back in range(3)]  # late ones, too
    curated = tuple(file(f"event_date={day}/", {"event_date": day}, 9_000_000) for day in days)
    return Actions(TableActions((file("", {}, 30_000),)), TableActions(curated))
