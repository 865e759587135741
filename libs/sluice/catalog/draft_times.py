"""Fields that are days or instants, by the formats a crawl has met, and the Spark SQL that makes them such.

Each expression gives an instant for every text or number of its format and NULL for any other, on every Spark, without
Spark's own patterns for dates: these raise for what their forerunners read otherwise. Instants without a zone are UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sluice.catalog.draft_types import kinds_of
from sluice.catalog.findings import FINER, INTEGER_FORMATS, Place

_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_ISO = frozenset(["iso_instant", "iso_instant_naive", "iso_date"])
# Milliseconds of the years 1 to 9999, and from that the other units.
_FIRST, _LAST = -62135596800, 253402300799
_NAMED = re.compile(
    r"(^|_)(at|on|ts|time|times|timestamp|epoch|date|datetime|created|updated|modified|deleted|started|ended|expires"
    r"|expiry|expiration|sent|received|arrival|arrived|seen|when|birthday|utc|ms|millis|since|until|begin|end)(_|$)"
)


@dataclass(frozen=True)
class Time:
    """`type` is date or timestamp, `expression` Spark SQL, `told` says for people what it is made from.

    `exact` is false where the instant holds less than the value it is made from.
    """

    type: str
    expression: str
    told: str
    exact: bool = True


def time_of(place: Place, name: str, source: str, likely: bool) -> Time | None:
    """How to make a time of a field named `name` in snake case; `source` is how SQL names it.

    Integers count only where the name says so, or where the crawl found the field `likely` a time: an id may look like
    seconds. None where values are of other formats, or some have none.
    """
    kinds = kinds_of(place)
    if kinds == {"timestamp"} and place.formats[FINER]:
        told = "ISO 8601, cut to microseconds"
        return Time("timestamp", _guarded(source, "", f"TRY_CAST({source} AS TIMESTAMP)"), told, exact=False)
    formats = {found for found, count in place.formats.items() if count}
    if sum(place.formats.values()) != sum(place.kinds.values()) or not formats:
        return None
    if kinds == {"string"}:
        return _of_text(formats, source)
    if kinds == {"integer"} and len(formats) == 1 and formats <= set(INTEGER_FORMATS):
        return _of_epoch(formats.pop(), source) if likely or _NAMED.search(name) else None
    return None


def _of_text(formats: set[str], source: str) -> Time | None:
    if formats == {"iso_date"}:
        return Time("date", _guarded(source, "$", f"TRY_CAST({source} AS DATE)"), "a day (ISO 8601)")
    if formats <= _ISO:
        naive = " without a zone, taken as UTC" if "iso_instant_naive" in formats else ""
        return Time("timestamp", _guarded(source, "", f"TRY_CAST({source} AS TIMESTAMP)"), f"ISO 8601{naive}")
    if formats == {"twitter_instant"}:
        return Time("timestamp", _twitter(source), "Sun Aug 31 00:29:15 +0000 2014")
    if formats == {"rfc2822_instant"}:
        return Time("timestamp", _rfc2822(source), "RFC 2822")
    return None


def _guarded(source: str, end: str, made: str) -> str:
    """Only what begins with a day of the years 1 to 9999: a cast also takes a time alone, which is then today's."""
    return f"CASE WHEN {source} RLIKE '^(?!0000)[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{end}' THEN {made} END"


def _of_epoch(format_: str, source: str) -> Time:
    unit = format_.removeprefix("epoch_")
    scale = {"seconds": 1, "millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}[unit]
    told = f"Unix epoch, {unit.replace('millis', 'milliseconds').replace('micros', 'microseconds')}"
    if unit == "nanos":
        # 64 bits of nanoseconds end in 2262, so they need no bound.
        return Time("timestamp", f"timestamp_micros({source} DIV 1000)", "Unix epoch, nanoseconds", exact=False)
    low, high = _FIRST * scale, _LAST * scale + scale - 1
    return Time("timestamp", f"CASE WHEN {source} BETWEEN {low} AND {high} THEN timestamp_{unit}({source}) END", told)


def _month(text: str) -> str:
    return f"lpad(CAST((locate({text}, '{_MONTHS}') + 2) DIV 3 AS STRING), 2, '0')"


def _twitter(x: str) -> str:
    shape = f"^{_DAY} {_MONTH} [0-9]{{2}} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}} [+-][0-9]{{4}} (?!0000)[0-9]{{4}}$"
    iso = (
        f"concat(substring({x}, 27, 4), '-', {_month(f'substring({x}, 5, 3)')}, '-', substring({x}, 9, 2), 'T', "
        f"substring({x}, 12, 8), substring({x}, 21, 3), ':', substring({x}, 24, 2))"
    )
    return f"CASE WHEN {x} RLIKE '{shape}' THEN TRY_CAST({iso} AS TIMESTAMP) END"


def _rfc2822(x: str) -> str:
    """`Sun, 26 Nov 2017 15:56:51 +0000`: weekday and seconds may be absent, the zone be GMT, UT, UTC or Z."""
    zone = "([+-][0-9]{4}|GMT|UTC?|Z)"
    shape = f"^({_DAY}, )?([0-9]{{1,2}}) {_MONTH} ((?!0000)[0-9]{{4}}) ([0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?) {zone}$"

    def part(group: int) -> str:
        return f"regexp_extract({x}, '{shape}', {group})"

    offset = f"regexp_replace(regexp_replace({part(8)}, '^(GMT|UTC?|Z)$', '+0000'), '([0-9]{{2}})$', ':$1')"
    iso = f"concat({part(5)}, '-', {_month(part(4))}, '-', lpad({part(3)}, 2, '0'), 'T', {part(6)}, {offset})"
    return f"CASE WHEN {x} RLIKE '{shape}' THEN TRY_CAST({iso} AS TIMESTAMP) END"
