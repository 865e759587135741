"""Patterns of names to leave out, as AWS crawlers have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sluice.errors import UsageError

_SIGNS = re.compile(r"\\.|\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)


def split_globs(text: str) -> list[str]:
    """Several patterns, separated by commas that are in no braces: `*.tmp,logs/{a,b}/**` -> two."""
    return [one for one in (part.strip() for part in re.split(r",(?![^{]*\})", text)) if one]


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path (below the location, no leading slash) is left out by one of `globs`.

    `*` is any run of characters but `/`, `**` of any, `?` one but `/`, `[abc]` and `[!abc]` one of, or none of these,
    `{a,b}` one of several, a backslash takes the next character as it is. UsageError for one that cannot be read.
    """
    if not globs:
        return lambda _: False
    whole = re.compile("|".join(f"(?:{_pattern(glob)})" for glob in globs), re.DOTALL)
    return lambda path: whole.fullmatch(path) is not None


def _pattern(glob: str) -> str:
    signs = _SIGNS.findall(glob)
    if signs.count("{") != signs.count("}"):
        raise UsageError(f"--exclude: {glob!r} cannot be read (a brace has no other one)")
    found = "".join(map(_piece, signs))
    try:
        re.compile(found)
    except re.error as error:
        raise UsageError(f"--exclude: {glob!r} cannot be read ({error.msg})") from None
    return found


def _piece(sign: str) -> str:
    plain = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
    if sign in plain:
        return plain[sign]
    if len(sign) > 2 and sign.startswith("["):
        return "[" + ("^" if sign[1] in "!^" else "") + sign[1:-1].lstrip("!^").replace("\\", "\\\\") + "]"
    return re.escape(sign[-1])
