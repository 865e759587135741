"""Numbers, times and foreign text as a person reads them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

# Controls, halves of a surrogate pair (no UTF-8 can carry them) and the marks that turn the direction of what follows.
_UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufeff]"
)
TEXT_LIMIT = 600


def visible(value: Any) -> Any:
    """A text with what nobody sees spelled out, and not longer than a page bears; anything else as it is.

    "a\\x00b" -> "a\\\\u0000b". Markup made by a template stays as it is, too: only foreign text comes as a plain str.
    """
    if type(value) is not str:
        return value
    text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value[: TEXT_LIMIT + 1])
    return (
        text if len(value) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}… ({count(len(value) - TEXT_LIMIT)} more characters)"
    )


def count(value: int) -> str:
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """1 -> "1 batch", 1200 -> "1,200 batches"."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A measured number: whole ones whole, others to four digits. 12000.0 -> "12,000", 0.0314159 -> "0.03142"."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def share(part: int, whole: int) -> str:
    """A share that is neither none nor all is never rounded to none or all. (1, 10**6) -> "under 0.01 %"."""
    if part == 0 or whole <= 0:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.01:
        return "under 0.01 %"
    if part < whole and percent > 99.99:
        return "over 99.99 %"
    return f"{percent:.3g} %" if percent < 99 or percent >= 100 else f"{percent:.2f} %"


def size(value: int) -> str:
    """Bytes in decimal units. 1500000 -> "1.5 MB"."""
    amount, unit = float(value), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{value:,} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def duration(seconds: float) -> str:
    """0.034 -> "34 ms", 12.34 -> "12.3 s", 75 -> "1 min 15 s"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
