"""Great Expectations' own page of one validation (Data Docs), from our results, and loading nothing from anywhere.

No site is built and no context is made: one page from one suite and its results, which say what was found, masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from html import escape
from typing import Any

from sluice.quality.cleaning import self_contained
from sluice.quality.expectations import great_expectations, quiet
from sluice.quality.model import Result, Suite
from sluice.quality.suite import names_of
from sluice.quality.wording import counts_rows


def data_docs_page(suite: Suite, results: Sequence[Result], *, run_id: str, batch_id: str, at: datetime) -> str:
    """One HTML page over the suite's expectations, in its order; those without a result (no rows came) are left out.

    Results of the contract and of history are no expectations and are not on it. `results` must be masked.
    """
    gx = great_expectations()
    with quiet():
        from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
        from great_expectations.render.view.view import DefaultJinjaPageView

        found = {one.check.name: one for one in results if one.check.kind in ("row", "gate")}
        entries = zip(names_of(suite), suite.document["expectations"], strict=True)
        judged = [_judged(found[name], entry) for name, entry in entries if name in found]
        meta = {
            "great_expectations_version": gx.__version__,
            "run_id": {"run_name": run_id, "run_time": at.astimezone(UTC).isoformat()},
            "batch_parameters": {"dataset": suite.dataset, "batch": batch_id, "suite": suite.fingerprint},
        }
        renderer: Any = ValidationResultsPageRenderer()
        view: Any = DefaultJinjaPageView()
        document = renderer.render(_validation(suite.document["name"], judged, meta))
        page: str = view.render(document, show_how_to_buttons=False)
    return self_contained(page, f"{suite.dataset}, batch {batch_id}")


def _validation(name: str, judged: Sequence[Any], meta: dict[str, Any]) -> Any:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    passed = sum(one.success for one in judged)
    return ExpectationSuiteValidationResult(
        success=passed == len(judged),
        results=list(judged),
        suite_name=name,
        statistics={
            "evaluated_expectations": len(judged),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(judged) - passed,
            "success_percent": 100 * passed / len(judged) if judged else None,
        },
        meta=meta,
    )


def _judged(result: Result, entry: Mapping[str, Any]) -> Any:
    """A result in Great Expectations' form. Rows are counted where a check counts rows, else a value was observed."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    severity: Any = result.check.severity
    found: dict[str, Any] = {"observed_value": escape(result.observed, quote=False)}  # GX does not
    if counts_rows(result.check.rule):
        share = 100 * result.failed / result.evaluated if result.evaluated else 0.0
        found = {
            "element_count": result.evaluated,
            "unexpected_count": result.failed,
            "unexpected_percent": share,
            "unexpected_percent_nonmissing": share,
        }
    return ExpectationValidationResult(
        success=result.success,
        expectation_config=ExpectationConfiguration(
            type=entry["type"],
            kwargs=deepcopy(entry["kwargs"]),  # the renderer adds to them
            severity=severity,
            description=entry.get("description"),
        ),
        result=found,
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
    )
