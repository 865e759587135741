"""The check of versions says what must rise, and where there is nothing to compare with it says so and passes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from checks.contracts import check, main
from support.contracts import text_of, visits

NAME = "visits/v1.yaml"
COLUMN = {"name": "title", "logicalType": "string", "physicalType": "string", "transformLogic": "page.title"}


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True)


def commit(root: Path, **changes: object) -> None:
    (root / "schemas" / "visits").mkdir(parents=True, exist_ok=True)
    (root / "schemas" / NAME).write_text(text_of(visits(**changes)), encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")


def test_a_version_that_did_not_rise_enough_is_a_problem_with_the_way_out() -> None:
    before = {NAME: text_of(visits())}
    assert check(before, {NAME: text_of(visits(more=[COLUMN], version="1.3.0"))}).problems == []
    [problem] = check(before, {NAME: text_of(visits(more=[COLUMN], version="1.2.1"))}).problems
    assert problem == f"{NAME}: expected a version above 1.2.0 by a minor, found 1.2.1"
    [problem] = check(before, {NAME: text_of(visits(column_3={"required": True}, version="1.3.0"))}).problems
    assert "leave this file as it was, and write v2.yaml beside it" in problem


def test_a_contract_that_vanished_is_a_problem_unless_its_end_was_told() -> None:
    assert len(check({NAME: text_of(visits())}, {}).problems) == 1
    assert check({NAME: text_of(visits(status="retired"))}, {}).problems == []
    assert check({NAME: text_of(visits(status="draft"))}, {NAME: text_of(visits(more=[COLUMN]))}).problems == []
    assert check({}, {NAME: text_of(visits())}).problems == []


def test_a_clone_without_an_earlier_state_says_so_and_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"], tmp_path) == 0
    assert "nothing to compare with: this is no git clone" in capsys.readouterr().out
    git(tmp_path, "init", "-qb", "main")
    commit(tmp_path)
    assert main(["check"], tmp_path) == 0
    assert "has one commit only" in capsys.readouterr().out
    commit(tmp_path, more=[COLUMN])
    assert main(["check"], tmp_path) == 1
    assert "PROBLEM visits/v1.yaml" in capsys.readouterr().out
    git(tmp_path, "switch", "-qc", "work", "HEAD^")
    commit(tmp_path, more=[COLUMN], version="1.3.0")
    assert main(["check"], tmp_path) == 0
    assert "where this branch left main" in capsys.readouterr().out
    assert main(["check", "--against", "nowhere"], tmp_path) == 2
