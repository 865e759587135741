"""Athena: what is asked of it, how its answers are read, and that only a SELECT is sent.

No Athena runs here, so botocore's Stubber answers; it holds every request and answer against the API's own model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from asking.__main__ import main
from sluice.catalog import athena
from sluice.catalog.athena import Place, check_query, result, run_query, scanned
from sluice.errors import ProblemsError, SluiceError, StorageDenied, StorageError, UsageError

ID = "a1b2c3d4-0000-4000-8000-000000000000"
SQL = 'SELECT "country", count(*) AS messages FROM app_messages GROUP BY 1'


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("athena", region_name="eu-west-1", aws_access_key_id="stub", aws_secret_access_key="stub")
    monkeypatch.setattr(athena, "client", lambda service: client)
    monkeypatch.setattr(athena.time, "sleep", lambda seconds: None)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def starts(stubber: Stubber, **more: Any) -> None:
    expected = {
        "QueryString": SQL,
        "ClientRequestToken": ANY,
        "QueryExecutionContext": {"Database": "sluice", "Catalog": "AwsDataCatalog"},
        "WorkGroup": "primary",
        **more,
    }
    stubber.add_response("start_query_execution", {"QueryExecutionId": ID}, expected)


def state(stubber: Stubber, name: str, size: int = 0, **status: Any) -> None:
    statistics = {"DataScannedInBytes": size, "QueryQueueTimeInMillis": 120, "TotalExecutionTimeInMillis": 1500}
    answer = {"QueryExecution": {"Status": {"State": name, **status}, "Statistics": statistics}}
    stubber.add_response("get_query_execution", answer, {"QueryExecutionId": ID})


def page(stubber: Stubber, rows: list[list[str | None]], token: str | None, asked: str | None, *kinds: str) -> None:
    cells = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows]
    columns = [{"Name": name, "Type": kind} for name, kind in zip(("country", "messages", "at"), kinds, strict=False)]
    answer: dict[str, Any] = {"ResultSet": {"Rows": cells, "ResultSetMetadata": {"ColumnInfo": columns}}}
    if token:
        answer["NextToken"] = token
    wanted = {"QueryExecutionId": ID, "MaxResults": 1000, **({"NextToken": asked} if asked else {})}
    stubber.add_response("get_query_results", answer, wanted)


def test_a_query_is_started_waited_for_and_paged_and_its_price_is_told(
    stubber: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    starts(stubber, WorkGroup="people", ResultConfiguration={"OutputLocation": "s3://results/x/"})
    for name in ("QUEUED", "RUNNING", "SUCCEEDED"):
        state(stubber, name)
    kinds = ("varchar", "bigint", "timestamp(3) with time zone")
    page(stubber, [["country", "messages", "at"], ["India", "7", "2017-11-26 15:56:51.670 UTC"]], "t", None, *kinds)
    page(stubber, [["Peru", None, None]], None, "t", *kinds)
    state(stubber, "SUCCEEDED", size=3_000_000_001)
    options = ["--workgroup", "people", "--output-location", "s3://results/x/", "--output", "json"]
    assert main(["--sql", SQL, *options, "--usd-per-terabyte", "6"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"country": "India", "messages": 7, "at": "2017-11-26T15:56:51.67Z"},
        {"country": "Peru", "messages": None, "at": None},
    ]
    summary = json.loads(last)
    assert (summary["rows"], summary["scanned_bytes"], summary["cost_usd"]) == (2, 3_000_000_001, 0.018006)
    assert (summary["query_id"], summary["exit_code"]) == (ID, 0)


@pytest.mark.parametrize(("size", "cost"), [(0, 0.00005), (1, 0.00005), (10_000_001, 0.000055), (10**12, 5.0)])
def test_a_price_is_by_the_megabyte_and_for_ten_at_least(stubber: Stubber, size: int, cost: float) -> None:
    state(stubber, "SUCCEEDED", size=size)
    assert scanned(ID).cost_usd == cost


def test_waits_grow_up_to_five_seconds(stubber: Stubber) -> None:
    starts(stubber)
    for name in ["RUNNING"] * 12 + ["SUCCEEDED"]:
        state(stubber, name)
    waits: list[float] = []
    run_query(SQL, Place(), waits.append)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1], len(waits)) == (0.2, 5.0, 12)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (
            {"StateChangeReason": "COLUMN_NOT_FOUND: line 1:8: Column 'contry' cannot be resolved"},
            UsageError,
            "Column 'contry' cannot be resolved",
        ),
        (
            {
                "StateChangeReason": "INVALID_CAST_ARGUMENT: Cannot cast 'secret' to INT",
                "AthenaError": {"ErrorCategory": 2},
            },
            UsageError,
            "INVALID_CAST_ARGUMENT (the console shows the rest",
        ),
        ({"StateChangeReason": "GENERIC_INTERNAL_ERROR: oops", "AthenaError": {"ErrorCategory": 1, "Retryable": True}},
         StorageError, "GENERIC_INTERNAL_ERROR"),
    ],
)  # fmt: skip
def test_a_failure_is_told_without_values_and_by_whose_fault_it_is(
    stubber: Stubber, status: dict[str, Any], kind: type[SluiceError], said: str
) -> None:
    starts(stubber)
    state(stubber, "FAILED", **status)
    with pytest.raises(kind) as caught:
        run_query(SQL, Place(), lambda _: None)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_interrupt_cancels_the_query_in_athena_too(stubber: Stubber) -> None:
    starts(stubber)
    state(stubber, "RUNNING")
    stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": ID})

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_query(SQL, Place(), interrupted)


def test_a_query_that_somebody_cancelled_and_a_role_that_may_not_are_told_so(stubber: Stubber) -> None:
    starts(stubber)
    state(stubber, "CANCELLED")
    with pytest.raises(StorageError, match="was cancelled by somebody else"):
        run_query(SQL, Place(), lambda _: None)
    stubber.add_client_error("start_query_execution", "AccessDeniedException", "no")
    with pytest.raises(StorageDenied, match="access denied"):
        run_query(SQL, Place(), lambda _: None)
    stubber.add_client_error("start_query_execution", "InvalidRequestException", "No output location provided.")
    with pytest.raises(UsageError, match="No output location provided"):
        run_query(SQL, Place(), lambda _: None)


def test_a_result_without_rows_has_its_heads(stubber: Stubber) -> None:
    page(stubber, [["country"]], None, None, "varchar")
    heads, rows = result(ID)
    assert (heads.names, list(rows)) == (("country",), [])


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1", "CREATE TABLE x AS SELECT 1", "DROP TABLE t", "SELECT 1; SELECT 2", "",
        "UNLOAD (SELECT 1) TO 's3://x' WITH (format = 'JSON')", "DELETE FROM t", "EXECUTE p", "MSCK REPAIR TABLE t",
        "WITH x AS (INSERT INTO t VALUES (1)) SELECT 1", "SELECT * FROM `t`", "SELECT FROM WHERE",
    ],
)  # fmt: skip
def test_what_is_no_single_select_is_not_sent(stubber: Stubber, sql: str) -> None:
    with pytest.raises(ProblemsError):
        run_query(sql, Place())


@pytest.mark.parametrize(
    "sql", [SQL, "WITH t AS (SELECT 1 AS a) SELECT a FROM t UNION ALL SELECT 2;", "VALUES (1, 2)",
            "SELECT element_at(reasons, 1).rule FROM q WHERE at > TIMESTAMP '2017-11-26 00:00:00 UTC'"],
)  # fmt: skip
def test_a_select_is_sent(sql: str) -> None:
    check_query(sql)
