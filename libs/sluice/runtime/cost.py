"""What a run cost, estimated by the job itself from the arguments that its deployment gave it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

LEAST_SECONDS = 60.0
"""Glue bills by the second, and a minute at least (Glue 2.0 and later)."""


def estimate(argv: Sequence[str], seconds: float) -> dict[str, Any]:
    """`{"cost": {dpu_seconds, dpu, price_per_dpu_hour, usd}}` of a run of `seconds`; empty without `--dpu`.

    Without `--price-per-dpu-hour` the last two are left out. The run's own seconds lack what the service takes to start
    it; where workers come and go (auto scaling) `--dpu` is the most there can be, and so is the estimate. A number that
    is none is nobody's reason to fail a run that is over.
    """
    dpu = _number(argv, "dpu")
    if dpu is None:
        return {}
    dpu_seconds = max(seconds, LEAST_SECONDS) * dpu
    found = {"dpu_seconds": round(dpu_seconds, 1), "dpu": dpu}
    price = _number(argv, "price-per-dpu-hour")
    if price is not None:
        found |= {"price_per_dpu_hour": price, "usd": round(dpu_seconds / 3600 * price, 4)}
    return {"cost": found}


def _number(argv: Sequence[str], key: str) -> float | None:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    parser.add_argument(f"--{key}", dest="value")
    try:
        value = float(parser.parse_known_args(list(argv))[0].value or "nan")
    except (argparse.ArgumentError, ValueError):
        return None
    return value if math.isfinite(value) and value > 0 else None
