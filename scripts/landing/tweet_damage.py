"""What goes wrong with a tweet on its way: damage as of messages, fields nobody declared, values of the wrong type.

A damaged tweet is one malformed row although there are whole objects within it: none of them stands where a record can
begin, since all follow `:`, `,` or `[`. It is made of a tweet without braces or quotes in its texts.
"""

from __future__ import annotations

from landing.damage import cut_off, damaged, without_brace

_WRONG: tuple[
    tuple[str, str, str, bool], ...
] = (  # reason, the field, what stands in its place, whether it is the last
    ("not_convertible", "created_at", '"yesterday"', False),
    ("not_convertible", "created_at", '"Sun, 31 Aug 2014 00:29:15 +0000"', False),
    ("not_convertible", "created_at", '"Thu Feb 30 00:29:15 +0000 2014"', False),
    ("not_convertible", "retweet_count", '"many"', True),
    ("missing_required", "created_at", "null", False),
    ("missing_required", "user", "null", False),
    ("wrong_type", "created_at", "1409444955", False),
    ("wrong_type", "in_reply_to_screen_name", "7", False),
    ("wrong_type", "source", "{}", False),
    ("wrong_type", "lang", '["en"]', True),
)


def damaged_tweet(record: bytes, pick: int, newline: bytes) -> bytes:
    """One damaged piece in place of `record`."""
    return damaged(record, pick, newline, (cut_off, _single_quoted, without_brace, _garbled_id))


def _single_quoted(record: bytes, _: int) -> bytes:
    return record.replace(b'"', b"'")


def _garbled_id(record: bytes, _: int) -> bytes:
    return record.replace(b'"id":', b'"id":lbil/ll8115/8', 1)


def with_unknown(text: str, pick: int) -> str:
    """The tweet with a field nobody declared, or with a declared one in other letter case beside it."""
    kind, pick = pick % 4, pick // 4
    if kind == 0:
        return f'{text[:-1]},"edit_history":{{"initial_tweet_id":"{pick}","edits_remaining":5}}}}'
    if kind == 1:
        return f'{{"_crawler":"c-{pick % 9}",{text[1:]}'
    if kind == 2:
        return f'{text[:-1]},"Text":"a }}{{ {pick % 99}"}}'
    return f'{text[:-1]},"scores":[{pick % 7},null,{{"b":"]}}"}}]}}'


def wrong(text: str, pick: int) -> tuple[str, str]:
    """(reason, record) of a tweet that is sound JSON with one value that cannot be what was promised."""
    reason, field, value, last = _WRONG[pick % len(_WRONG)]
    if field == "user":
        return reason, without_member(text, '"user":{', value)
    before, name, after = (text.rpartition if last else text.partition)(f'"{field}":')
    end = min(at for at in (after.find(',"'), after.find("}")) if at >= 0)
    return reason, f"{before}{name}{value}{after[end:]}"


def without_member(text: str, opening: str, value: str) -> str:
    """`text` with `value` in place of its first object that begins with `opening`; strings in it hold no brace."""
    before, _, after = text.partition(opening)
    depth = 1
    for at, letter in enumerate(after):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return f"{before}{opening[:-1]}{value}{after[at + 1 :]}"
    return text
