"""What a deployment would change, field by field, and how people read it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

_SECRET = re.compile(r"secret|passw|credential|private.?key|access.?key|api.?key|token", re.I)
_LONGEST, _AROUND = 90, 30


@dataclass(frozen=True)
class Change:
    """One field, `place` as in the API; None: the field is not there."""

    place: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Item:
    """One thing that is deployed: a job, an application, the templates."""

    kind: Literal["create", "update", "unchanged"]
    what: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All of one deployment. `upload` is (files, bytes) where the release is not there yet."""

    target: str
    environment: str
    version: str
    items: tuple[Item, ...]
    upload: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        return self.upload is None and all(item.kind == "unchanged" for item in self.items)


def item(what: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Item:
    """The item for `new` in place of `old`; None: there is none yet."""
    found = changes(old or {}, new)
    if old is None:
        return Item("create", what, found)
    return Item("update" if found else "unchanged", what, found)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every field that differs, in the order of their places; what may be somebody's secret is not shown."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    found = []
    for place in sorted(before.keys() | after.keys()):
        was, is_ = before.get(place), after.get(place)
        if was != is_:
            hidden = _SECRET.search(place)
            found.append(Change(place, "(not shown)" if hidden and was is not None else was, is_))
    return tuple(found)


def rendered(plan: Plan) -> str:
    """The plan as lines for people."""
    lines = [f"{plan.target}, environment {plan.environment}: release {plan.version}"]
    if plan.upload:
        lines.append(f"  + upload {plan.upload[0]} files, {plan.upload[1] / 1e6:.1f} MB")
    for each in plan.items:
        lines.append(f"  { {'create': '+', 'update': '~', 'unchanged': '='}[each.kind] } {each.kind} {each.what}")
        lines += [f"      {_line(change)}" for change in each.changes]
    lines += [f"  ! {note}" for note in plan.notes]
    if plan.nothing:
        lines.append("nothing to change")
    else:
        count = [sum(item.kind == kind for item in plan.items) for kind in ("create", "update", "unchanged")]
        lines.append("{} to create, {} to update, {} unchanged".format(*count))
    return "\n".join(lines)


def _line(change: Change) -> str:
    if change.old is None:
        return f"{change.place}: {_short(change.new or '')}"
    if change.new is None:
        return f"{change.place}: {_short(change.old)} -> (none)"
    old, new = _pair(change.old, change.new)
    return f"{change.place}: {old} -> {new}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - _AROUND]}...{text[-_AROUND:]}"


def _pair(old: str, new: str) -> tuple[str, str]:
    """Both texts, long ones cut to where they differ."""
    if max(len(old), len(new)) <= _LONGEST:
        return old, new
    same = next((k for k, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - _AROUND)
    lead = "..." if start else ""
    return lead + _short(old[start:]), lead + _short(new[start:])


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """(place, text) of every value; words of a command line go by their option, not by their number."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and place.endswith("Args"):
        yield from _words(value, place)
    elif isinstance(value, str) and place.endswith("sparkSubmitParameters"):
        yield from _words(shlex.split(value), place)
    elif isinstance(value, str) and place.endswith(".--conf"):
        yield from _words(["--conf", *shlex.split(value)], place.removesuffix(".--conf"))
    elif isinstance(value, list):
        if not value:
            yield place, "[]"
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]")
    else:
        yield place, str(value).lower() if isinstance(value, bool) else str(value)


def _words(words: Sequence[str], place: str) -> Iterator[tuple[str, str]]:
    rest, number = iter(words), 0
    for word in rest:
        if not word.startswith("--"):
            yield f"{place}[{number}]", word
            number += 1
            continue
        value = next(rest, "")
        if word == "--conf":
            key, _, value = value.partition("=")
            yield f"{place} --conf {key}", value
        else:
            yield f"{place} {word}", value
