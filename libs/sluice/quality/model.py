"""What a suite asks and what was found: plain data, without Spark and without Great Expectations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
# row: decided row by row while parsing; gate: looks at the whole batch; history: compares with published batches;
# comparison: compares with another table of the lake; contract: what the contract itself refused, beside the suite.
Kind = Literal["row", "gate", "history", "comparison", "contract"]
# passed; refused: rows went to quarantine, the rest goes on; reported: published all the same; held: stops the batch;
# waived: would have held it, and somebody released it.
Outcome = Literal["passed", "refused", "reported", "held", "waived"]


@dataclass(frozen=True)
class Check:
    """One question of a suite. `name` is unique in the suite; `rule` is the expectation's type as Great Expectations
    names it (for `history` the metric, for `contract` the reason); `column` is empty for a whole table, and
    comma-separated where there are several. `mostly` is None where the suite does not give it.
    """

    name: str
    rule: str
    column: str
    severity: Severity
    kind: Kind
    mostly: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Result:
    """What one check found in one batch.

    `evaluated` and `failed` are rows (of a `gate` check that counts none: the rows it looked at, and 0). `observed` is
    for people and `observed_value` its number where it is one; both masked for personal data. `threshold` says what was
    expected. `success` is Great Expectations' own meaning: enough rows pass, or the value is in its bounds.
    """

    check: Check
    evaluated: int
    failed: int
    observed: str
    observed_value: float | None
    threshold: str
    success: bool

    def outcome(self, waived: Collection[str] = ()) -> Outcome:
        """What follows from it; `waived` are names of checks whose failure somebody has accepted."""
        check = self.check
        if check.kind == "contract" or (check.kind == "row" and check.severity == "critical"):
            if check.mostly is None or self.success:
                return "refused" if self.failed else "passed"
        elif self.success:
            return "passed"
        if check.severity != "critical":
            return "reported"
        return "waived" if check.name in waived else "held"


@dataclass(frozen=True)
class Suite:
    """A dataset's suite as its file has it: `document` is the parsed JSON, `text` its canonical form, `fingerprint` the
    sha256 of that; `path` is as the user knows it.
    """

    dataset: str
    path: str
    text: str
    fingerprint: str
    document: dict[str, Any]
