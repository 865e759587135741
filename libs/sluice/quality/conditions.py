"""A row condition as SQL, in Great Expectations' own words."""

from __future__ import annotations

from typing import Any

from sluice.quality.expectations import great_expectations, quiet


def condition_sql(condition: Any) -> str:
    """The Spark SQL that Great Expectations filters rows by for `condition`, which is one of its objects."""
    text = getattr(condition, "pass_through_filter", None)
    if text is not None:
        return str(text)
    great_expectations()
    with quiet():
        from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine

        # It asks nothing of the engine itself, which could not be made without a session.
        engine = object.__new__(SparkDFExecutionEngine)
        return str(engine.condition_to_filter_clause(condition))
