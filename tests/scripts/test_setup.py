"""What the library imports, its setup.py names: no dependency comes along by chance."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Brought by every runtime together with pyspark, or by boto3 of the same version.
WITH_ANOTHER = {"py4j": "pyspark", "botocore": "boto3", "urllib3": "boto3"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> dict[str, str]:
    """Top-level modules that libs/ imports and where one does, without Python's own and ours."""
    found = {}
    for path in sorted((ROOT / "libs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
            found |= {name.split(".")[0]: str(path) for name in names}
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "sluice"}}


@pytest.mark.lane("spark-4.1")
def test_everything_that_the_library_imports_is_named_in_setup_py() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    named = {plain(each) for each in re.findall(r'"([A-Za-z][\w.-]*)\s*[<>=~!]=', text)}
    distributions = packages_distributions()
    assert "pyspark" in named
    lacking = {
        module: path
        for module, path in imported().items()
        if not {plain(WITH_ANOTHER.get(module, each)) for each in distributions.get(module, [module])} & named
    }
    assert lacking == {}
