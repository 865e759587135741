"""The guide is true: its commands are those that there are, and every message of deploy and submit is in it."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from deployment import deploy as deploying
from deployment import policies as printing
from sluice.deploy.environments import load_environment
from submission.arguments import parse

pytestmark = pytest.mark.lane("spark-4.1")

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
_SERVICES = {"s3api": "s3"}
_GLOBAL = {"region", "profile", "output", "query"}
_ERRORS = {"UsageError", "SluiceError", "ProblemsError", "StorageDenied", "StorageThrottled", "StorageError",
           "DatasetBusyError", "LocationError"}  # fmt: skip


def commands(program: str) -> list[list[str]]:
    """The words of every command of the guide that begins with `program`."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.S) for line in block.splitlines()]
    split = [shlex.split(line, comments=True) for line in lines]
    return [words[: words.index(">")] if ">" in words else words for words in split if words and words[0] == program]


@pytest.mark.parametrize("words", commands("aws"), ids=lambda words: " ".join(words[1:3]))
def test_every_aws_command_is_one_that_the_service_has(words: list[str]) -> None:
    service = botocore.session.get_session().get_service_model(_SERVICES.get(words[1], words[1]))
    named = {xform_name(each, "-"): each for each in service.operation_names}
    shape = service.operation_model(named[words[2]]).input_shape
    members = {xform_name(each, "-"): each for each in shape.members}
    given = [word.removeprefix("--") for word in words[3:] if word.startswith("--")]
    assert set(given) <= members.keys() | _GLOBAL
    assert set(shape.required_members) <= {members[each] for each in given if each in members}


@pytest.mark.parametrize("words", commands("scripts/policies"), ids=lambda words: words[-1])
def test_every_document_of_the_guide_is_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    printing.run([str(ROOT / word) if word.startswith("environments/") else word for word in words[1:]])
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize("words", [*commands("scripts/deploy"), *commands("scripts/submit")], ids=" ".join)
def test_deploy_and_submit_take_what_the_guide_types(words: list[str]) -> None:
    here = [str(ROOT / word) if word.startswith("environments/") else word for word in words[1:]]
    if words[0] == "scripts/deploy":
        given: Any = deploying._parser().parse_args(here)
        load_environment(Path(given.env)).section(given.target)
    else:
        parse(here)


def test_every_script_that_the_guide_types_is_there_and_its_names_are_those_of_the_example() -> None:
    for name in re.findall(r"^scripts/[a-z]+", GUIDE, re.M):
        assert (ROOT / name).is_file()
    own = load_environment(ROOT / "environments" / "dev.yaml")
    assert own.athena is not None
    for said in (own.lake, own.athena.workgroup, own.athena.results, str(own.catalog_database), *own.jobs):
        assert said in GUIDE or said == "query"
    for role in (own.roles.job, own.roles.deployer, own.roles.reader):
        assert f"--role-name {role.rpartition('/')[2]} " in GUIDE


@functools.cache
def texts() -> tuple[tuple[str, str, bool], ...]:
    """(file, text, whether it is raised) of all that deploy, submit and policies may say; what varies is `…`."""
    folders = ("libs/sluice/deploy", "scripts/deployment", "scripts/submission")
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    files += [ROOT / "libs/sluice/runtime/aws.py"]
    return tuple(each for path in files for each in _texts(path))


def _texts(path: Path) -> Iterator[tuple[str, str, bool]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ERRORS and path.name != "aws.py":
            told = _told(node.args[0])
            yield path.name, told + (": … problems" if getattr(node.func, "id", "") == "ProblemsError" else ""), True
        elif isinstance(node, ast.JoinedStr | ast.Constant):
            yield path.name, _told(node), False


def _told(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "…"


def rows() -> list[str]:
    """The messages of the guide's tables."""
    told = GUIDE[GUIDE.index("## Troubleshooting") :]
    cells = re.findall(r"^\| (`.*?) \|", told, re.M)
    return [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]


def says(text: str, row: str) -> bool:
    """Whether `text` may come out as `row` says, in which … stands for anything."""
    return re.search(".*".join(re.escape(part.strip()) for part in row.split("…")), text, re.S) is not None


def test_every_message_of_deploy_submit_and_policies_is_in_the_guide() -> None:
    raised = {(name, text) for name, text, is_raised in texts() if is_raised and re.search(r"\w{3}", text)}
    raised = {(name, text) for name, text in raised if text != "…: … problems"}
    assert len(raised) > 40
    assert [each for each in sorted(raised) if not any(says(each[1], row) for row in rows())] == []


def test_every_message_of_the_guide_is_one_that_is_said() -> None:
    said = [text for _, text, _ in texts()] + ["….yaml: … problems", "cluster …: … problems"]
    said = [text.replace("{", "").replace("}", "") for text in said]
    assert [row for row in rows() if not any(says(text, row) for text in said)] == []
