"""Names for columns: of whatever a record's keys are called, something that every engine takes without quotes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from sluice.contract.fields import RESERVED

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 100
# Words that Trino (and so Athena) and ANSI SQL take for their own wherever a name may stand.
_WORDS = frozenset(
    """
    all alter and any array as asc between both by case cast check column constraint create cross cube current_catalog
    current_date current_path current_role current_schema current_time current_timestamp current_user deallocate delete
    desc describe distinct drop else end escape except execute exists extract false fetch first for foreign from full
    grant group grouping having in inner insert intersect interval into is join last lateral leading left like limit
    listagg localtime localtimestamp natural normalize not null offset on only or order outer overlaps prepare primary
    recursive references right rollup select skip some table then to trailing trim true uescape union unique unknown
    unnest update using values when where with
    """.split()
)


def snake(name: str) -> str:
    """`TweetID2` -> tweet_id2, `Größe (m)` -> grosse_m, `_id` -> id, `2nd` -> n2nd, `order` -> order_value."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    found = re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", plain).lower()).strip("_")[:_LONGEST].strip("_")
    if not found:
        return "field"
    if found[0].isdigit():
        found = f"n{found}"
    return f"{found}_value" if found in RESERVED or found in _WORDS else found


def legible(text: str, longest: int = 200) -> str:
    """`text` for a terminal: no character that would steer it, and not longer than a person reads."""
    plain = "".join(one if one.isprintable() else one.encode("unicode_escape", "replace").decode() for one in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."


def folded(name: str) -> str:
    """The same for names that Spark does not tell apart (`equalsIgnoreCase` of Java: ı is I, ſ is S)."""
    return name.casefold().upper().lower().replace("\u0307", "")


def column_names(paths: Sequence[tuple[str, ...]], raw: Iterable[str]) -> list[str]:
    """A name for the column of each path of raw names, each once.

    A column hides the raw field of its name from the expressions after it. So none is called like a raw field, in
    whatever case, but the one that is made of that very field.
    """
    owners = {folded(name): name for name in raw}
    taken: set[str] = set()

    def free(path: tuple[str, ...]) -> Callable[[str], bool]:
        return lambda name: name not in taken and owners.get(name, path[0]) == path[0] and (
            len(path) == 1 or name not in owners
        )  # fmt: skip

    names: dict[int, str] = {}
    # Fields that have such a name already keep it.
    order = sorted(range(len(paths)), key=lambda at: (snake("_".join(paths[at])) != "_".join(paths[at]), at))
    for at in order:
        names[at] = unique(snake("_".join(paths[at])), free(paths[at]))
        taken.add(names[at])
    return [names[at] for at in range(len(paths))]


def unique(name: str, free: Callable[[str], bool]) -> str:
    """`name`, or the first of name_2, name_3, ... that is `free`."""
    number, found = 1, name
    while not free(found):
        number += 1
        found = f"{name}_{number}"
    return found
