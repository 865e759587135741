"""Did each contract's version rise as much as its changes ask for? The rules are in sluice.contract.compare.

Texts, wherever they stand, are compared by datacontract's own differ; what a change does to data, by ours.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "libs"))

import yaml  # noqa: E402

from sluice.contract.compare import Change, compare, enough, needed  # noqa: E402
from sluice.contract.load import CONTRACT_FILE, parse_contract  # noqa: E402
from sluice.errors import ContractError  # noqa: E402

# What `compare` has decided about, as places in the document.
_DECIDED = re.compile(
    r"version|customProperties\b(?!.*\.description$).*|schema\.(?!raw\b)\w+\.properties\.\w+\.description"
    r"|(.*\.)?(physicalType|logicalType|required|primaryKey|primaryKeyPosition|partitioned|partitionKeyPosition"
    r"|transformLogic|transformSourceObjects(\..*)?|classification)"
)
# Not promised yet, or not any more.
_FREE = ("proposed", "draft")
_ENDED = ("deprecated", "retired")


@dataclass
class Report:
    """Lines for people, and what is wrong."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class NothingToCompare(Exception):
    """Raised where there is no earlier state at hand; the message says why."""


def main(argv: list[str], root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser("scripts/contracts", description=__doc__)
    parser.add_argument("command", choices=["check"], help="compare schemas/ with what it was")
    parser.add_argument(
        "--against",
        help="a git ref (tag, branch, commit) or a folder with a schemas/; by default the merge base with the default "
        "branch, on that branch itself the newest tag, else the commit before",
    )
    args = parser.parse_args(argv)
    try:
        label, before = _earlier(args.against, root)
    except NothingToCompare as reason:
        print(f"nothing to compare with: {reason}")
        return 2 if args.against else 0
    report = check(before, _files(root / "schemas"))
    print(f"schemas/ against {label}")
    print("\n".join([*report.lines, *(f"PROBLEM {problem}" for problem in report.problems)] or ["no change"]))
    return 1 if report.problems else 0


def check(before: dict[str, str], after: dict[str, str]) -> Report:
    """Texts of contracts by `<dataset>/v<major>.yaml`, earlier and now."""
    report = Report()
    for name in sorted({*before, *after}):
        if name not in before:
            report.lines.append(f"{name}: new")
        elif name not in after:
            report.lines.append(f"{name}: gone")
            if _status(before[name]) not in (*_FREE, *_ENDED):
                report.problems.append(f"{name}: gone, but its status was not `retired` or `deprecated` before")
        elif before[name] != after[name]:
            _compare(name, before[name], after[name], report)
    return report


def _compare(name: str, before: str, after: str, report: Report) -> None:
    try:
        new = parse_contract(after, f"schemas/{name}")
    except ContractError as error:
        report.problems.append(str(error))
        return
    try:
        old = parse_contract(before, f"{name} as it was")
    except ContractError as error:
        report.lines.append(f"{name}: what it was does not hold today, so it is not compared ({error.problems[0]})")
        return
    changes = [*compare(old, new), *_texts(before, after)]
    wanted = needed(changes)
    report.lines += [f"{name}: {old.version} -> {new.version}, needs {wanted or 'no change'}", *map(_line, changes)]
    if enough(old.version, new.version, wanted) or _status(before) in _FREE:
        return
    advice = f"expected a version above {old.version} by a {wanted}"
    if wanted == "major":
        advice += f": leave this file as it was, and write v{int(old.version.split('.')[0]) + 1}.yaml beside it"
    report.problems.append(f"{name}: {advice}, found {new.version}" if wanted else f"{name}: the version fell")


def _line(change: Change) -> str:
    return f"  {change.rises:6} {change.place}: {change.what} ({change.because})"


def _texts(before: str, after: str) -> Iterator[Change]:
    """Changes that are neither ours to decide nor the addition or loss of a whole property."""
    try:
        from datacontract.data_contract import DataContract
    except ImportError:  # outside of the tools' environment, where scripts/contracts never runs
        return
    found = DataContract(data_contract_str=before).changelog(DataContract(data_contract_str=after))
    added = [entry.path for entry in found.entries if entry.old_value is None and entry.new_value is None]
    for entry in found.entries:
        within = any(entry.path == path or entry.path.startswith(f"{path}.") for path in added)
        if not within and not _DECIDED.fullmatch(entry.path):
            yield Change(entry.path, entry.type.value, "patch", "the data stays what it is")


def _status(text: str) -> str:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""
    return str(found.get("status")) if isinstance(found, dict) else ""


def _files(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.glob("*/*.yaml") if CONTRACT_FILE.fullmatch(path.name))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def _earlier(given: str | None, root: Path) -> tuple[str, dict[str, str]]:
    """What to compare with, as people call it, and its contracts."""
    if given is not None and Path(given).is_dir():
        inner = Path(given, "schemas")
        return given, _files(inner if inner.is_dir() else Path(given))
    if _git(root, "rev-parse", "--is-inside-work-tree") is None:
        raise NothingToCompare("this is no git clone; name a folder: --against FOLDER")
    if given is not None:
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{given}^{{commit}}")
        if commit is None:
            raise NothingToCompare(f"{given!r} is neither a folder nor a commit of this clone")
        return given, _at(commit, root)
    label, commit = _default(root)
    return label, _at(commit, root)


def _default(root: Path) -> tuple[str, str]:
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None:
        raise NothingToCompare("there is no commit yet")
    for branch in ("origin/HEAD", "origin/main", "main"):
        base = _git(root, "merge-base", "HEAD", branch)
        if base is not None and base != head:
            return f"where this branch left {branch} ({base[:12]})", base
    tag = _git(root, "describe", "--tags", "--abbrev=0", "HEAD^") or _git(root, "describe", "--tags", "--abbrev=0")
    if tag is not None and (commit := _git(root, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}")):
        return f"tag {tag}", commit
    before = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^")
    if before is None:
        raise NothingToCompare("this clone has one commit only (a shallow one, or the first)")
    return f"the commit before ({before[:12]})", before


def _at(commit: str, root: Path) -> dict[str, str]:
    listed = _git(root, "ls-tree", "-r", "--name-only", "-z", commit, "--", "schemas") or ""
    found = {}
    for path in filter(None, listed.split("\0")):
        name = path.removeprefix("schemas/")
        if name.count("/") == 1 and CONTRACT_FILE.fullmatch(name.rsplit("/", 1)[-1]):
            text = _git(root, "show", f"{commit}:{path}", strip=False)
            if text is None:
                raise NothingToCompare(f"{path} of {commit[:12]} is not in this clone")
            found[name] = text
    return found


def _git(root: Path, *arguments: str, strip: bool = True) -> str | None:
    """What git answers; None where it fails, or is not there."""
    command = ["git", "-C", str(root), *arguments]
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        told = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
        )
    except OSError:
        return None
    if told.returncode != 0:
        return None
    return told.stdout.strip() if strip else told.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
