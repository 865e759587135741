"""Ids and instants as Twitter writes them."""

from __future__ import annotations

import time
from functools import lru_cache

# 4 November 2010: the first millisecond that ids count.
_EPOCH_MS = 1_288_834_974_657
_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def snowflake(at_ms: int, number: int) -> int:
    """An id of an instant; different for numbers that differ in their last 22 bits."""
    return (at_ms - _EPOCH_MS) << 22 | number & 0x3FFFFF


@lru_cache(maxsize=4096)
def twitter_time(second: int) -> str:
    """Epoch seconds -> `Sun Aug 31 00:29:15 +0000 2014`, in English whatever the machine speaks."""
    t = time.gmtime(second)
    at = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"{_DAYS[t.tm_wday]} {_MONTHS[t.tm_mon - 1]} {t.tm_mday:02} {at} +0000 {t.tm_year}"


def through_a_double(number: int) -> str:
    """`number` as JavaScript prints it: the shortest digits that mean the same double, and zeros."""
    digits, _, exponent = repr(float(number)).partition("e+")
    if not exponent:
        return digits.removesuffix(".0")
    whole, _, fraction = digits.partition(".")
    return (whole + fraction).ljust(int(exponent) + 1, "0")
