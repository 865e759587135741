"""Arguments that every runtime can give: `--key value` only, strangers pass by, no abbreviations.

Glue adds arguments of its own in any order and knows neither bare flags nor repeated keys, so a boolean takes a value,
and a key we do not know is not ours to refuse; one that is nearly ours is, since it would be ignored in silence.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from sluice.errors import UsageError

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_HOUR = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})(?:[T /](\d{2})(?::?00)?(?::?00)?Z?)?")


class Arguments(argparse.ArgumentParser):
    """A parser whose mistakes are UsageErrors; `add` declares one `--key value`."""

    def __init__(self, job: str, description: str) -> None:
        super().__init__(prog=job, description=description, allow_abbrev=False)

    def add(self, key: str, help: str, **how: Any) -> None:
        """Declare `--key value`; `how` is argparse's."""
        self.add_argument(f"--{key}", help=help, **how)

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """The values of our arguments; UsageError for a missing or malformed one, or one that looks misspelt."""
        found, strangers = self.parse_known_args(list(argv))
        ours = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        for word in strangers:
            near = difflib.get_close_matches(word.split("=")[0], ours, 1, 0.85) if word.startswith("--") else []
            if near and not word.startswith(("--JOB_", "--TempDir")):
                raise UsageError(f"{word} is not an argument (did you mean {near[0]}?)")
        for action in self._actions:
            # `--lake "$LAKE"` without such a variable: an empty name would be the root of the disk.
            if action.required and getattr(found, action.dest) == "":
                raise UsageError(f"{action.option_strings[0]}: expected a value, found an empty one; see --help")
        return found

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see --help")


def boolean(text: str) -> bool:
    """`true` or `false`."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, found {text!r}")
    return text.lower() == "true"


def byte_count(text: str) -> int:
    """`268435456`, `256m` or `4g`: bytes, with units of 1024; at least 1."""
    found = re.fullmatch(r"(\d+)\s*([kmgt]?)i?b?", text.strip().lower())
    if not found or int(found[1]) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of bytes such as 268435456, 256m or 4g, found {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, found {text!r}")
    return value


def arrival_hour(text: str) -> str:
    """`2017-11-26` or `2017-11-26T15` (UTC) -> "2017/11/26/15", as in the keys of source objects."""
    from datetime import datetime

    found = _HOUR.fullmatch(text.strip())
    try:
        if not found:
            raise ValueError
        at = datetime(int(found[1]), int(found[2]), int(found[3]), int(found[4] or 0))  # noqa: DTZ001 - it is UTC
    except ValueError:
        message = f"expected an arrival hour (UTC) such as 2017-11-26 or 2017-11-26T15, found {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return at.strftime("%Y/%m/%d/%H")
