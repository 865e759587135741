"""Reports to draw: an ordinary run, one of many batches, and one in which every text is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sluice.quality.model import Check, Kind, Result, Severity
from sluice.quality.page.model import BatchReport, Example, Flow, IndexEntry, Past, Reason, RunReport, Versions

STARTED = datetime(2017, 11, 26, 16, 5, 3, tzinfo=UTC)
HOSTILE = (
    "</script></style></title>--><img src=x onerror=alert(1)>\"'`{{ 7*7 }}\\ \u202e\u05d0\u05d1 \U0001f600 \ud800 \x00"
)
LONG = "long_" * 300


def result(
    name: str,
    *,
    rule: str = "expect_column_values_to_be_between",
    column: str = "latitude",
    severity: Severity = "critical",
    kind: Kind = "row",
    mostly: float | None = None,
    evaluated: int = 1_200_000,
    failed: int = 0,
    observed: str = "0 of 1,200,000 rows",
    value: float | None = 0.0,
    threshold: str = "between -90 and 90",
    success: bool = True,
    message: str = "",
) -> Result:
    check = Check(name, rule, column, severity, kind, mostly, message)
    return Result(check, evaluated, failed, observed, value, threshold, success)


def every_outcome(*, row_count: int = 1_200_000) -> tuple[Result, ...]:
    """Five checks: passed, refused, reported, held (or waived) and one of the contract."""
    enough = row_count >= 1_000_000
    return (
        result(
            "country_is_known",
            rule="expect_column_values_to_be_in_set",
            column="country_code",
            severity="warning",
            threshold="one of 249 codes",
            message="ISO 3166 country of the sender",
        ),
        result("latitude_in_range", failed=3_412, observed="3,412 of 1,200,000 rows", value=0.0028, success=False),
        result(
            "share_of_neutral",
            rule="expect_column_proportion_of_non_null_values_to_be_between",
            column="sentiment",
            severity="warning",
            kind="gate",
            observed="0.71",
            value=0.71,
            threshold="0.2 to 0.6",
            success=False,
        ),
        result(
            "row_count",
            rule="expect_table_row_count_to_be_between",
            column="",
            kind="gate",
            observed=f"{row_count:,}",
            value=float(row_count),
            threshold="at least 1,000,000",
            success=enough,
        ),
        result(
            "required",
            rule="required",
            column="event_time",
            kind="contract",
            failed=17,
            observed="17 rows",
            value=17.0,
            threshold="a value",
            success=False,
        ),
    )


def published(batch_id: str = "20171126T15-0001") -> BatchReport:
    past = tuple(
        Past(f"b{day}", 1_150_000.0 + 7_919 * (day % 9), "held" if day == 7 else "passed") for day in range(14)
    )
    return BatchReport(
        batch_id=batch_id,
        attempt=1,
        state="published",
        sources=48,
        source_bytes=118_734_211,
        first_hour="2017-11-26T14",
        last_hour="2017-11-26T15",
        flow=Flow(read=1_234_567, curated=1_200_000, quarantined=3_429, duplicates=31_137, filtered=1, rescued=12),
        filtered_by={"heartbeats": 1},
        results=every_outcome(),
        trends={"row_count": past, "latitude_in_range": tuple(Past(f"b{day}", 0.003, "refused") for day in range(3))},
        reasons=(
            Reason("latitude_in_range", "latitude", "is not between -90 and 90", 3_412),
            Reason("required", "event_time", "has no value", 17),
        ),
        examples=(
            Example(
                '{"id": "***", "latitude": 190.0, "name": "***"}',
                "2017/11/26/15/app-messages-1-2017-11-26-15-02.gz",
                18_233,
                ("latitude is not between -90 and 90",),
            ),
            Example(
                '{"id": "***", "name": "***", "event_time": null}',
                "2017/11/26/15/app-messages-1-2017-11-26-15-09.gz",
                0,
                ("event_time has no value",),
            ),
        ),
    )


def held(batch_id: str = "20171126T16-0002") -> BatchReport:
    few = Flow(read=4_210, curated=4_200, duplicates=10)
    return replace(published(batch_id), state="held", flow=few, filtered_by={}, results=every_outcome(row_count=4_200))


def waived(batch_id: str = "20171126T13-0000") -> BatchReport:
    return replace(
        held(batch_id),
        state="published",
        waived=("row_count",),
        released_by="dana",
        release_reason="A public holiday: the stream was quiet.",
    )


def run_report(*batches: BatchReport) -> RunReport:
    return RunReport(
        run_id="20171126T160503Z-1f2e3d4c",
        job="curate",
        dataset="app_messages",
        lake="s3://example-lake/prod",
        outcome="Held: look at batch 20171126T16-0002" if any(one.state == "held" for one in batches) else "Published",
        exit_code=3 if any(one.state == "held" for one in batches) else 0,
        started_at=STARTED,
        ended_at=STARTED + timedelta(seconds=75.2),
        versions=Versions("0.1.0", "1.2.0", "9f8e7d6c5b4a" * 5, "0a1b2c3d4e5f" * 5, "4.1.1"),
        seconds={
            "starting Spark": 4.2,
            "listing": 0.61,
            "staging": 43.0,
            "duplicates": 12.31,
            "gate": 6.2,
            "publish": 0.08,
        },
        batches=batches,
        suite_path="expectations/app_messages.json",
        docs_href="../data_docs/index.html",
    )


def ordinary() -> RunReport:
    return run_report(waived(), published(), held())


def killed() -> RunReport:
    """A page made again by a later run."""
    return replace(run_report(published()), exit_code=None, started_at=None, ended_at=None, seconds={})


def hostile() -> RunReport:
    """Every text of every part is `HOSTILE`, or very long."""
    bad = tuple(
        result(text, rule=text, column=text, observed=text, threshold=text, message=text, success=False, kind="gate")
        for text in (HOSTILE, LONG)
    )
    batch = replace(
        held(HOSTILE),
        results=bad,
        first_hour=HOSTILE,
        last_hour=LONG,
        filtered_by={HOSTILE: 5, LONG: 6},
        trends={HOSTILE: (Past(HOSTILE, 1.0, "passed"),)},
        reasons=(Reason(HOSTILE, HOSTILE, HOSTILE, 1), Reason(LONG, LONG, LONG, 2)),
        examples=(Example(HOSTILE, HOSTILE, 1, (HOSTILE,)), Example(LONG, LONG, 1, (LONG,))),
    )
    released = replace(
        batch, state="published", waived=(HOSTILE, LONG), released_by=HOSTILE, release_reason=LONG, batch_id=LONG
    )
    return RunReport(
        run_id=HOSTILE,
        job=HOSTILE,
        dataset=HOSTILE,
        lake=LONG,
        outcome=HOSTILE,
        exit_code=3,
        started_at=STARTED,
        ended_at=STARTED,
        versions=Versions(HOSTILE, LONG, HOSTILE, LONG, HOSTILE),
        seconds={HOSTILE: 1.0, LONG: 2.0},
        batches=(batch, released),
        suite_path=HOSTILE,
        docs_href="javascript:alert(1)//" + HOSTILE,
        index_href="//example.org/" + HOSTILE,
    )


def entries(count: int) -> tuple[IndexEntry, ...]:
    flow = published().flow
    return tuple(
        IndexEntry(
            f"run-{number:05}",
            STARTED + timedelta(hours=number),
            "Published",
            flow,
            1,
            0,
            f"run-{number:05}.html",
            "../data_docs/index.html" if number % 2 else "",
        )
        for number in range(count)
    )


def hostile_entries() -> tuple[IndexEntry, ...]:
    return tuple(
        IndexEntry(text, None, text, Flow(), 1, 1, f"javascript:alert(1)//{text}", f"//example.org/{text}")
        for text in (HOSTILE, LONG)
    )
