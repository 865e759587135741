"""Countries by name, with their centroids: the reference data `countries`, which the package carries.

A name is looked up by what is left of it without accents, case, punctuation and blanks around it, `&` being `and` and
`St` being `Saint`; then by the variants in data/variants.csv; then turned around at a comma (`Korea, Republic of`);
then without `Republic of` or `Kingdom of`; and, where it ends in `and`, `of` or `the`, so that it was cut short, as the
beginning of a name, if one country alone begins so (`Saint Kitts and`). What could be two countries (`Congo`, `Korea`)
is none, and neither is a code of two letters: `NA` is more often "not available" than Namibia.

Source: Google, Dataset Publishing Language, canonical concept `country` (BSD-3-Clause, data/LICENSE). Names are those
of 2018; coordinates are WGS 84 degrees.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

# Rises with every change of what a name gives: data, variants, rules. What was filled carries it.
VERSION = "1"
SOURCE = f"countries@{VERSION}"

# What is longer is no country's name, and is not worth a look.
_LONGEST = 100
_NO_WORD = re.compile(r"[^\w]+|_+")
_PUNCTUATED = re.compile(r"['’`´‘]")
_KIND_OF_STATE = re.compile(r"^(?:republic|kingdom) of (?:the )?")
_CUT_SHORT = re.compile(r" (?:and|of|the)(?: the)?$")


@dataclass(frozen=True)
class Country:
    """`code` is ISO 3166-1 alpha-2 (or XK, GZ, AN); degrees are None where a country of scattered islands has none."""

    code: str
    name: str
    latitude: float | None
    longitude: float | None


@lru_cache(maxsize=4096)
def match(name: str) -> Country | None:
    """The country that `name` means, None where that is not certain."""
    if len(name) > _LONGEST:
        return None
    known, beginnings = _names()
    for form in _forms(name):
        if form in known:
            return known[form]
    form = folded(name)
    return beginnings.get(form) if _CUT_SHORT.search(form) else None


def folded(name: str) -> str:
    """What two ways to write a name have in common: `Côte d'Ivoire` -> `cote divoire`.

    Letters that are of their own in Unicode (`ø`, `ı`) stay what they are.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    plain = _NO_WORD.sub(" ", _PUNCTUATED.sub("", plain).replace("&", " and ")).strip()
    words = ["saint" if word in ("st", "ste") else word for word in plain.split()]
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)


def _forms(name: str) -> list[str]:
    """Ways to look a name up, the surest first."""
    form = folded(name)
    before, comma, behind = name.partition(",")
    turned = [folded(f"{behind} {before}")] if comma else []
    return [form, *turned, *(_KIND_OF_STATE.sub("", one) for one in (form, *turned))]


@cache
def all_countries() -> tuple[Country, ...]:
    """Every country there is, by code."""
    return tuple(
        Country(row["country"], row["name"], _degrees(row["latitude"]), _degrees(row["longitude"]))
        for row in _rows("countries.csv")
    )


@cache
def _names() -> tuple[dict[str, Country], dict[str, Country | None]]:
    """Countries by folded name; and by beginnings that end between two words, None where two countries begin so."""
    by_code = {country.code: country for country in all_countries()}
    known = {folded(country.name): country for country in by_code.values()}
    beginnings: dict[str, Country | None] = {}
    for form, country in known.items():
        words = form.split()
        for length in range(1, len(words)):
            beginning = " ".join(words[:length])
            beginnings[beginning] = None if beginning in beginnings else country
    for row in _rows("variants.csv"):
        known.setdefault(folded(row["name"]), by_code[row["code"]])
    return known, beginnings


def _rows(file: str) -> list[dict[str, str]]:
    text = files("sluice.enrich").joinpath("data").joinpath(file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _degrees(text: str) -> float | None:
    return float(text) if text else None
