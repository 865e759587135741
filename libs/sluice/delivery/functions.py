"""What compiled expressions call: Spark's functions, with ANSI off, over Python's values; None is NULL.

Instants are microseconds since 1970 (UTC), days are days since 1970. Nothing here raises for a value of its type.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

DAY_MICROS = 86_400_000_000


def eq(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a == b


def ne(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a != b


def lt(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a < b


def le(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a <= b


def gt(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a > b


def ge(a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else a >= b


def same(a: Any, b: Any) -> bool:
    """`a <=> b`: NULL is the same as NULL."""
    return bool(a == b)


def and_(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def or_(a: bool | None, b: bool | None) -> bool | None:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def not_(a: bool | None) -> bool | None:
    return None if a is None else not a


def member(a: Any, values: Collection[Any], has_null: bool) -> bool | None:
    """`a IN (values)`; `has_null`: NULL is among them."""
    if a is None:
        return None
    return True if a in values else None if has_null else False


def coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def nullif(a: Any, b: Any) -> Any:
    return None if a is None or (b is not None and a == b) else a


def double(a: Any) -> float | None:
    """An integer as a double, rounded to the nearest as Java does."""
    return None if a is None else float(a)


def trim(a: str | None) -> str | None:
    """Spark's trim takes blanks off, no other white space."""
    return None if a is None else a.strip(" ")


def ltrim(a: str | None) -> str | None:
    return None if a is None else a.lstrip(" ")


def rtrim(a: str | None) -> str | None:
    return None if a is None else a.rstrip(" ")


def length(a: str | None) -> int | None:
    """In characters (code points)."""
    return None if a is None else len(a)


def startswith(a: str | None, b: str | None) -> bool | None:
    return None if a is None or b is None else a.startswith(b)


def endswith(a: str | None, b: str | None) -> bool | None:
    return None if a is None or b is None else a.endswith(b)


def contains(a: str | None, b: str | None) -> bool | None:
    return None if a is None or b is None else b in a


def concat(*values: str | None) -> str | None:
    return None if None in values else "".join(values)  # type: ignore[arg-type]


def scaled(a: int | None, micros: int) -> int | None:
    """A count of units of so many microseconds -> instant."""
    return None if a is None else a * micros


def day(a: int | None) -> int | None:
    """The day (UTC) of an instant."""
    return None if a is None else a // DAY_MICROS
