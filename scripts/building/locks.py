"""Which wheels a lane's release carries: what the library needs, transitively, at the lane's pins; each by its hash.

requirements/wheels/<lane>-cp<NN>.txt names them, so that a commit says every byte it is built from. `scripts/build
--lock true` writes these files anew after `scripts/lock`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from building.wheels import Pin, Store, Target, Wheel, canonical
from sluice.errors import ProblemsError, UsageError

_HEAD = "# Made by scripts/build --lock true; not edited by hand.\n"
_LINE = re.compile(r"(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})")
EXTRAS = ("quality",)  # every job passes its batches through the gate


def lock_path(root: Path, lane: str, target: Target) -> Path:
    return root / "requirements" / "wheels" / f"{lane}-{target.tag}.txt"


def read_lock(root: Path, lane: str, target: Target) -> list[Pin]:
    """The pins of a lane and interpreter; UsageError where there is no lock."""
    path = lock_path(root, lane, target)
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise UsageError(f"{path.relative_to(root)}: not found; make it with scripts/build --lock true") from error
    return [Pin(*found.groups()) for line in lines if (found := _LINE.fullmatch(line))]


def write_lock(root: Path, lane: str, target: Target, wheels: Sequence[Wheel]) -> None:
    path = lock_path(root, lane, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEAD + "".join(wheel.pin.line() + "\n" for wheel in wheels), "utf-8")


def pinned(root: Path, lane: str, target: Target) -> dict[str, str]:
    """requirements/<lane>.txt as it counts for `target`: name -> version."""
    found = {}
    for line in (root / "requirements" / f"{lane}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(dict(target.environment())):
                found[canonical(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def resolve(own: Wheel, pins: Mapping[str, str], left: set[str], store: Store, target: Target) -> list[Wheel]:
    """Every wheel that `own` leads to, but for those `left` to the runtime, ordered by name; for making a lock."""
    found: dict[str, Wheel] = {}
    asked: set[tuple[str, str]] = set()
    waiting = own.needs(target, EXTRAS)
    while waiting:
        fresh = {(canonical(each.name), ",".join(sorted(each.extras))): each for each in waiting}
        wanted = {key: each for key, each in fresh.items() if key not in asked and key[0] not in left}
        asked |= set(wanted)
        unknown = sorted({name for name, _ in wanted} - set(pins))
        if unknown:
            raise UsageError(f"expected a pin for {', '.join(unknown)}, found none; run scripts/lock first")
        lines = [f"{name}=={pins[name]}" for name in sorted({name for name, _ in wanted} - set(found))]
        found |= {wheel.name: wheel for wheel in (store.newest_fitting(lines, target) if lines else ())}
        waiting = [need for (name, _), each in wanted.items() for need in _under(found[name], each, target)]
    return [found[name] for name in sorted(found)]


def check(
    own: Wheel, wheels: Sequence[Wheel], pins: Mapping[str, str], left: set[str], target: Target, where: str
) -> None:
    """What `pip check` would say of these wheels on `target`; raises ProblemsError with all that does not fit."""
    here = {wheel.name: wheel for wheel in wheels}
    problems = [
        f"{wheel.name} {wheel.version}: requirements/ pins {pins.get(wheel.name, 'no such package')}"
        for wheel in wheels
        if pins.get(wheel.name) != wheel.version
    ]
    reached: set[str] = set()
    waiting = [(own.name, each) for each in own.needs(target, EXTRAS)]
    while waiting:
        by, need = waiting.pop()
        name = canonical(need.name)
        if name in left:
            continue
        if name not in here:
            problems.append(f"{by} needs {need}, which is not locked")
            continue
        if not need.specifier.contains(here[name].version, prereleases=True):
            problems.append(f"{by} needs {need}, locked is {here[name].version}")
        if name not in reached:
            reached.add(name)
            waiting += [(name, each) for each in _under(here[name], need, target)]
    problems += [f"{name}: nothing needs it" for name in sorted(set(here) - reached)]
    if problems:
        raise ProblemsError(where, [*sorted(set(problems)), "make it anew with scripts/build --lock true"])


def only_through(own: Wheel, wheels: Sequence[Wheel], names: Sequence[str], target: Target) -> set[str]:
    """`names`, and what is needed by nothing but them: what a runtime has already that brings `names`."""
    here = {wheel.name: wheel for wheel in wheels}
    reached: set[str] = set()
    waiting = own.needs(target, EXTRAS)
    while waiting:
        need = waiting.pop()
        name = canonical(need.name)
        if name in here and name not in reached and name not in names:
            reached.add(name)
            waiting += _under(here[name], need, target)
    return set(here) - reached


def graph(own: Wheel, wheels: Sequence[Wheel], target: Target) -> dict[str, list[str]]:
    """Who needs whom, by name, among `own` and `wheels`."""
    here = {wheel.name for wheel in wheels}
    rows = [(own.name, own.needs(target, EXTRAS)), *((wheel.name, wheel.needs(target)) for wheel in wheels)]
    return {name: sorted({canonical(each.name) for each in needs} & here) for name, needs in rows}


def _under(wheel: Wheel, need: Requirement, target: Target) -> list[Requirement]:
    return wheel.needs(target, sorted(need.extras))


def targets(runtimes: Mapping[str, Any], lane: str) -> list[Target]:
    """The interpreters of a lane's release, Glue's first."""
    release = runtimes["release"]
    return [Target(python, release["platform"], release["glibc"]) for python in release["python"][lane]]
