"""The tables that a tweet is looked up from: whole tweets of Twitter's API v1.1 in all its shapes, with holes in them.

REST (`text`, or `full_text` with `display_text_range`) and stream (`extended_tweet`, counts of replies and quotes,
`timestamp_ms`, all beyond ASCII escaped); retweets and quotes carry the other tweet whole. Text and people are made up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from landing.sentences import SOURCES, Said, people, places, said
from landing.snowflake import snowflake, twitter_time

TEMPLATES = 1 << 12
USERS = 1 << 12
_POPULAR = 1 << 9
# What is filled in for each tweet: its instant, ids, counts, instant in milliseconds, and its author.
_HOLES = {"@C@": '"%(c)s"', "@I@": "%(i)s", "@S@": '"%(s)s"', "@R@": "%(r)s", "@F@": "%(f)s", "@T@": '"%(t)s"'}


@dataclass(frozen=True)
class TweetTables:
    """`templates` are `%`-formats over c (created_at), i (id), s (id_str), r and f (counts), t (timestamp_ms), and a or
    b, an author of `users` (as UTF-8) or of `escaped_users`. `plain` has no brace or quote within its texts."""

    templates: list[str]
    users: list[str]
    escaped_users: list[str]
    plain: str


def build_tweets(seed: int, start_ms: int) -> TweetTables:
    """All tables of a seed; tweets that are retweeted or quoted were written in the three days before `start_ms`."""
    rnd = Random(f"tweets:{seed}")
    authors = people(rnd, USERS)
    where = places(rnd)
    popular = [_popular(rnd, k, rnd.choice(authors), start_ms) for k in range(_POPULAR)]
    templates = [_template(rnd, popular, where) for _ in range(TEMPLATES)]
    calm = said(rnd, "en", awkward=False)
    return TweetTables(
        templates=templates,
        users=[_json(author, False) for author in authors],
        escaped_users=[_json(author, True) for author in authors],
        plain=_holed(_rest(rnd, calm, None, extended=False), False),
    )


def _template(rnd: Random, popular: list[dict[str, Any]], where: list[dict[str, Any]]) -> str:
    stream = rnd.random() < 0.4
    extended = not stream and rnd.random() < 0.4
    text = said(rnd, long=rnd.random() < 0.2)
    place = rnd.choice(where) if rnd.random() < 0.05 else None
    tweet = _stream(rnd, text, place) if stream else _rest(rnd, text, place, extended)
    kind = rnd.random()
    if kind < 0.18:
        _make_retweet(tweet, rnd.choice(popular), "full_text" if extended else "text")
    elif kind < 0.24:
        quoted = rnd.choice(popular)
        tweet |= {"is_quote_status": True, "quoted_status_id": quoted["id"], "quoted_status_id_str": quoted["id_str"]}
        if rnd.random() < 0.8:  # the quoted one is gone, now and then
            tweet["quoted_status"] = quoted
    return _holed(_in_order(tweet), escaped=stream)


def _make_retweet(tweet: dict[str, Any], of: dict[str, Any], name: str) -> None:
    """A retweet has its own id and author, and of the text what 140 characters hold."""
    extended = of.get("extended_tweet")
    begun = f"RT @{of['user']['screen_name']}: "
    text = begun + (extended["full_text"] if extended else of.get("full_text") or of["text"])
    author = {key: of["user"][key] for key in ("screen_name", "name", "id", "id_str")}
    mention = {**author, "indices": [3, len(begun) - 2]}
    tweet |= {
        name: text if len(text) <= 140 else text[:139] + "…", "truncated": False, "lang": of["lang"],
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [mention], "urls": []}, "retweeted_status": of,
        "in_reply_to_status_id": None, "in_reply_to_status_id_str": None, "in_reply_to_user_id": None,
        "in_reply_to_user_id_str": None, "in_reply_to_screen_name": None,
    }  # fmt: skip
    for gone in ("extended_tweet", "extended_entities", "possibly_sensitive"):
        tweet.pop(gone, None)


def _popular(rnd: Random, number: int, author: dict[str, Any], start_ms: int) -> dict[str, Any]:
    stream = rnd.random() < 0.5
    text = said(rnd, long=rnd.random() < 0.4)
    tweet = _stream(rnd, text, None) if stream else _rest(rnd, text, None, rnd.random() < 0.5)
    at = start_ms - 3_600_000 - rnd.randrange(3 * 86_400_000)
    tweet_id = snowflake(at, number)
    tweet |= {"created_at": twitter_time(at // 1000), "id": tweet_id, "id_str": str(tweet_id), "user": author}
    tweet |= {"retweet_count": rnd.randrange(20_000), "favorite_count": rnd.randrange(50_000)}
    tweet.pop("timestamp_ms", None)
    return _in_order(tweet)


def _rest(rnd: Random, text: Said, place: dict[str, Any] | None, extended: bool) -> dict[str, Any]:
    tweet = _head()
    if extended:
        tweet |= {"full_text": text.text, "truncated": False, "display_text_range": [text.begin, len(text.text)]}
    elif len(text.text) > 140:
        tweet |= {"text": text.text[:116] + "… https://t.co/" + text.short, "truncated": True}
    else:
        tweet |= {"text": text.text, "truncated": False}
    tweet["entities"] = text.entities
    if text.media and (extended or not tweet["truncated"]):
        tweet["extended_entities"] = {"media": text.media}
    tweet |= {"metadata": {"iso_language_code": text.lang, "result_type": "recent"}, **_middle(rnd, text, place)}
    return tweet


def _stream(rnd: Random, text: Said, place: dict[str, Any] | None) -> dict[str, Any]:
    tweet = _head()
    if len(text.text) > 140:
        whole: dict[str, Any] = {"full_text": text.text, "display_text_range": [text.begin, len(text.text)]}
        whole["entities"] = text.entities
        if text.media:
            whole["extended_entities"] = {"media": text.media}
        cut = {"hashtags": text.entities["hashtags"][:1], "urls": [], "user_mentions": [], "symbols": []}
        tweet |= {"text": text.text[:116] + "… https://t.co/" + text.short, "truncated": True}
        tweet |= {"extended_tweet": whole, "entities": cut}
    else:
        tweet |= {"text": text.text, "truncated": False, "entities": text.entities}
        if text.media:
            tweet["extended_entities"] = {"media": text.media}
    tweet |= {**_middle(rnd, text, place), "quote_count": 0, "reply_count": 0}
    return {**tweet, "filter_level": "low", "timestamp_ms": "@T@"}


def _head() -> dict[str, Any]:
    return {"created_at": "@C@", "id": "@I@", "id_str": "@S@"}


def _middle(rnd: Random, text: Said, place: dict[str, Any] | None) -> dict[str, Any]:
    to = text.reply_to
    answered = snowflake(1_510_000_000_000 + rnd.randrange(10**9), rnd.randrange(1 << 22)) if to else None
    point = None
    if place and rnd.random() < 0.6:
        box = place["bounding_box"]["coordinates"][0]
        point = [round(box[0][0] + rnd.random() / 20, 8), round(box[0][1] + rnd.random() / 20, 8)]
    return {
        "source": rnd.choice(SOURCES),
        "in_reply_to_status_id": answered, "in_reply_to_status_id_str": str(answered) if answered else None,
        "in_reply_to_user_id": to["id"] if to else None, "in_reply_to_user_id_str": to["id_str"] if to else None,
        "in_reply_to_screen_name": to["screen_name"] if to else None,
        "user": "@A@",
        "geo": {"type": "Point", "coordinates": point[::-1]} if point else None,
        "coordinates": {"type": "Point", "coordinates": point} if point else None,
        "place": place, "contributors": None, "is_quote_status": False, "retweet_count": "@R@", "favorite_count": "@F@",
        "favorited": False, "retweeted": False, **({"possibly_sensitive": False} if text.links else {}),
        "lang": text.lang,
    }  # fmt: skip


# As the API has them; what is told last stands last, so that a tweet's own counts follow those of the tweets in it.
_LAST = (
    *("quoted_status_id", "quoted_status_id_str", "quoted_status", "retweeted_status", "is_quote_status"),
    *("extended_tweet", "quote_count", "reply_count", "retweet_count", "favorite_count", "entities"),
    *("extended_entities", "favorited", "retweeted", "possibly_sensitive", "filter_level", "lang", "timestamp_ms"),
)


def _in_order(tweet: dict[str, Any]) -> dict[str, Any]:
    first = {key: value for key, value in tweet.items() if key not in _LAST}
    return first | {key: tweet[key] for key in _LAST if key in tweet}


def _json(value: dict[str, Any], escaped: bool) -> str:
    text = json.dumps(value, ensure_ascii=escaped, separators=(",", ":"))
    return text.replace("/", "\\/") if escaped else text


def _holed(tweet: dict[str, Any], escaped: bool) -> str:
    text = _json(tweet, escaped).replace("%", "%%")
    for hole, filled in _HOLES.items():
        text = text.replace(f'"{hole}"', filled)
    return text.replace('"@A@"', "%(b)s" if escaped else "%(a)s")
