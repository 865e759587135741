"""Great Expectations, quiet and alone: the one place that imports it and opens its engine.

Importing it takes seconds, so that happens inside these functions, in the driver, and only where a suite is looked at.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from pyspark.sql import DataFrame, SparkSession

_BATCH_ID = "sluice"
# Great Expectations imports these for charts and distributions; they are a third of its import.
_SELDOM_USED = frozenset(["altair", "scipy.stats"])


def great_expectations() -> ModuleType:
    """The module `great_expectations`, with its usage analytics off before its first line runs."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with quiet(), _lazily(_SELDOM_USED):
        import great_expectations as gx
    return gx


class _Lazy(MetaPathFinder):
    """Finds modules of these names as ever, but has each run only when something of it is first asked for."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _lazily(names: frozenset[str]) -> Iterator[None]:
    finder = _Lazy(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Great Expectations warns and logs out of our standard error; raising is not changed.

    It logs what it catches with whole stacks, and the values it was looking at; deprecations are not the reader's.
    """
    logger = logging.getLogger("great_expectations")
    level, propagate = logger.level, logger.propagate
    handler = logging.NullHandler()  # without one Python writes warnings to standard error by itself
    logger.addHandler(handler)
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def ephemeral_context() -> Any:
    """A data context that lives in memory only: no analytics, no progress bars. Make one per run and hand it on."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    with quiet():
        context = gx.get_context(mode="ephemeral", user_agent_str="sluice")
        context.variables.config.analytics_enabled = False
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def engine_for(spark: SparkSession, frame: DataFrame) -> Any:
    """A `SparkDFExecutionEngine` over one frame, which it neither caches nor keeps: `persist=False`."""
    great_expectations()
    from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine

    with quiet():
        return SparkDFExecutionEngine(spark=spark, persist=False, batch_data_dict={_BATCH_ID: frame})


def metrics_of(engine: Any) -> Any:
    """A `MetricsCalculator` over an engine, without its progress bar."""
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    return MetricsCalculator(execution_engine=engine, show_progress_bars=False)
