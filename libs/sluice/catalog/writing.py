"""Put drafts where definitions are kept, without taking anything from anybody: an edited file stays as it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluice.catalog.draft import FORMATS, Draft, Options, draft, is_unedited, unknown_flatten
from sluice.catalog.findings import Found
from sluice.errors import UsageError

Outcome = Literal["written", "unchanged", "replaced", "beside"]


@dataclass(frozen=True)
class Written:
    """A draft's file: `path` is where its text is now, `difference` a unified diff to the file that was left alone."""

    path: Path
    outcome: Outcome
    difference: str = ""


def write_draft(made: Draft, folder: Path) -> list[Written]:
    """`<folder>/schemas/<name>/v<major>.yaml` and `<folder>/expectations/<name>.json`.

    A file that is there and no draft, or was edited, stays: the draft goes beside it (`v1.draft.yaml`,
    `<name>.draft.json`, which nothing takes for a contract or a suite; `v1.draft-2.yaml` where that one was edited in
    its turn) and differences are told. Of contracts the
    highest major version is what is compared with. Raises UsageError where the folder cannot be written to.
    """
    contract = _newest(folder / "schemas" / made.dataset)
    suite = folder / "expectations" / f"{made.dataset}.json"
    try:
        return [_write(contract, made.contract_text, "contract"), _write(suite, made.suite_text, "suite")]
    except OSError as error:
        raise UsageError(
            f"{folder}: expected a folder in which a draft can be written, found {error.filename}: {error.strerror}"
        ) from error


def write_drafts(found: Sequence[Found], folder: str, flatten: Sequence[str] = ()) -> list[Written]:
    """Draft what can be curated of `found`, and write it as `write_draft` does.

    Raises UsageError, before anything is written, for a path in `flatten` at which no dataset has a struct, and where
    `folder` is no local folder.
    """
    if "://" in folder:
        raise UsageError(f"--write-contract {folder}: expected a local folder; definitions are files of a repository")
    options = Options(tuple(flatten))
    drafts = [draft(one, options) for one in found if one.format in FORMATS]
    if unknown := unknown_flatten(drafts, options):
        raise UsageError(f"--flatten {','.join(unknown)}: no dataset has an object of fixed fields there")
    return [written for one in drafts for written in write_draft(one, Path(folder))]


def _newest(folder: Path) -> Path:
    from sluice.contract.load import CONTRACT_FILE

    there = [path for path in folder.glob("v*.yaml") if CONTRACT_FILE.fullmatch(path.name)]
    return max(there, key=lambda path: int(path.stem[1:]), default=folder / "v1.yaml")


def _write(path: Path, text: str, kind: str) -> Written:
    there = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if there is None:
        _put(path, text)
        return Written(path, "written")
    if there == text:
        return Written(path, "unchanged")
    if is_unedited(there, kind):
        _put(path, text)
        return Written(path, "replaced", _difference(there, text, path, path))
    beside = _beside(path, kind)
    _put(beside, text)
    return Written(beside, "beside", _difference(there, text, path, beside))


def _beside(path: Path, kind: str) -> Path:
    """The first place beside a file where nothing is, or a draft that nobody edited."""
    number, beside = 1, path.with_name(f"{path.stem}.draft{path.suffix}")
    while beside.exists() and not is_unedited(beside.read_text(encoding="utf-8", errors="replace"), kind):
        number += 1
        beside = path.with_name(f"{path.stem}.draft-{number}{path.suffix}")
    return beside


def _put(path: Path, text: str) -> None:
    """Whole or not at all, for whoever reads meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(path)


def _difference(before: str, after: str, path: Path, new: Path) -> str:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(path), str(new))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines)


def told(written: Sequence[Written]) -> Iterator[str]:
    """A line for each file, with the difference where a file was left alone."""
    words = {
        "written": "written",
        "unchanged": "is there already, the same",
        "replaced": "replaced: it was a draft that nobody had edited",
        "beside": "written beside the file that is there, which is left as it is; the difference:",
    }
    for one in written:
        yield f"{one.path}: {words[one.outcome]}"
        if one.outcome == "beside":
            yield one.difference.rstrip("\n")
