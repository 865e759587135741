"""Which fields may serve as key and as time, and maps among objects, told by what was met."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.catalog.findings import Likely, Place
from sluice.catalog.merging import MOST_PLACES, Room, collapse, places

_MOST = 5
_DEEPEST = 3
_LONGEST_KEY = 100
# A stream delivers a record twice now and then; so much more may be a key there twice than records are.
_SLACK = 0.02
_ID = re.compile(r"(?:^|[_.-])(?:id|uuid|guid|key|hash|digest|sha\d*|ref|number|no)$|(?<=[a-z])(?:Id|ID|Uuid|Key)$")
_OF_ANOTHER = re.compile(r"(?:parent|user|account|actor|reply|_to_|ref)", re.IGNORECASE)
_TIME = re.compile(
    r"(?:^|[_.-])(?:time|timestamp|ts|date|day|at|when|created|published|received)\b|At$|Time(?:stamp)?$|Date$"
)
_MODIFIED = re.compile(r"updat|modif|delet|expir|birth|start|end|due|push", re.IGNORECASE)
_NAMES_OF_DATA = re.compile(
    r"[0-9]{2,}|[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?:[T ].*)?|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[a-zA-Z]*[0-9])[0-9a-fA-F]{16,}"
)
_LEAST_NAMES, _SHARE = 8, 0.9
_TIMES = (
    "iso_instant", "iso_instant_naive", "twitter_instant", "rfc2822_instant", "iso_date", "epoch_millis",
    "epoch_seconds", "epoch_micros", "epoch_nanos",
)  # fmt: skip


def take_names_for_data(root: Place) -> None:
    """Collapse objects whose members are called by numbers, days or hashes, wherever they are below `root`."""
    room = Room(MOST_PLACES - places(root))
    _collapse(root, room, 0)


def _collapse(place: Place, room: Room, depth: int) -> None:
    names = place.members
    if depth and len(names) >= _LEAST_NAMES:
        data = sum(_NAMES_OF_DATA.fullmatch(name) is not None for name in names)
        if data >= _SHARE * len(names):
            collapse(place, room, depth)
    for inner in [*place.members.values(), *filter(None, (place.element, place.each))]:
        _collapse(inner, room, depth + 1)


def _scalars(place: Place, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place]]:
    for name, member in place.members.items():
        if member.members and len(path) + 1 < _DEEPEST:
            yield from _scalars(member, (*path, name))
        elif not member.cut:
            yield (*path, name), member


def likely_keys(root: Place, records: int) -> list[Likely]:
    """Fields of one kind, short, in every record, and there twice no more often than whole records are; best first."""
    if records < 2:
        return []
    found = []
    for path, place in _scalars(root):
        kinds = {kind for kind, count in place.kinds.items() if count}
        if place.seen != records or place.nulls or len(kinds) != 1 or not kinds <= {"string", "integer", "binary"}:
            continue
        repeated = place.values.repeated - root.values.repeated
        if repeated > _SLACK or (place.longest or 0) > _LONGEST_KEY or place.shortest == 0:
            continue
        score, reasons = 0.4, ["in every record, no value twice" if not place.values.repeated else "seldom twice"]
        if _ID.search(path[-1]):
            score, reasons = score + 0.4, [*reasons, "called like an id"]
        if place.formats["uuid"] == place.seen:
            score, reasons = score + 0.2, [*reasons, "a UUID"]
        elif place.shortest is not None and place.shortest == place.longest and kinds == {"string"}:
            score, reasons = score + 0.05, [*reasons, "all of one length"]
        if any(place.formats[one] == place.seen for one in _TIMES):
            score, reasons = score - 0.2, [*reasons, "but a time"]
        score -= 0.1 * (len(path) - 1) + 0.15 * bool(_OF_ANOTHER.search(".".join(path)))
        score -= 0.2 * (kinds == {"string"} and (place.longest or 0) > 40 and not place.formats["uuid"])
        found.append(Likely(path, round(max(score, 0.05), 2), "; ".join(reasons)))
    return sorted(found, key=lambda one: (-one.score, len(one.path), one.path))[:_MOST]


def likely_times(root: Place, records: int) -> list[Likely]:
    """Fields whose values are nearly all in one known format of instants, days or epochs; best first."""
    found = []
    for path, place in _scalars(root):
        there = place.seen - place.nulls
        typed = place.kinds["timestamp"] + place.kinds["date"]
        format_, many = max(((one, place.formats[one]) for one in _TIMES), key=lambda one: one[1])
        if typed:
            format_, many = "timestamp" if place.kinds["timestamp"] else "date", typed
        if not there or many < 0.99 * there:
            continue
        named = bool(_TIME.search(path[-1]))
        if format_.startswith("epoch") and not named and place.values.count < 0.5 * min(there, 200):
            continue  # a number that happens to lie there
        score = 0.4 * there / max(records, 1) + 0.2
        reasons = [format_, "in every record" if there == records else f"in {100 * there / max(records, 1):.0f} %"]
        if named:
            score, reasons = score + 0.2, [*reasons, "called like a time"]
        score += 0.1 * (format_ not in ("date", "iso_date")) - 0.1 * bool(_MODIFIED.search(path[-1]))
        score -= 0.1 * (len(path) - 1) + 0.1 * (format_.startswith("epoch") and not named)
        found.append(Likely(path, round(min(max(score, 0.05), 1.0), 2), "; ".join(reasons)))
    return sorted(found, key=lambda one: (-one.score, len(one.path), one.path))[:_MOST]
