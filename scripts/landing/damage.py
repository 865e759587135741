"""What goes wrong with a record on its way: damage, fields nobody declared, values of the wrong type.

Each damaged piece is exactly one malformed row under the splitting rule of the design, as long as a sound record stands
between it and the next one: it holds no `{` from which an object parses, and it does not end in `:`, `,` or `[`, after
which reading would not go on at the next record. Pieces are made of messages without braces, quotes or backslashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Break = Callable[[bytes, int], bytes]

_JUNK = (
    b'20.168331146240234, "Country": "Albania", "latitude": 41.1533317565918, "channel": "default"}',
    b' "default"}',
    b"<u>oceane.batz</u>",
    b"lbil/ll8115/8",
    b"\x00\x00\x00\x00",
    b"--- 8< ---",
    b"}}",
    b"\xfc\xfd{\x00",
    b'{"}',
    b"ERROR: stream reset by peer }{",
)


def cut_off(record: bytes, pick: int) -> bytes:
    """The record without its end; what is left does not end where a value or a member has to follow."""
    kept = record[: len(record) // 10 + pick % (len(record) * 8 // 10)]
    while kept.rstrip().endswith((b":", b",", b"[")):
        kept = kept.rstrip()[:-1]
    return kept


def _single_quoted(record: bytes, pick: int) -> bytes:
    return record.replace(b'"', b"'") if pick % 2 else record.replace(b'"channel"', b"'channel\"")


def without_brace(record: bytes, _: int) -> bytes:
    return record[1:]


def _garbled_number(record: bytes, _: int) -> bytes:
    before, _key, after = record.partition(b'"timestamp": ')
    return before + b'"timestamp": lbil/ll8115/8' + after[after.index(b', "') :]


def _junk(_: bytes, pick: int) -> bytes:
    return _JUNK[pick % len(_JUNK)]


def damaged(record: bytes, pick: int, newline: bytes, broken: Sequence[Break] | None = None) -> bytes:
    """One damaged piece in place of `record`, chosen by `pick`; `newline` is what ends every record of this layout.

    `broken` are four ways to break a record, those of messages by default.
    """
    kind, pick = pick % 6, pick // 6
    if kind == 4:  # between two records: nothing sets it apart from the one that follows
        return _junk(record, pick)
    if kind == 5:  # a line of its own, even where records follow each other without one
        return (newline or b"\n") + _junk(record, pick) + b"\n"
    return (broken or _BROKEN)[kind](record, pick) + newline


_BROKEN: tuple[Break, ...] = (cut_off, _single_quoted, without_brace, _garbled_number)


def with_unknown(text: str, pick: int) -> str:
    """The record with a field nobody declared, or with a declared one in other letter case.

    In place of a required field such a variant would be a wrong record: `Country` stands beside `country` here.
    """
    kind, pick = pick % 5, pick // 5
    if kind == 0:
        return f'{text[:-1]}, "app_version": "{pick % 9}.{pick % 13}.{pick % 17}"}}'
    if kind == 1:
        return f'{{"device": {{"os": "android", "model": "a}}{{{pick % 99}", "rooted": false}}, {text[1:]}'
    if kind == 2:
        return f'{text[:-1]}, "tags": ["t{pick % 7}", "}}{{", null, {pick % 5}]}}'
    if kind == 3:
        return text.replace('"country": ', '"Country": "Elsewhere", "country": ', 1)
    return text.replace('"channel": ', '"Channel": ')


_WRONG: tuple[tuple[str, str, str], ...] = (  # reason, the field, what stands in its place
    ("wrong_type", "timestamp", '"1511711811679"'),
    ("wrong_type", "timestamp", "1511711811679.0"),
    ("wrong_type", "latitude", '"41.15"'),
    ("wrong_type", "sentiment_value", "{}"),
    ("wrong_type", "country", "355"),
    ("wrong_type", "sentiment", "[1]"),
    ("not_convertible", "timestamp", "9223372036854775807"),
    ("not_convertible", "longitude", "1e400"),
    ("missing_required", "country", "null"),
    ("missing_required", "timestamp", "null"),
    ("missing_required", "sentiment", "null"),
)


def wrong(text: str, pick: int) -> tuple[str, str]:
    """(reason, record) of a record that is sound JSON with one value that cannot be what was promised."""
    pick %= len(_WRONG) + 1
    if pick == len(_WRONG):
        return "missing_required", text.replace('"country": ', '"Country": ', 1)
    reason, field, value = _WRONG[pick]
    before, _, after = text.partition(f'"{field}": ')
    rest = after[after.index(', "') :]
    return reason, f'{before}"{field}": {value}{rest}'
