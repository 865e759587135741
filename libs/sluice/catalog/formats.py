"""Known formats of strings and of integers; told strictly, since a draft casts what is told."""

from __future__ import annotations

import re
from datetime import date, datetime

_LONGEST = 40
_SHAPE = re.compile(
    r"(?P<integer>-?[1-9][0-9]{0,18}|0)"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<boolean>true|false)"
    r"|(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?P<time>[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?)?"
    r"(?P<zone>Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?"
    r"|(?P<uuid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
_MONTHS = {name: at for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_OFFSET = r"[+-](?:0[0-9]|1[0-4])[0-5][0-9]"
_TWITTER = re.compile(rf"{_WEEKDAY} ([A-Z][a-z]{{2}}) ([0-9]{{2}}) {_CLOCK}:[0-5][0-9] {_OFFSET} ([0-9]{{4}})")
_RFC2822 = re.compile(
    rf"(?:{_WEEKDAY}, )?([0-9]{{1,2}}) ([A-Z][a-z]{{2}}) ([0-9]{{4}}) {_CLOCK}(?::[0-5][0-9])? (?:{_OFFSET}|GMT|UTC?|Z)"
)
_URL = re.compile(r"https?://[^\s/?#]+\S*")
_EMAIL = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;]+\.[A-Za-z]{2,}")
_LARGEST = (1 << 63) - 1

# Seconds since 1970 at the beginning of 1990 and of 2100.
_FROM, _UNTIL = 631_152_000, 4_102_444_800
_EPOCHS = tuple(
    (name, _FROM * unit, _UNTIL * unit)
    for name, unit in (("epoch_seconds", 1), ("epoch_millis", 10**3), ("epoch_micros", 10**6), ("epoch_nanos", 10**9))
)


def format_of(text: str) -> str:
    """The one of STRING_FORMATS that `text` has, "" for none."""
    if len(text) <= _LONGEST:
        found = _SHAPE.fullmatch(text)
        if found:
            return _of_shape(found, text)
        if text[-4:].isdigit() or text[-1:] in "ZTC":
            if (found := _TWITTER.fullmatch(text)) is not None:
                return "twitter_instant" if _is_day(found[3], found[1], found[2]) else ""
            if (found := _RFC2822.fullmatch(text)) is not None:
                return "rfc2822_instant" if _is_day(found[3], found[2], found[1]) else ""
    if text.startswith("http") and _URL.fullmatch(text):
        return "url"
    return "email" if "@" in text and len(text) <= 254 and _EMAIL.fullmatch(text) else ""


def _of_shape(found: re.Match[str], text: str) -> str:
    kind = found.lastgroup
    if kind == "integer":
        return "integer_text" if -_LARGEST - 1 <= int(text) <= _LARGEST else ""
    if kind == "number":
        # An integer beyond 64 bits, or `-0`, is neither.
        return "number_text" if any(one in text for one in ".eE") else ""
    if kind == "boolean":
        return "boolean_text"
    if kind == "uuid":
        return "uuid"
    try:
        if found["time"] is None:
            date.fromisoformat(found["day"])
            return "iso_date" if found["zone"] is None else ""
        datetime.fromisoformat(found["day"] + found["time"][:9])
    except ValueError:
        return ""
    return "iso_instant_naive" if found["zone"] is None else "iso_instant"


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), _MONTHS.get(month, 0), int(day))
    except ValueError:
        return False
    return True


def epoch_of(value: int) -> str:
    """The one of INTEGER_FORMATS that `value` may be, "" for none: 1990 to 2100 in that unit."""
    return next((name for name, low, high in _EPOCHS if low <= value < high), "")
