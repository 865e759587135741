"""The tables that a message is looked up from, made once per process from the seed.

A message is a concatenation of ready pieces of JSON text, so that ten million of them take minutes.
"""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from landing import words

NAMES = 1 << 14
SENTENCES = 1 << 14
PLACES = 1 << 12
ENDINGS = 1 << 12
# Name and sentence follow from a message's number, and no pair of them comes twice below this many messages.
MOST_MESSAGES = NAMES * SENTENCES

_COUNTRIES = Path(__file__).with_name("data") / "countries.csv"
_BUSIEST = ("US", "IN", "BR", "GB", "DE", "JP", "FR", "MX", "ID", "CA", "AL", "ES", "NG", "IT", "AU", "CI")


@dataclass(frozen=True)
class Tables:
    """Pieces of a message: heads[a] names[n] middles[a] <timestamp> places[c] sentences[a] endings[e].

    `rows` scatters the sentences over the names; sentences[plain_row] has no brace, quote or backslash in it.
    """

    names: list[str]
    rows: list[int]
    heads: list[str]
    middles: list[str]
    sentences: list[str]
    places: list[str]
    endings: list[str]
    plain_row: int


def build_tables(seed: int) -> Tables:
    """All tables of a seed: the same on every machine and in every process."""
    rnd = Random(f"tables:{seed}")
    said = _sentences(rnd)
    names = [f"{first}.{last}" for first in words.FIRST_NAMES for last in words.LAST_NAMES]
    rnd.shuffle(names)
    order = list(range(SENTENCES))
    rnd.shuffle(order)
    shuffled = [said[k] for k in order]
    return Tables(
        names=names[:NAMES],
        rows=[rnd.randrange(SENTENCES) for _ in range(NAMES)],
        heads=[f'{{"sentiment_value": {score}, "name": "' for score, _ in shuffled],
        middles=[f'", "sentiment": "{_sentiment(score)}", "timestamp": ' for score, _ in shuffled],
        sentences=[text for _, text in shuffled],
        places=_places(),
        endings=_endings(rnd),
        plain_row=order.index(SENTENCES - 1),
    )


def _sentiment(score: float) -> str:
    return "neutral" if score == 0 else "positive" if score > 0 else "negative"


def _sentences(rnd: Random) -> list[tuple[float, str]]:
    """(score, JSON text) of each sentence: about half neutral, 1 in 128 awkward; none is the beginning of another,
    so that a sentence and an ending never read like another pair."""
    awkward = [pattern.replace("<n>", str(n)) for n in range(1, 100) for pattern in words.AWKWARD][: SENTENCES // 128]
    found: dict[str, float] = dict.fromkeys(awkward, 0.0)
    kinds: list[tuple[list[str], tuple[float, ...]]] = [(words.NEUTRAL_VERBS, (0.0,))] * 5
    kinds += [(words.POSITIVE_VERBS, words.POSITIVE_SCORES)] * 3 + [(words.NEGATIVE_VERBS, words.NEGATIVE_SCORES)] * 2
    while True:
        while len(found) < SENTENCES:
            verbs, scores = rnd.choice(kinds)
            article = rnd.choice(("a", "the", "the nearest", "some"))
            adjective, noun = rnd.choice(words.ADJECTIVES), rnd.choice(words.NOUNS)
            found[f"{rnd.choice(words.SUBJECTS)} {rnd.choice(verbs)} {article} {adjective} {noun}"] = rnd.choice(scores)
        ordered = sorted(found)
        beginnings = {a for a, b in pairwise(ordered) if b.startswith(a)}
        if not beginnings:
            return [(score, text) for text, score in found.items()]
        for text in beginnings:
            del found[text]


def _endings(rnd: Random) -> list[str]:
    """What closes a record: three in four say one thing more, so that messages rarely repeat."""
    closing = '", "channel": "default"}'
    more = [
        f", {verb} a {adjective} {noun}"
        for verb in ("reported", "said", "according to", "next to", "just like", "with")
        for adjective in words.ADJECTIVES
        for noun in words.NOUNS
    ]
    rnd.shuffle(more)
    return [(text if k % 4 else "") + closing for k, text in enumerate(more[:ENDINGS])]


def _places() -> list[str]:
    """Country and centroid as JSON text, many times over for busy countries, at least once for each."""
    with _COUNTRIES.open(encoding="utf-8", newline="") as stream:
        rows = {row["country"]: row for row in csv.DictReader(stream) if row["latitude"]}
    busiest_first = [*_BUSIEST, *(code for code in rows if code not in _BUSIEST)]
    weights = [1 / (rank + 2) for rank in range(len(busiest_first))]
    free = PLACES - len(busiest_first)
    places: list[str] = []
    for code, weight in zip(busiest_first, weights, strict=True):
        places += [_place(rows[code])] * (1 + int(free * weight / sum(weights)))
    return places + [places[0]] * (PLACES - len(places))


def _place(row: dict[str, str]) -> str:
    # The first messages carry coordinates that went through 32 bits: 41.153332 is written 41.1533317565918.
    latitude, longitude = (
        struct.unpack("f", struct.pack("f", float(row[key])))[0] for key in ("latitude", "longitude")
    )
    return f', "longitude": {longitude}, "country": "{row["name"]}", "latitude": {latitude}, "message": "'
