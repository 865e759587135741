"""What a crawl found -> a contract and a starter suite that the next run of curate takes as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.catalog.draft_columns import sketch
from sluice.catalog.draft_suite import suite_document, suite_text
from sluice.catalog.draft_text import contract_text
from sluice.catalog.draft_text import is_unedited as contract_is_unedited
from sluice.catalog.findings import Found
from sluice.contract.load import parse_contract

# What curate reads.
FORMATS = ("json", "csv", "parquet")
_SEAL = "draft_sha256"


@dataclass(frozen=True)
class Options:
    """`flatten` are paths of structs (`user`, `user.place`) whose fields become columns of their own."""

    flatten: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A dataset's files as text; `notes` say what is not in the contract and why, `flattened` which structs were."""

    dataset: str
    contract_text: str
    suite_text: str
    notes: tuple[str, ...]
    flattened: frozenset[str]


def draft(found: Found, options: Options | None = None) -> Draft:
    """The contract takes every sound record that was looked at; the suite holds for them.

    The same findings give the same text. Raises ContractError where our own rules refuse what we wrote, which they
    should not.
    """
    options = options or Options()
    made = sketch(found, options.flatten)
    text = contract_text(found, made)
    parse_contract(text, f"draft of {found.name}")
    document = suite_document(found, made)
    document["meta"][_SEAL] = _sum(document)
    return Draft(found.name, text, suite_text(document), tuple(made.notes), frozenset(made.flattened))


def is_unedited(text: str, kind: str) -> bool:
    """Whether the text of a `contract` or `suite` is a draft as it was written."""
    if kind == "contract":
        return contract_is_unedited(text)
    try:
        document = json.loads(text)
        seal = document["meta"].pop(_SEAL)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return seal == _sum(document) and isinstance(seal, str)


def _sum(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def unknown_flatten(drafts: Sequence[Draft], options: Options) -> list[str]:
    """Paths to flatten at which no dataset has a struct."""
    known = {path for one in drafts for path in one.flattened}
    return [path for path in options.flatten if path not in known]
