"""Lints IAM policies with parliament: `{name: document}` as JSON on standard input, findings on standard output.

Exit code 1 where there are any. With the argument `examples` it lints what scripts/policies prints for each file of
environments/.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def findings(documents: dict[str, Any]) -> list[str]:
    """What the linter has against the documents, each beginning with its document's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources
        import parliament

    told = []
    for name, document in documents.items():
        if "Statement" not in document or name.endswith("-trust"):
            continue  # a trust has no Resource, which the linter would miss
        found = parliament.analyze_policy_string(json.dumps(document)).findings
        told += [f"{name}: {each.issue}: {each.detail} {each.location}" for each in found]
    return told


def of_examples() -> list[str]:
    """Findings for every file of environments/."""
    told = []
    for path in sorted((ROOT / "environments").glob("*.yaml")):
        command = [str(ROOT / "scripts" / "policies"), "--env", str(path)]
        printed = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if printed.returncode:
            told.append(printed.stderr.strip())
        else:
            told += [f"{path.name}: {each}" for each in findings(json.loads(printed.stdout))]
    return told


def main(words: list[str]) -> int:
    told = of_examples() if words == ["examples"] else findings(json.load(sys.stdin))
    print("\n".join(told))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
