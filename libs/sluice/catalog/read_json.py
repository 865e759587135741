"""JSON in all its layouts -> profile: records cut by the reader's own rule, values decoded to the last digit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from sluice.catalog.findings import Place
from sluice.catalog.infer import Number, Profile
from sluice.catalog.partial import Limits, Partial
from sluice.contract.model import MAX_NESTING, MAX_RECORD_BYTES
from sluice.raw.damage import Refused
from sluice.raw.layout import Layout
from sluice.raw.scan import is_value
from sluice.raw.spans import Exact, Splitter, Taken

_WINDOW_BYTES = 256 << 10
_BATCH_BYTES = 4 << 20
_MOST_DIGITS = 4300  # more digits Python does not read as an integer

_decode_any = msgspec.json.Decoder(float_hook=Number).decode
_NAME = re.compile(rb'"[ \t\r\n]*:')
_ODD = (b" :", b"\t:", b"\n:", b"\r:", b'\\"')


def read_json(read: Callable[[int], bytes], limits: Limits, into: Partial, profile: Profile) -> None:
    """All records that `read` gives, or the first that the limits allow; what is damaged is counted."""
    source = _Source(read, limits.bytes)
    splitter = Splitter(
        source.read, _decode, _judge, MAX_RECORD_BYTES, MAX_NESTING, _WINDOW_BYTES if limits.bytes else 2 << 20
    )
    layout, batch, records, damaged = Layout(), _Batch(profile), 0, 0
    for event in _settled(splitter.events(), source):
        if isinstance(event, Refused):
            damaged += 1
            continue
        starts, spans, rows = _taken(event)
        if limits.records is not None:
            left = limits.records - records
            starts, spans, rows = starts[:left], spans[:left], rows[:left]
        records += len(spans)
        if not layout.full:
            layout.add(starts, spans)
        batch.add(spans, rows)
        if records == limits.records:
            break
    batch.flush()
    into.records += records
    into.damaged += damaged
    into.cut += source.cut or records == limits.records
    layout.in_array = splitter.began_with_array
    into.layouts[layout.name] += 1


class _Source:
    """Reads up to a bound; `cut` tells whether there was more."""

    def __init__(self, read: Callable[[int], bytes], bound: int | None) -> None:
        self._read, self._bound, self._done = read, bound, 0
        self.cut = False

    def read(self, size: int) -> bytes:
        if self._bound is not None and self._done >= self._bound:
            self.cut = self.cut or bool(self._read(1))
            return b""
        data = self._read(size)
        self._done += len(data)
        return data


def _settled(events: Iterator[Taken | Exact | Refused], source: _Source) -> Iterator[Taken | Exact | Refused]:
    """The same, without the damage that only our own bound has done to the last record."""
    held: Refused | None = None
    for event in events:
        if held is not None:
            yield held
        held = event if isinstance(event, Refused) else None
        if held is None:
            yield event
    if held is not None and not source.cut:
        yield held


def _taken(event: Taken | Exact) -> tuple[list[int], list[bytes], list[Any]]:
    if isinstance(event, Exact):
        try:
            return [event.start], [event.span], [_decode(event.span)]
        except ValueError:
            return [event.start], [event.span], [_slowly(event.span)]
    for index, value in event.judged.items():
        event.rows[index] = value
    return event.starts, event.spans, event.rows


def _decode(span: bytes) -> Any:
    """Strict JSON -> values; ValueError where it may nest too deep, or is not what msgspec takes."""
    if span.count(b"{") + span.count(b"[") > MAX_NESTING:
        raise ValueError
    return _decode_any(span)


def _judge(span: bytes) -> Any:
    """What the fast way does not take: many brackets, integers of thousands of digits; None where it is no record."""
    return _slowly(span) if is_value(span, MAX_NESTING) else None


def _slowly(span: bytes) -> Any:
    return json.loads(span, parse_float=Number, parse_int=_integer)


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= _MOST_DIGITS else Number(text)


class _Batch:
    """Gathers records for the profile; looks for names that are twice in an object only where the count says so."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._spans: list[bytes] = []
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0

    def add(self, spans: list[bytes], rows: list[Any]) -> None:
        self._spans += spans
        self._rows += rows
        self._bytes += sum(map(len, spans))
        if self._bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._rows:
            return
        before = self._profile.members
        self._profile.add(self._rows)
        self._profile.add_hashes(self._spans)
        if _names(b"".join(self._spans)) != self._profile.members - before:
            for span, row in zip(self._spans, self._rows, strict=True):
                if len(_NAME.findall(span)) != _members(row):
                    _mark_repeated(self._profile.root, span)
        self._spans, self._rows, self._bytes = [], [], 0


def _names(text: bytes) -> int:
    """How many members the objects in `text` have, as written; not less where strings look like names."""
    if any(one in text for one in _ODD):
        return len(_NAME.findall(text))
    return text.count(b'":')


def _members(value: Any) -> int:
    """How many members the objects in `value` have."""
    if isinstance(value, dict):
        return len(value) + sum(_members(inner) for inner in value.values() if type(inner) in (dict, list))
    return sum(_members(inner) for inner in value if type(inner) in (dict, list))


class _Repeated(dict[str, Any]):
    """An object in which a name is there twice."""


def _mark_repeated(root: Place, span: bytes) -> None:
    found = []

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            found.append(True)
            return _Repeated(members)
        return members

    value = json.loads(span, object_pairs_hook=made, parse_int=str, parse_float=str)
    if found:
        _walk(root, value)


def _walk(place: Place, value: Any) -> None:
    if isinstance(value, _Repeated):
        place.repeated_names += 1
    if isinstance(value, dict):
        for name, inner in value.items():
            below = place.each or place.members.get(name)
            if below is not None:
                _walk(below, inner)
    elif isinstance(value, list) and place.element is not None:
        for inner in value:
            _walk(place.element, inner)
