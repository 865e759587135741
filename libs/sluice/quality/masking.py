"""Keep people's data out of what people read: results of checks, and examples of refused records.

Whatever is not known to be harmless is masked: a value is shown only of a declared field that a column of the same name
publishes without a classification.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from sluice.contract.model import Column, Contract
from sluice.quality.model import Result

MASK = "•••"
RESCUED = "_rescued"  # what senders added of their own accord: nobody has classified it

_LONGEST_TEXT = 400
_LONGEST_VALUE = 60
# A longer record is not parsed for the sake of 400 characters: its objects could take a gigabyte.
_LONGEST_PARSED = 1 << 16
_WORD = re.compile(r"\w+")

# What these observe is a count, a share or the name of a column, never a value.
_COUNTS = (
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_to_exist",
    "expect_column_type_to_be",
)
_COUNTS_WHERE = (
    "expect_column_values_",
    "expect_column_value_",
    "expect_column_pair_values_",
    "expect_compound_columns_",
    "expect_multicolumn_",
    "expect_select_column_values_",
    "expect_table_",
)


def classified(contract: Contract) -> frozenset[str]:
    """Names whose values are personal: what has a classification, what that is made of, and what is made of that."""
    personal = [_parts(field.name) for field in contract.raw if field.classification]
    columns = [c for c in contract.columns if c.classification or any(raw <= _words(c) for raw in personal)]
    names = {column.name for column in columns} | {field.name for field in contract.raw if field.classification}
    used = [_words(column) for column in columns]
    names |= {field.name for field in contract.raw if any(_parts(field.name) <= words for words in used)}
    return frozenset(names)


def _words(column: Column) -> frozenset[str]:
    """Every word that a column's value is made from, in lower case: Spark does not tell case apart."""
    return _parts(" ".join([column.expression or column.name, *column.sources]))


def _parts(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) or frozenset([text])


def masked_results(results: Iterable[Result], contract: Contract) -> list[Result]:
    """The results, without the values that a check on a classified column has seen; counts and shares stay."""
    hidden = {name.lower() for name in classified(contract)} | {RESCUED}
    return [replace(one, observed=MASK, observed_value=None) if _shows_values(one, hidden) else one for one in results]


def _shows_values(result: Result, hidden: set[str]) -> bool:
    """Whether what was observed may be a value, and one of a classified column (or of who knows which)."""
    check = result.check
    if check.kind != "gate" or check.rule in _COUNTS or check.rule.startswith(_COUNTS_WHERE):
        return False
    columns = {name.strip().strip("`").lower() for name in check.column.split(",")}
    # `address.street` is part of the classified `address`; no column at all is a query over all of them.
    return columns == {""} or any(name in hidden or name.split(".")[0] in hidden for name in columns)


def masked_record(record: bytes, contract: Contract) -> str:
    """A record as an example to show: what was where, and no personal data; 400 characters and an ellipsis at most.

    Of sound JSON the values of harmless fields stay, and names that the contract declares. Of anything else no more
    than the kind of each character: letters are x, digits 0, punctuation is itself.
    """
    try:
        found = _parsed(record)
    except (ValueError, RecursionError):
        return _cut(_kinds(record[: 4 * _LONGEST_TEXT + 4].decode("utf-8", errors="replace")), _LONGEST_TEXT)
    return _cut(_shown(found, contract), _LONGEST_TEXT)


class _Number(str):
    """A number as it was written."""


class _Object(list[tuple[str, Any]]):
    """An object's members as they were written: a name may be there twice."""


def _parsed(record: bytes) -> Any:
    """Strict JSON -> values. Raises ValueError where it is not, or too long to try."""
    if len(record) > _LONGEST_PARSED:
        raise ValueError
    return json.loads(
        record.decode("utf-8"),
        object_pairs_hook=_Object,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_no_json,
    )


def _no_json(_: str) -> NoReturn:
    raise ValueError


def _shown(found: Any, contract: Contract) -> str:
    if isinstance(found, _Object):
        return "{" + ", ".join(_member(name, value, contract) for name, value in found) + "}"
    if isinstance(found, list):
        return "[" + ", ".join(f'"{MASK}"' for _ in found[:_LONGEST_TEXT]) + "]"
    return f'"{MASK}"'


def _member(name: str, value: Any, contract: Contract) -> str:
    """An undeclared name is masked as well: it may be somebody's."""
    known = name if any(field.name == name for field in contract.raw) else MASK
    text = _value(value) if name in harmless(contract) else f'"{MASK}"'
    return f"{_quoted(known)}: {text}"


def harmless(contract: Contract) -> frozenset[str]:
    """Raw fields whose values may be shown: a column of that name publishes them, and nothing classified has them."""
    public = {column.name for column in contract.columns}
    return frozenset({field.name for field in contract.raw} & public - classified(contract))


def _value(value: Any) -> str:
    if isinstance(value, _Number):
        return _cut(value, _LONGEST_VALUE)
    if isinstance(value, str):
        return _quoted(_cut(value, _LONGEST_VALUE))
    return f'"{MASK}"' if isinstance(value, list) else json.dumps(value)


def _quoted(text: str) -> str:
    """As JSON; characters that show nothing, or turn the text around them, are escaped."""
    return "".join(one if one.isprintable() and one not in '"\\' else json.dumps(one)[1:-1] for one in f"{text}").join(
        '""'
    )


def masked_text(text: str) -> str:
    """Any text as an example to show, by the kind of each character alone: `Ann-7@b.org` -> `xxx-0@x.xxx`."""
    return _cut(_kinds(text[: _LONGEST_VALUE + 1]), _LONGEST_VALUE)


def _kinds(text: str) -> str:
    return "".join(map(_kind, text))


def _kind(one: str) -> str:
    group = unicodedata.category(one)[0]
    if group in "LM":
        return "x"
    if group == "N":
        return "0"
    if one.isascii() and group in "PS":
        return one
    return " " if one.isspace() else "?"


def _cut(text: Sequence[str] | str, most: int) -> str:
    return f"{text}" if len(text) <= most else f"{text[:most]}…"
