"""Which source objects there are: a listing of the landing zone that costs what the new hours cost."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice

from sluice.raw.source import SourceObject
from sluice.runtime.aws import AT_ONCE
from sluice.runtime.storage import StoredObject, is_s3, join, storage_for

# Firehose may deliver up to a day late, into the folder of the hour in which the oldest record arrived.
LOOK_BACK = timedelta(hours=30)
# Objects that are listed one request after the other before it is tried in parts, about as many objects in each.
_WORTH_PARTS, _PART, _MOST_PARTS = 4000, 6000, 256
_YEARS, _MONTHS, _DAYS = re.compile(r"[0-9]{4}"), re.compile(r"0[1-9]|1[0-2]"), re.compile(r"0[1-9]|[12][0-9]|3[01]")
_HOUR = re.compile(r"(?:^|/)(\d{4}/\d{2}/\d{2}/\d{2})/")
# Firehose's own error outputs below a prefix; they are no data. Their folders may follow the hour's.
_ERRORS = re.compile(r"(?:^|/)(?:processing-failed|format-conversion-failed|elasticsearch-failed|opensearch-failed|"
                     r"splunk-failed|http-endpoint-failed|redshift-failed|iceberg-failed)(?:/|$)")  # fmt: skip
# Those of a stream to S3: each entry is a record that was not delivered anywhere else.
_FAILED = re.compile(r"(?:^|/)(processing-failed|format-conversion-failed)/")


def list_sources(
    landing: str, dataset: str, from_hour: str = "", until_hour: str = "", *, failed: bool = False
) -> Iterator[SourceObject]:
    """Source objects below the raw prefix `landing`, in the order of their keys; paths begin with the dataset.

    `from_hour` and `until_hour` (`YYYY/MM/DD/HH`, the latter excluded) bound the arrival hour; where either is given,
    objects outside hour folders are left out. Hidden names (`_`, `.`) and Firehose's error objects are no data; with
    `failed` those of a step before delivery (see `failed_step`) are listed, too.
    """
    for stored in _in_parts(landing.rstrip("/"), from_hour):
        below = stored.uri[len(landing.rstrip("/")) + 1 :]
        hour = arrival_hour(below)
        wanted = is_data(below) or (failed and not _hidden(below) and failed_step(below) != "")
        if not wanted or (from_hour and hour < from_hour):
            continue
        if until_hour and not (hour and hour < until_hour):
            continue
        yield SourceObject(f"{dataset}/{below}", stored.size_bytes, stored.etag, stored.modified_at)


def _in_parts(landing: str, from_hour: str) -> Iterator[StoredObject]:
    """What lies below `landing` from the folder `from_hour` on, in order; much of it in S3 is listed in parts at once.

    A listing is a chain of requests, 1,000 keys each, every one waiting for the one before. Hour folders tell keys that
    nobody has seen, so the chain can be cut. A part is a range of keys, whatever lies in it, so that a wrong guess of
    where much lies costs requests, never objects.
    """
    storage = storage_for(landing)
    listed = storage.list(landing, start_after=f"{from_hour}/" if from_hour else "")
    head = []
    for stored in listed:
        yield stored
        head.append(stored.uri[len(landing) + 1 :])
        if len(head) == _WORTH_PARTS:
            break
    cuts = _cuts(landing, head) if is_s3(landing) and len(head) == _WORTH_PARTS else []
    if not cuts:
        yield from listed
        return
    parts = zip([head[-1], *cuts], [*cuts, ""], strict=True)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked: deque[Future[list[StoredObject]]] = deque()

        def ask() -> None:
            for after, until in islice(parts, 2 * AT_ONCE - len(asked)):
                asked.append(threads.submit(lambda a, u: list(storage.list(landing, a, u)), after, until))

        try:
            ask()
            while asked:
                yield from asked.popleft().result()
                ask()
        finally:
            for each in asked:
                each.cancel()


def _cuts(landing: str, head: list[str]) -> list[str]:
    """Keys at which to cut the listing behind `head`, so that parts hold about _PART objects were all hours alike."""
    first = next((hour for key in head if (hour := _hour_of(key))), None)
    here, newest = _hour_of(head[-1]), _newest_hour(landing)
    if first is None or here is None or newest is None or newest <= here:
        return []
    covered = here - first + timedelta(hours=1)
    parts = min(int(len(head) * ((newest - here) / covered) / _PART), _MOST_PARTS)
    cuts = {f"{here + (newest - here) * number / parts:%Y/%m/%d/%H}/" for number in range(1, parts)}
    return sorted(cut for cut in cuts if cut > head[-1])


def _newest_hour(landing: str) -> datetime | None:
    """The last hour of the newest day that has a folder."""
    place = landing
    for names in (_YEARS, _MONTHS, _DAYS):
        there = [name for name in storage_for(place).folders(place) if names.fullmatch(name)]
        if not there:
            return None
        place = join(place, there[-1])
    return _hour_of(f"{place[len(landing) + 1 :]}/23/")


def _hour_of(key: str) -> datetime | None:
    """The hour of arrival, where its folders come first in the key."""
    try:
        return datetime.strptime(key[:14], "%Y/%m/%d/%H/")  # noqa: DTZ007 - an hour folder has no zone, it is UTC
    except ValueError:
        return None


def is_data(path: str) -> bool:
    """Whether the object at `path` (below the raw prefix) is a source object."""
    return not _hidden(path) and not _ERRORS.search(path)


def failed_step(path: str) -> str:
    """ "processing-failed" or "format-conversion-failed" where the object at `path` is one of these error objects."""
    found = _FAILED.search(path)
    return found[1] if found else ""


def _hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def arrival_hour(path: str) -> str:
    """`.../2017/11/26/15/...` -> "2017/11/26/15", the hour of arrival (UTC); "" where the path has no such folders."""
    found = _HOUR.search(path)
    return found[1] if found else ""


def look_back_from(hour: str) -> str:
    """The hour from which to list again when listing had come as far as `hour`; "" is from the beginning."""
    if not hour:
        return ""
    try:
        at = datetime.strptime(hour, "%Y/%m/%d/%H")  # noqa: DTZ007 - an hour folder has no zone, it is UTC
    except ValueError:
        return ""
    return (at - LOOK_BACK).strftime("%Y/%m/%d/%H")


def task_groups(sources: list[SourceObject], cores: int, target_bytes: int) -> list[list[SourceObject]]:
    """`sources`, in the order of their keys, in groups for one task each, about equal in stored bytes.

    The number of groups is a multiple of `cores` where there is work for them all, so that no core waits at the end.
    """
    total = sum(source.size_bytes for source in sources)
    least = max(1, min(cores, total // _WORTH_A_TASK_BYTES))
    wanted = max(least, -(-total // target_bytes))
    if wanted > cores:
        wanted = -(-wanted // cores) * cores
    wanted = max(1, min(wanted, len(sources)))
    # Runs of neighbours by key, which is by arrival: copies of a record mostly arrive soon after it, and a task drops
    # those it sees itself. An object belongs to the group in which its middle lies.
    costs = [source.size_bytes + _OPENING_BYTES for source in sources]
    share = sum(costs) / wanted
    groups: list[list[SourceObject]] = [[] for _ in range(wanted)]
    before = 0
    for source, cost in zip(sources, costs, strict=True):
        groups[min(wanted - 1, int((before + cost / 2) / share))].append(source)
        before += cost
    return [group for group in groups if group]


_WORTH_A_TASK_BYTES = 4 << 20
# What opening an object costs, told in bytes.
_OPENING_BYTES = 64 << 10
