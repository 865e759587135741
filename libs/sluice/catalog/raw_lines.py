"""Whether Athena can read a dataset's raw folder as it is: JSON, one object a line, plain or gzip named .gz."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec

from sluice.raw.inflate import Content, Unreadable
from sluice.raw.listing import arrival_hour, list_sources
from sluice.raw.source import SourceObject
from sluice.runtime.storage import join, storage_for

LOOKED_AT = 20
_HEAD_BYTES = 1 << 20
_AS_IT_IS = "one record a line"


@dataclass(frozen=True)
class RawLines:
    """`problem` is why Athena cannot read it, "" where it can; `outside` source objects are in no arrival hour."""

    objects: int
    looked_at: int
    outside: int
    first_hour: str
    problem: str


def raw_lines(raw: str, dataset: str) -> RawLines:
    """Look at the first MiB of up to 20 source objects of `dataset` below the folder `raw`, spread over all hours."""
    sources = list(list_sources(join(raw, dataset), dataset))
    hours = sorted(filter(None, (arrival_hour(source.path) for source in sources)))
    chosen = _spread(sources)
    found = Counter(_layout(join(raw, source.path), source) for source in chosen)
    wrong = [f"{count} of {len(chosen)} source objects {what}" for what, count in found.items() if what != _AS_IT_IS]
    if not sources:
        wrong = ["there are no source objects"]
    elif not hours:
        wrong = [*wrong, "no source object lies in an hour folder YYYY/MM/DD/HH/"]
    return RawLines(
        objects=len(sources),
        looked_at=len(chosen),
        outside=len(sources) - len(hours),
        first_hour=hours[0] if hours else "",
        problem="; ".join(wrong),
    )


def _spread(sources: list[SourceObject]) -> list[SourceObject]:
    if len(sources) <= LOOKED_AT:
        return sources
    return [sources[place * (len(sources) - 1) // (LOOKED_AT - 1)] for place in range(LOOKED_AT)]


def _layout(uri: str, source: SourceObject) -> str:
    """What keeps Athena from reading a source object, or that nothing does."""
    storage = storage_for(uri)
    content = Content(lambda: storage.open(uri, etag=source.etag))
    try:
        head = content.read(_HEAD_BYTES)
    except Unreadable:
        return "are neither JSON text nor gzip of it"
    if content.compression == "gzip" and not source.path.endswith(".gz"):
        return "are gzip without a name in .gz, by which Athena tells it"
    lines = head.split(b"\n")
    if len(head) >= _HEAD_BYTES:
        lines = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut
    lines = [line for line in lines if line.strip()]
    sound = sum(map(_is_object, lines))
    # A damaged line now and then is left out by the SerDe; where most are no record, lines are not records.
    return _AS_IT_IS if 2 * sound >= len(lines) else "have records back to back, over several lines or in an array"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
