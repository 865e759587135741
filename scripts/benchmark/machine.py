"""What a figure was measured on, and with which versions: without them it says nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import psutil

_PACKAGES = ("pyspark", "delta-spark", "deltalake", "pyarrow", "duckdb", "great-expectations", "isal", "msgspec")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def described() -> dict[str, Any]:
    """Cores, memory, and how busy the machine was before anything was measured."""
    return {
        "cores": cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Of the lane, Python and the packages that do the work."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"lane": os.environ.get("SLUICE_LANE", ""), "python": platform.python_version(), **found}
