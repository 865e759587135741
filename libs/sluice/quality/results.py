"""Counts -> results, and results -> words for who has to mend what failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sluice.quality.model import Check, Result


def row_results(checks: Sequence[Check], evaluated: Sequence[int], failed: Sequence[int]) -> list[Result]:
    """What row checks found, from the rows counted while they were written.

    Success is Great Expectations' own: the share of passing rows, of those evaluated, is at least `mostly` (1 where it
    is not given); where no row was evaluated none failed.
    """
    return [_row_result(*found) for found in zip(checks, evaluated, failed, strict=True)]


def _row_result(check: Check, evaluated: int, failed: int) -> Result:
    share = (evaluated - failed) / evaluated if evaluated else 1.0
    least = 1.0 if check.mostly is None else check.mostly
    words = f"at least {least:.6g} of rows pass" if check.mostly is not None else "every row passes"
    observed = f"{failed:,} of {evaluated:,} rows fail"
    return Result(check, evaluated, failed, observed, share, words, share >= least)


def contract_results(reasons: Mapping[tuple[str, str], int], records: int) -> list[Result]:
    """What the contract refused: `reasons` counts records by (reason, column), of `records` that were read."""
    return [
        Result(
            Check(f"{rule}:{column}" if column else rule, rule, column, "critical", "contract"),
            records,
            failed,
            f"{failed:,} of {records:,} records refused",
            failed / records if records else 0.0,
            "none",
            False,
        )
        for (rule, column), failed in sorted(reasons.items())
    ]


def filtered_results(kinds: Mapping[str, int], records: int) -> list[Result]:
    """What the contract's filters kept out, by kind: no fault, and `observed_value` is the number of records."""
    return [
        Result(
            Check(f"filtered:{kind}", "filtered", "", "info", "contract"),
            records,
            0,
            f"{count:,} of {records:,} records filtered",
            float(count),
            "none",
            True,
        )
        for kind, count in sorted(kinds.items())
    ]


def failures(results: Sequence[Result], waived: Collection[str]) -> list[str]:
    """One line for each check that holds the batch: its name, what was observed and what was expected."""
    return [
        f"{result.check.name}: observed {result.observed}, expected {result.threshold}"
        for result in results
        if result.outcome(waived) == "held"
    ]
