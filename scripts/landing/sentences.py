"""What made tweets say, in which language, with which links, tags, mentions and pictures; who says it, and where."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from landing import words

_COUNTRIES = Path(__file__).with_name("data") / "countries.csv"
# (share in 100, words, what stands between words) by language.
_LANGUAGES: dict[str, tuple[int, str, str]] = {
    "en": (38, "today the train was late again but we found a small bakery near the harbour and coffee is fine", " "),
    "ja": (
        18,
        "今日 は とても いい 天気 です ね 駅 の 前 で 友達 と 会い ました 美味しい ラーメン を 食べたい 眠い",
        "",
    ),
    "es": (11, "hoy el tren llegó tarde pero encontramos una panadería pequeña cerca del puerto mañana más café", " "),
    "pt": (8, "hoje o comboio chegou tarde mas achamos uma padaria pequena perto do porto amanhã há mais café", " "),
    "ar": (6, "اليوم كان القطار متأخرا لكن وجدنا مخبزا صغيرا قرب الميناء والقهوة طيبة", " "),
    "fr": (5, "aujourd'hui le train était en retard mais nous avons trouvé une petite boulangerie près du port", " "),
    "ko": (4, "오늘 기차가 늦었지만 항구 근처에서 작은 빵집을 찾았어요 커피가 좋아요 내일 또 가요", " "),
    "tr": (3, "bugün tren yine geç kaldı ama limanın yanında küçük bir fırın bulduk kahve güzel", " "),
    "de": (3, "heute kam der Zug spät doch wir fanden eine kleine Bäckerei am Hafen schöne Grüße", " "),
    "ru": (2, "сегодня поезд опоздал но мы нашли маленькую булочную у порта кофе хороший", " "),
    "hi": (1, "आज ट्रेन देर से आई पर हमें बंदरगाह के पास छोटी बेकरी मिली", " "),
    "und": (1, "aaaaa hahaha :) zzz", " "),
}
_SPOKEN = [lang for lang, (share, _, _) in _LANGUAGES.items() for _ in range(share)]
_WORDS = {lang: text.split() for lang, (_, text, _) in _LANGUAGES.items()}
_MORE = ("😀", "😂😂", "❤️", "👍🏽", "&amp;", "&lt;3", "\n", "\n\n", "100%", '"so"', "it's", "…")
_AWKWARD = ("}{", "{1}{2}", "\\o/", '{"a": 1}', "\u2028", "]}", "C:\\new")
_TAGS = ("nowplaying", "Café", "天気", "ff", "photo2017", "TBT", "ニュース", "harbour", "gameinsight", "mañana")
SOURCES = (
    *['<a href="http://twitter.com/download/iphone" rel="nofollow">Twitter for iPhone</a>'] * 5,
    *['<a href="http://twitter.com/download/android" rel="nofollow">Twitter for Android</a>'] * 5,
    *['<a href="http://twitter.com" rel="nofollow">Twitter Web Client</a>'] * 3,
    '<a href="https://about.twitter.com/products/tweetdeck" rel="nofollow">TweetDeck</a>',
    '<a href="http://example.com/bot" rel="nofollow">Bells &amp; Whistles</a>',
    "web",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Said:
    """A tweet's text and what is in it; `begin` is where it begins behind the names it answers to."""

    text: str
    lang: str
    begin: int
    entities: dict[str, Any]
    media: list[dict[str, Any]]
    links: bool
    reply_to: dict[str, Any] | None
    short: str


def said(rnd: Random, lang: str = "", *, long: bool = False, awkward: bool = True) -> Said:
    """Something to say, up to 280 characters where `long`, else up to 140; plain and short unless `awkward`."""
    lang = lang or rnd.choice(_SPOKEN)
    words_of, between = _WORDS[lang], _LANGUAGES[lang][2]
    parts = [rnd.choice(words_of) for _ in range(rnd.randrange(4, 11 if between else 30))]
    if long:
        parts += [rnd.choice(words_of) for _ in range(rnd.randrange(14, 22) if between else 130)]
    to = _person(rnd, rnd.randrange(1 << 12)) if awkward and rnd.random() < 0.2 else None
    if awkward and rnd.random() < 0.4:
        parts.insert(rnd.randrange(len(parts)), rnd.choice(_MORE if rnd.random() < 0.9 else _AWKWARD))
    text = between.join(parts)[: 200 if long else 90]
    begin = 0
    entities: dict[str, Any] = {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}
    if to:
        begin = len(to["screen_name"]) + 2
        text = f"@{to['screen_name']} {text}"
        kept = {key: to[key] for key in ("screen_name", "name", "id", "id_str")}
        entities["user_mentions"].append({**kept, "indices": [0, begin - 1]})
    media: list[dict[str, Any]] = []
    if awkward:
        for _ in range(rnd.choice((0, 0, 0, 1, 1, 2))):
            tag = rnd.choice(_TAGS)
            entities["hashtags"].append({"text": tag, "indices": [len(text) + 1, len(text) + 2 + len(tag)]})
            text += f" #{tag}"
        if rnd.random() < 0.3:
            link = _link(rnd, text)
            entities["urls"].append(link)
            text += " " + link["url"]
        if rnd.random() < 0.2:
            media = [_picture(rnd, text) for _ in range(rnd.choice((1, 1, 1, 2)))]
            media = [{**one, "url": media[0]["url"], "indices": media[0]["indices"]} for one in media]
            entities["media"] = media[:1]
            text += " " + media[0]["url"]
    return Said(text, lang, begin, entities, media, bool(entities["urls"] or media), to, _short(rnd))


def _short(rnd: Random) -> str:
    return "".join(rnd.choices(_LETTERS, k=10))


def _link(rnd: Random, text: str) -> dict[str, Any]:
    path = f"example.{rnd.choice(('com', 'org', 'net'))}/{_short(rnd)}?a=1&b=2"
    began = len(text) + 1
    url = f"https://t.co/{_short(rnd)}"
    return {
        "url": url, "expanded_url": f"http://{path}", "display_url": path[:24] + "…",
        "indices": [began, began + len(url)],
    }  # fmt: skip


def _picture(rnd: Random, text: str) -> dict[str, Any]:
    number, began, url = 10**17 + rnd.randrange(10**17), len(text) + 1, f"https://t.co/{_short(rnd)}"
    stored = f"pbs.twimg.com/media/{_short(rnd)}.jpg"
    sizes = {name: {"w": w, "h": w * 3 // 4, "resize": how} for name, w, how in _SIZES}
    return {
        "id": number, "id_str": str(number), "indices": [began, began + len(url)], "media_url": f"http://{stored}",
        "media_url_https": f"https://{stored}", "url": url, "display_url": "pic.twitter.com/" + url[13:],
        "expanded_url": f"https://twitter.com/i/status/{number}/photo/1", "type": "photo", "sizes": sizes,
    }  # fmt: skip


_SIZES = (("thumb", 150, "crop"), ("small", 680, "fit"), ("medium", 1200, "fit"), ("large", 2048, "fit"))


def people(rnd: Random, count: int) -> list[dict[str, Any]]:
    """`count` users with their whole profiles."""
    return [_profile(rnd, _person(rnd, number)) for number in range(count)]


def _person(rnd: Random, number: int) -> dict[str, Any]:
    first = words.FIRST_NAMES[number % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[number * 7 % len(words.LAST_NAMES)]
    person_id = 1_000_003 * (number + 1) if number % 8 else 900_000_000_000_000_000 + number * 4099
    name = f"{first.title()} {last.title()}" + ("", "", " 🌊", "さん")[number % 4]
    return {"id": person_id, "id_str": str(person_id), "name": name, "screen_name": f"{first[:7]}_{number}"}


def _profile(rnd: Random, person: dict[str, Any]) -> dict[str, Any]:
    lang = rnd.choice(_SPOKEN)
    image = f"//pbs.twimg.com/profile_images/{person['id']}/{_short(rnd)}_normal.jpg"
    link = f"https://t.co/{_short(rnd)}" if rnd.random() < 0.3 else None
    found = {"url": link, "expanded_url": f"http://example.com/{person['screen_name']}", "indices": [0, 23]}
    banner = f"https://pbs.twimg.com/profile_banners/{person['id']}/1507000000"
    return {
        **person, "location": rnd.choice(("", "Zürich", "東京", "Lagos, Nigeria", None)),
        "description": _LANGUAGES[lang][2].join(rnd.choices(_WORDS[lang], k=rnd.randrange(3, 16))), "url": link,
        "entities": {**({"url": {"urls": [found]}} if link else {}), "description": {"urls": []}}, "protected": False,
        "followers_count": int(10 ** (rnd.random() * 6)), "friends_count": rnd.randrange(3000),
        "listed_count": rnd.randrange(100), "created_at": "Sat Feb 16 13:40:25 +0000 2013",
        "favourites_count": rnd.randrange(10_000), "utc_offset": rnd.choice((None, -18000, 32400)), "time_zone": None,
        "geo_enabled": rnd.random() < 0.3, "verified": rnd.random() < 0.01, "statuses_count": rnd.randrange(100_000),
        "lang": lang, "contributors_enabled": False, "is_translator": False, "is_translation_enabled": False,
        "profile_background_color": "C0DEED", "profile_background_image_url": "http://abs.twimg.com/images/bg.png",
        "profile_background_image_url_https": "https://abs.twimg.com/images/bg.png", "profile_background_tile": False,
        "profile_image_url": f"http:{image}", "profile_image_url_https": f"https:{image}", "profile_banner_url": banner,
        "profile_link_color": "1DA1F2", "profile_sidebar_border_color": "C0DEED",
        "profile_sidebar_fill_color": "DDEEF6", "profile_text_color": "333333", "profile_use_background_image": True,
        "has_extended_profile": False, "default_profile": True, "default_profile_image": False, "following": False,
        "follow_request_sent": False, "notifications": False, "translator_type": "none",
    }  # fmt: skip


def places(rnd: Random) -> list[dict[str, Any]]:
    """A place in every country."""
    with _COUNTRIES.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["latitude"]]
    return [_place(rnd, row) for row in rows]


def _place(rnd: Random, row: dict[str, str]) -> dict[str, Any]:
    west, south = float(row["longitude"]), float(row["latitude"])
    box = [[west, south], [west, south + 0.05], [west + 0.05, south + 0.05], [west + 0.05, south]]
    place_id, name = f"{rnd.getrandbits(64):016x}", row["name"]
    return {
        "id": place_id, "url": f"https://api.twitter.com/1.1/geo/id/{place_id}.json", "place_type": "city",
        "name": f"Port of {name}", "full_name": f"Port of {name}, {name}", "country_code": row["country"],
        "country": name, "contained_within": [], "bounding_box": {"type": "Polygon", "coordinates": [box]},
        "attributes": {},
    }  # fmt: skip
