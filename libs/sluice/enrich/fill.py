"""What a contract's `enrich` adds to records: the one rule, for the delivery stream's function and for Spark's workers.

A record is filled where all fields of a rule's `fill` are absent or null, `by` holds a text and there is an answer to
it; then all of them are, and `source` names what filled them. Else nothing of the rule is touched. Neither Spark nor
Arrow is needed here; `batches` does the same for Arrow's columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sluice.contract.model import Enrich

Answer = tuple[str | float, ...]


def answers(rule: Enrich, keys: Sequence[str]) -> list[Answer | None]:
    """For each value of `by` the values of `fill`, in its order; None where there is none. Give each key once."""
    wanted = [what for _, what in rule.fill]
    return _ASKED[rule.reference](wanted, keys)


def source_of(rule: Enrich) -> str:
    """What `source` says of a value that the rule filled: `countries@1`."""
    from sluice.enrich import countries, sentiment

    return {"countries": countries.SOURCE, "vader": sentiment.SOURCE}[rule.reference]


def additions(rules: Sequence[Enrich], records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each record, given as decoded values by raw field, what is to be added to it: nothing, or a rule's fields.

    A text that many records share is looked up once. A record of which the reader refused one of a rule's fields is not
    to be given with that rule.
    """
    added: list[dict[str, Any]] = [{} for _ in records]
    for rule in rules:
        asked = {at: record[rule.by] for at, record in enumerate(records) if _is_open(rule, record)}
        keys = list(dict.fromkeys(asked.values()))
        found = dict(zip(keys, answers(rule, keys), strict=True))
        for at, key in asked.items():
            answer = found[key]
            if answer is not None:
                filled = dict(zip((field for field, _ in rule.fill), answer, strict=True))
                added[at] |= {**filled, rule.source: source_of(rule)}
    return added


def _is_open(rule: Enrich, record: Mapping[str, Any]) -> bool:
    return isinstance(record.get(rule.by), str) and all(record.get(field) is None for field, _ in rule.fill)


def _of_countries(wanted: Sequence[str], keys: Sequence[str]) -> list[Answer | None]:
    from sluice.enrich.countries import match

    return [_told(wanted, {} if (country := match(key)) is None else vars(country)) for key in keys]


def _of_vader(wanted: Sequence[str], keys: Sequence[str]) -> list[Answer | None]:
    """Of a text that is blank there is nothing to say."""
    texts = [key for key in keys if key.strip()]
    if not texts:
        return [None] * len(keys)
    from sluice.enrich.sentiment import score, word

    scores = dict(zip(texts, score(texts), strict=True))
    known = ({"compound": scores[key], "word": word(scores[key])} if key in scores else {} for key in keys)
    return [_told(wanted, one) for one in known]


def _told(wanted: Sequence[str], known: Mapping[str, Any]) -> Answer | None:
    """All that is wanted, or nothing: half a place is no place."""
    values = tuple(known[what] for what in wanted if known.get(what) is not None)
    return values if len(values) == len(wanted) else None


_ASKED: dict[str, Callable[[Sequence[str], Sequence[str]], list[Answer | None]]] = {
    "countries": _of_countries,
    "vader": _of_vader,
}
