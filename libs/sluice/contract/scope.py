"""The names an expression may use, and paths into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sluice.contract.problems import did_you_mean
from sluice.contract.types import SparkType, quoted


@dataclass(frozen=True)
class Named:
    """A name an expression may use: a raw field, or an earlier curated column."""

    name: str
    type: SparkType
    curated: bool = False
    classification: str | None = None


class Scope:
    """The names in reach, found as Spark finds them: without regard to case, a later one in place of an earlier.

    `lacking` ends the sentence "names `x`, which ...".
    """

    def __init__(self, names: Iterable[Named], lacking: str) -> None:
        self._by_lower = {named.name.lower(): named for named in names}
        self.lacking = lacking

    def add(self, named: Named) -> None:
        self._by_lower[named.name.lower()] = named

    def get(self, name: str) -> Named | None:
        return self._by_lower.get(name.lower())

    @property
    def names(self) -> list[str]:
        return [named.name for named in self._by_lower.values()]


@dataclass
class Checked:
    """What an expression says: its problems, its sources (fit for `col`) and the names at their roots, each once."""

    problems: list[str] = field(default_factory=list)
    sources: dict[str, None] = field(default_factory=dict)
    roots: dict[str, Named] = field(default_factory=dict)

    def add(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def resolve(path: Sequence[str], scope: Scope, what: str, checked: Checked) -> None:
    """Note the source that `path` (`user`, `id`) means, or the problem that it means none."""
    root = scope.get(path[0])
    if root is None:
        checked.add(f"{what} names `{path[0]}`, which {scope.lacking}{did_you_mean(path[0], scope.names)}")
        return
    parts, within = [root.name], root.type
    for part in path[1:]:
        while within.kind == "array":
            within = within.parts[0]
        if within.kind == "map":
            parts.append(part)
            break
        inner = {name.lower(): (name, type_) for name, type_ in within.fields}
        if part.lower() not in inner:
            hint = did_you_mean(part, (name for name, _ in within.fields))
            checked.add(f"{what} names `{'.'.join(path)}`, but `{'.'.join(parts)}` has no field `{part}`{hint}")
            return
        name, within = inner[part.lower()]
        parts.append(name)
    checked.sources[".".join(map(quoted, parts))] = None
    checked.roots[root.name] = root
