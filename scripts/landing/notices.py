"""The notices that Twitter's streams send among tweets."""

from __future__ import annotations

from landing.snowflake import snowflake, twitter_time

# A deletion is by far the commonest. Holes: n an id, u a user's, m milliseconds, c an instant, k a number.
_KINDS: tuple[tuple[str, str], ...] = (
    *[
        (
            "delete",
            '{"delete":{"status":{"id":%(n)s,"id_str":"%(n)s","user_id":%(u)s,"user_id_str":"%(u)s"},"timestamp_ms":"%(m)s"}}',
        )
    ]
    * 12,
    ("delete", '{"delete":{"direct_message":{"id":%(n)s,"id_str":"%(n)s","user_id":%(u)s}}}'),
    *[("limit", '{"limit":{"track":%(k)s,"timestamp_ms":"%(m)s"}}')] * 4,
    (
        "scrub_geo",
        '{"scrub_geo":{"user_id":%(u)s,"user_id_str":"%(u)s","up_to_status_id":%(n)s,"up_to_status_id_str":"%(n)s"}}',
    ),
    (
        "status_withheld",
        '{"status_withheld":{"id":%(n)s,"user_id":%(u)s,"withheld_in_countries":["DE","AR"],"timestamp_ms":"%(m)s"}}',
    ),
    ("user_withheld", '{"user_withheld":{"id":%(u)s,"withheld_in_countries":["DE"],"timestamp_ms":"%(m)s"}}'),
    ("disconnect", '{"disconnect":{"code":4,"stream_name":"sample","reason":"This is a notice {%(k)s}"}}'),
    ("warning", '{"warning":{"code":"FALLING_BEHIND","message":"Your queue is now 60%% full.","percent_full":60}}'),
    ("friends", '{"friends":[%(u)s,311444249,%(k)s]}'),
    ("friends", '{"friends_str":["%(u)s","311444249"]}'),
    (
        "event",
        '{"event":"favorite","created_at":"%(c)s","source":{"id":%(u)s,"screen_name":"a"},'
        '"target":{"id":%(k)s,"screen_name":"b"},"target_object":{"id":%(n)s,"text":"a }{ b"}}',
    ),
    ("direct_message", '{"direct_message":{"id":%(n)s,"id_str":"%(n)s","text":"hello {bot}","sender_id":%(u)s}}'),
    ("for_user", '{"for_user":%(u)s,"message":{"id":%(n)s,"text":"for one user"}}'),
    ("control", '{"control":{"control_uri":"/1.1/site/c/01_%(k)s"}}'),
)


def notice(at_ms: int, number: int, pick: int) -> tuple[str, str]:
    """(kind, record) of a notice chosen by `pick`."""
    kind, text = _KINDS[pick % len(_KINDS)]
    values = {
        "n": snowflake(at_ms - 60_000, number),
        "u": 1_000_003 * (pick % 4096 + 1),
        "m": at_ms,
        "k": pick % 99_991,
    }
    return kind, text % {**values, "c": twitter_time(at_ms // 1000)}
