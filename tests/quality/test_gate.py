"""The whole-batch checks: Great Expectations' own verdict, in few Spark jobs, and refused before it can raise."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sluice.contract.build import build
from sluice.contract.model import Contract
from sluice.errors import AccountingError, SuiteError
from sluice.quality.expectations import engine_for, quiet
from sluice.quality.gate import gate_columns, probe_gate, validate
from sluice.quality.load import recorded_suite
from sluice.quality.model import Result, Suite
from sluice.quality.suite import classify, examined
from support.contracts import text_of, visits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ARRIVAL: Mapping[str, datetime | date] = {
    "batch_arrival_min": datetime(2017, 11, 26, 15, tzinfo=UTC),
    "batch_arrival_max": datetime(2017, 11, 26, 16, tzinfo=UTC),
    "run_date": date(2017, 11, 27),
}
ROWS = 60


@pytest.fixture(scope="module")
def contract() -> Contract:
    return build(text_of(visits()), "visits.yaml")


@pytest.fixture(scope="module")
def rows(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """Sixty rows in two Parquet files: NULLs in path and size, an id three times, two days."""
    uri = str(tmp_path_factory.mktemp("batch") / "rows")
    made = spark.range(0, ROWS, 1, 2).selectExpr(
        "CASE WHEN id < 3 THEN 'same' ELSE concat('v', id) END AS id",
        "timestamp_seconds(1511711811 + id * 3600) AS visited_at",
        "to_date(timestamp_seconds(1511711811 + id * 3600)) AS visited_on",
        "CASE WHEN id % 4 > 0 THEN concat('/', id % 3) END AS path",
        "CASE WHEN id % 5 > 0 THEN CAST(id AS double) / 10 END AS size",
        "unhex(sha2(CAST(id AS string), 256)) AS _record_hash",
        "CAST(NULL AS string) AS _rescued",
    )
    made.write.parquet(uri)
    return spark.read.schema(made.schema).parquet(uri)


def suite(*expectations: tuple[str, dict[str, Any]] | dict[str, Any]) -> Suite:
    entries = [one if isinstance(one, dict) else {"type": one[0], "kwargs": one[1]} for one in expectations]
    return recorded_suite("visits", json.dumps({"name": "visits", "expectations": entries}))


WIDE: list[tuple[str, dict[str, Any]]] = [
    ("expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 59}),
    ("expect_table_columns_to_match_set", {"column_set": ["id", "path"], "exact_match": False}),
    ("expect_column_to_exist", {"column": "id"}),
    ("expect_column_values_to_be_of_type", {"column": "size", "type_": "DoubleType"}),
    ("expect_column_max_to_be_between", {"column": "size", "max_value": 5.9, "strict_max": True}),
    ("expect_column_min_to_be_between", {"column": "visited_on", "min_value": "2017-11-26"}),
    ("expect_column_mean_to_be_between", {"column": "size", "min_value": 1, "max_value": 2}),
    ("expect_column_sum_to_be_between", {"column": "size", "min_value": 1}),
    ("expect_column_stdev_to_be_between", {"column": "size", "max_value": 1}),
    ("expect_column_median_to_be_between", {"column": "size", "max_value": 9}),
    ("expect_column_proportion_of_non_null_values_to_be_between", {"column": "path", "min_value": 0.75}),
    ("expect_column_proportion_of_unique_values_to_be_between", {"column": "path", "max_value": 0.01}),
    ("expect_column_unique_value_count_to_be_between", {"column": "path", "min_value": 3, "max_value": 3}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "path", "value_set": ["/0", "/1"]}),
    ("expect_column_distinct_values_to_equal_set", {"column": "path", "value_set": ["/0", "/1", "/2"]}),
    ("expect_column_distinct_values_to_contain_set", {"column": "path", "value_set": ["/0", "/9"]}),
    ("expect_column_most_common_value_to_be_in_set", {"column": "id", "value_set": ["same"]}),
    (
        "expect_column_quantile_values_to_be_between",
        {"column": "size", "quantile_ranges": {"quantiles": [0.1, 0.9], "value_ranges": [[0, 1], [None, 1]]}},
    ),
    ("expect_column_values_to_be_unique", {"column": "id"}),
    ("expect_column_values_to_be_unique", {"column": "id", "mostly": 0.9}),
    ("expect_column_values_to_be_unique", {"column": "path"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["path", "visited_on"]}),
    ("expect_column_values_to_be_increasing", {"column": "size"}),
    ("expect_column_value_z_scores_to_be_less_than", {"column": "size", "threshold": 1, "double_sided": True}),
    (
        "expect_column_kl_divergence_to_be_less_than",
        {
            "column": "path",
            "partition_object": {"values": ["/0", "/1", "/2"], "weights": [0.4, 0.3, 0.3]},
            "threshold": 1,
        },
    ),
]
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"row_condition": "path IS NOT NULL AND size < 3", "condition_parser": "spark"},
    {"row_condition": "id = 'nobody'", "condition_parser": "spark"},
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=["all rows", "some rows", "no row"])
def test_a_check_finds_what_great_expectations_finds(
    spark: SparkSession, contract: Contract, rows: DataFrame, condition: dict[str, Any]
) -> None:
    # Not all again with each condition: a window without partitions takes its time.
    chosen = [one for one in WIDE[4::2] if not _of_the_table(one[0])] if condition else WIDE
    asked = suite(*[(type_, {**kwargs, **condition}) for type_, kwargs in chosen])
    found = validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS, ("_record_hash",))
    expected = _by_great_expectations(spark, contract, asked, rows)
    for one, (success, details) in zip(found, expected, strict=True):
        assert one.success == success, one
        if "unexpected_percent" in details:
            assert one.failed == (details["unexpected_count"] or 0), one
            assert one.evaluated == details["element_count"] - (details["missing_count"] or 0), one
        elif isinstance(details.get("observed_value"), float):
            assert one.observed_value == pytest.approx(details["observed_value"]), one


def _of_the_table(type_: str) -> bool:
    return type_.startswith("expect_table_columns") or type_ in (
        "expect_column_to_exist",
        "expect_column_values_to_be_of_type",
    )


def _by_great_expectations(
    spark: SparkSession, contract: Contract, asked: Suite, rows: DataFrame
) -> list[tuple[bool, dict[str, Any]]]:
    """Its own validation of the whole DataFrame, with its own result format."""
    with quiet():
        from great_expectations.validator.validator import Validator

        validator = Validator(execution_engine=engine_for(spark, rows))
        found = validator.graph_validate(
            [one.expectation.configuration for one in examined(asked, contract, ARRIVAL)],
            runtime_configuration={"result_format": {"result_format": "BASIC"}},
        )
    assert not [one for one in found if one.exception_info["raised_exception"]]
    return [(bool(one.success), dict(one.result)) for one in found]


def jobs(spark: SparkSession, work: Callable[[], object]) -> int:
    context, group = spark.sparkContext, uuid.uuid4().hex
    context.setJobGroup(group, "counted")
    try:
        work()
    finally:
        context.setJobGroup("", "")
    return len(context.statusTracker().getJobIdsForGroup(group))


def test_more_aggregates_over_the_same_rows_are_no_more_jobs(
    spark: SparkSession, contract: Contract, rows: DataFrame
) -> None:
    few = suite(
        *[(f"expect_column_{what}_to_be_between", {"column": "size", "min_value": 0}) for what in ("max", "sum")]
    )
    many = suite(
        *[
            (f"expect_column_{what}_to_be_between", {"column": column, "min_value": value})
            for what in ("max", "min")
            for column, value in [("size", 0), ("size", 1), ("visited_on", "2017-01-01")]
        ],
        ("expect_column_mean_to_be_between", {"column": "size", "min_value": 0}),
        ("expect_column_sum_to_be_between", {"column": "size", "min_value": 0}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
    )

    def asked(which: Suite) -> Callable[[], object]:
        checks = classify(which, contract)
        return lambda: validate(spark, contract, which, checks, ARRIVAL, rows, ROWS, ("_record_hash",))

    assert jobs(spark, asked(many)) == jobs(spark, asked(few)) <= 4


def test_what_is_proven_unique_is_not_looked_at_again(spark: SparkSession, contract: Contract, rows: DataFrame) -> None:
    asked = suite(
        ("expect_column_values_to_be_unique", {"column": "_record_hash"}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
    )
    checks = classify(asked, contract)
    assert "_record_hash" not in gate_columns(asked, contract)
    without = rows.drop("_record_hash")
    found = validate(spark, contract, asked, checks, ARRIVAL, without, ROWS, ("_record_hash",))
    assert (found[0].evaluated, found[0].failed, found[0].success) == (ROWS, 0, True)
    assert "duplicates" in found[0].observed
    assert jobs(spark, lambda: validate(spark, contract, asked, checks, ARRIVAL, without, ROWS, ("_record_hash",))) <= 2


def test_more_than_what_is_proven_unique_is_unique_as_well(
    spark: SparkSession, contract: Contract, rows: DataFrame
) -> None:
    asked = suite(
        ("expect_compound_columns_to_be_unique", {"column_list": ["path", "id"]}),
        ("expect_column_values_to_be_unique", {"column": "id", "mostly": 0.5}),
    )
    # It is not so, which shows that what is proven is believed.
    found = validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS, ("id",))
    assert [(one.evaluated, one.failed, one.success) for one in found] == [(ROWS, 0, True)] * 2


def test_uniqueness_of_less_than_what_is_proven_is_reckoned(
    spark: SparkSession, contract: Contract, rows: DataFrame
) -> None:
    asked = suite(
        ("expect_column_values_to_be_unique", {"column": "path"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["id", "path"]}),
    )
    found = validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS, ("id", "visited_at"))
    assert [one.failed > 0 for one in found] == [True, False]
    assert not any("duplicates" in one.observed for one in found)


def test_of_a_batch_without_rows_nothing_is_asked(spark: SparkSession, contract: Contract, rows: DataFrame) -> None:
    asked = suite(("expect_table_row_count_to_be_between", {"min_value": 1}))
    checks = classify(asked, contract)
    assert validate(spark, contract, asked, checks, ARRIVAL, rows.limit(0), 0, ("_record_hash",)) == []


def test_other_rows_than_were_counted_are_no_ground_for_a_verdict(
    spark: SparkSession, contract: Contract, rows: DataFrame
) -> None:
    asked = suite(("expect_column_max_to_be_between", {"column": "size", "max_value": 100}))
    with pytest.raises(AccountingError, match="asked about 61 rows and saw 60"):
        validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS + 1, ("_record_hash",))


def test_rows_that_cannot_be_read_are_the_storages_fault_and_never_a_verdict(
    spark: SparkSession, contract: Contract, rows: DataFrame, tmp_path: Path
) -> None:
    uri = str(tmp_path / "gone")
    rows.write.parquet(uri)
    gone = spark.read.schema(rows.schema).parquet(uri)
    for file in Path(uri).glob("*.parquet"):
        file.write_bytes(b"no parquet")
    asked = suite(("expect_column_max_to_be_between", {"column": "size", "max_value": 100}))
    with pytest.raises(Exception, match=r"(?i)parquet") as raised:
        validate(spark, contract, asked, classify(asked, contract), ARRIVAL, gone, ROWS, ("_record_hash",))
    assert type(raised.value).__module__.startswith(("pyspark", "py4j"))


def test_nothing_of_a_batch_stays_cached(spark: SparkSession, contract: Contract, rows: DataFrame) -> None:
    asked = suite(("expect_column_values_to_be_unique", {"column": "id"}))
    cached = spark.sparkContext._jsc.getPersistentRDDs  # Delta keeps snapshots of tables that other tests have read
    before = set(cached())
    validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS, ("_record_hash",))
    assert set(cached()) <= before
    assert not rows.is_cached


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver whose machine is 14 hours ahead of UTC."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    yield
    monkeypatch.setenv("TZ", before) if before is not None else monkeypatch.delenv("TZ")
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_instants_are_judged_in_utc_wherever_the_driver_is(
    spark: SparkSession, contract: Contract, rows: DataFrame
) -> None:
    # The newest row is of 2017-11-29 02:56:51 UTC.
    def judged(most: str) -> Result:
        asked = suite(("expect_column_max_to_be_between", {"column": "visited_at", "max_value": most}))
        (found,) = validate(spark, contract, asked, classify(asked, contract), ARRIVAL, rows, ROWS, ("_record_hash",))
        return found

    assert judged("2017-11-29T02:56:51").success
    assert not judged("2017-11-29T02:56:50").success
    assert judged("2017-11-29T02:56:51").observed == "2017-11-29 02:56:51+00:00"
    assert judged("2017-11-29T12:56:51+10:00").success


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("expect_column_max_to_be_between", {"column": "visited_on", "max_value": {"$PARAMETER": "batch_arrival_max"}}),
    (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "size",
            "quantile_ranges": {"quantiles": [0.1, 0.9], "value_ranges": [[0, 1], [0, 1]]},
            "allow_relative_error": 7.5,
        },
    ),
    (
        "expect_column_mean_to_be_between",
        {"column": "size", "min_value": 0, "row_condition": "nobody(size) > 1", "condition_parser": "spark"},
    ),
]


def test_a_check_that_would_raise_is_refused_with_its_place_and_reason(spark: SparkSession, contract: Contract) -> None:
    sound = ("expect_column_mean_to_be_between", {"column": "size", "min_value": 0})
    hidden = {"row_condition": "path = 'no sample row'", "condition_parser": "spark"}
    day = REFUSED[0]
    for wrong in (day, (day[0], {**day[1], **hidden})):
        asked = suite(sound, wrong, sound)
        with pytest.raises(SuiteError) as raised:
            probe_gate(spark, contract, asked, classify(asked, contract), ARRIVAL)
        (problem,) = raised.value.problems
        assert problem.startswith("expectations[1] expect_column_max_to_be_between: cannot be judged: ")
        assert "Traceback" not in str(raised.value)


def test_a_sound_suite_is_not_refused(spark: SparkSession, contract: Contract) -> None:
    asked = suite(*WIDE)
    probe_gate(spark, contract, asked, classify(asked, contract), ARRIVAL)


def test_only_columns_that_a_check_looks_at_are_read(contract: Contract) -> None:
    asked = suite(
        (
            "expect_column_max_to_be_between",
            {"column": "size", "row_condition": "path IS NULL", "condition_parser": "spark"},
        ),
        ("expect_column_values_to_not_be_null", {"column": "visited_at"}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
    )
    assert gate_columns(asked, contract) == {"size", "path"}
    everything = suite(("expect_table_column_count_to_equal", {"value": 7}))
    assert gate_columns(everything, contract) == {column.name for column in contract.columns} | {
        "_record_hash",
        "_rescued",
    }
