"""A suite that would raise, or cannot be judged, is refused before data is read, with expectation and reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sluice.errors import SuiteError
from sluice.quality.load import recorded_suite
from sluice.quality.predicates import row_checks
from sluice.quality.probe import probe
from sluice.quality.suite import classify
from test_predicates import PARAMETERS, contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BETWEEN, IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
REGEX, NOT_NULL = "expect_column_values_to_match_regex", "expect_column_values_to_not_be_null"
SUPPLIED = "batch_arrival_min, batch_arrival_max, run_date"


def _suite(*entries: tuple[str, dict[str, Any]]) -> Any:
    expectations = [{"type": type_, "kwargs": kwargs} for type_, kwargs in entries]
    return recorded_suite("kinds", json.dumps({"name": "kinds", "expectations": expectations}))


def refused(type_: str, **kwargs: Any) -> list[str]:
    """The problems of a suite of one expectation, without its place."""
    with pytest.raises(SuiteError) as error:
        classify(_suite((type_, kwargs)), contract())
    start = f"expectations[0] {type_}: "
    assert all(problem.startswith(start) for problem in error.value.problems)
    return [problem.removeprefix(start) for problem in error.value.problems]


def between(**kwargs: Any) -> list[str]:
    return refused(BETWEEN, **{"column": "x", "min_value": 0, **kwargs})


def test_a_type_that_nobody_knows_is_refused_and_not_dropped() -> None:
    problem = "Great Expectations has no such type (did you mean `expect_column_values_to_not_be_null`?)"
    assert refused("expect_column_values_to_not_be_nul", column="x") == [problem]


def test_what_runs_python_is_sql_or_is_not_there_for_spark_is_refused() -> None:
    python = "cannot be checked: it runs Python for every row, which would take longer than all the rest of a run"
    assert refused("expect_column_values_to_match_json_schema", column="s", json_schema={}) == [python]
    sql = "cannot be checked: it is SQL over the whole batch, of which nothing can be told before data is read"
    assert refused("unexpected_rows_expectation", unexpected_rows_query="SELECT 1") == [sql]
    spark = "cannot be checked: it is not there for Spark in Great Expectations"
    assert refused("expect_column_values_to_match_like_pattern", column="s", like_pattern="a") == [spark]


def test_arguments_that_do_not_belong_or_are_missing_are_refused() -> None:
    assert between(max="1") == ["`max` is no argument of it"]
    assert between(min_value=None) == ["min_value and max_value cannot both be None"]
    assert refused(BETWEEN, min_value=1) == ["column: field required"]
    assert between(result_format="COMPLETE", batch_id="b") == [
        "`batch_id` is for the run to decide",
        "`result_format` is for the run to decide",
    ]
    unexpected = "match_on: unexpected value; permitted: 'any', 'all'"
    assert refused(f"{REGEX}_list", column="s", regex_list=["a"], match_on="one") == [unexpected]


def test_columns_that_are_not_there_are_refused_wherever_they_stand() -> None:
    assert between(column="X1") == ["column `X1` is none of the contract's (did you mean `x`?)"]
    condition = {"type": "nullity", "column": {"name": "nowhere"}, "is_null": True}
    assert between(row_condition=condition) == ["row_condition: column `nowhere` is none of the contract's"]
    assert between(row_condition="nowhere > 1") == ["row_condition names `nowhere`, which is no column of the contract"]
    assert refused(NOT_NULL, column="_record_hash") == [
        "`_record_hash` is no part of a row while it is judged; it can be asked to be unique"
    ]


def test_parameters_that_no_run_supplies_are_refused() -> None:
    def parameter(expression: str) -> list[str]:
        return between(column="at", min_value={"$PARAMETER": expression})

    assert parameter("batch_arival_max") == [
        f"min_value: no run supplies the parameter `batch_arival_max` (did you mean `batch_arrival_max`?); "
        f"there are: {SUPPLIED}"
    ]
    moving = "min_value: `now()` differs between runs over the same batch; use batch_arrival_max or run_date"
    assert parameter("now() - timedelta(hours=1)") == [moving]
    assert parameter("9^9") == [
        "min_value: powers (`^`) are not computed: a small text could ask for a number without end"
    ]
    assert parameter("batch_arrival_max * 2")[0].startswith("Error while evaluating suite parameter expression:")
    within = "value_set: a $PARAMETER must be the whole argument; Great Expectations leaves it where it is"
    assert refused(IN_SET, column="day", value_set=[{"$PARAMETER": "run_date"}]) == [within]


def test_a_text_is_not_compared_with_a_number_which_would_be_null_in_silence() -> None:
    assert between(column="s") == ["column `s` is string, and bounds are for numbers, days and instants alone"]
    assert between(column="at") == ["min_value: '0.0' cannot be compared: column `at` is timestamp"]
    assert between(min_value="2017-11-26") == ["min_value: '2017-11-26' cannot be compared: column `x` is double"]
    assert between(column="at", min_value="2017-11-26", max_value="2017-11-26T15:00:00Z") == [
        "min_value and max_value: a day and an instant cannot be compared; make both the same"
    ]
    assert refused(IN_SET, column="s", value_set=["a", 1]) == ["value_set: 1 cannot be equal: column `s` is string"]
    assert refused(IN_SET, column="n", value_set=["1"]) == ["value_set: '1' cannot be equal: column `n` is bigint"]
    assert refused(IN_SET, column="at", value_set=["2017-11-26"]) == [
        "column `at` is timestamp, of which no set can be written in JSON; use bounds"
    ]
    assert refused(REGEX, column="n", regex="1") == ["column `n` is bigint, and a regex looks at text alone"]
    assert refused("expect_column_pair_values_to_be_equal", column_A="s", column_B="n") == [
        "columns of different kinds cannot be compared: `s` is string, `n` is bigint"
    ]
    condition = {"type": "comparison", "column": {"name": "s"}, "operator": "==", "parameter": 1}
    assert between(row_condition=condition) == ["row_condition: 1 cannot be compared: column `s` is string"]
    assert refused("expect_column_mean_to_be_between", column="s", min_value=0) == [
        "column `s` is string, and only numbers can be reckoned with"
    ]


def test_a_row_condition_is_a_function_of_one_row_and_of_the_row_alone() -> None:
    assert between(row_condition="rand() > 0.5") == [
        "row_condition calls `rand`, which may give another value in another run"
    ]
    assert between(row_condition="x = (SELECT 1)") == [
        "row_condition has a subquery, but must be a function of one row"
    ]
    assert between(row_condition="x >")[0].startswith("row_condition does not parse: ")
    pandas = "condition_parser: expected `spark` or `great_expectations`, found `pandas`; rows are Spark's"
    assert between(row_condition="x > 1", condition_parser="pandas") == [pandas]


def test_a_row_condition_that_great_expectations_leaves_aside_is_refused() -> None:
    pairs = {"column_A": "s", "column_B": "n", "value_pairs_set": [["a", 1]], "row_condition": "x > 0"}
    assert refused("expect_column_pair_values_to_be_in_set", **pairs) == [
        "row_condition: Great Expectations leaves that of this type aside for half of what it counts"
    ]


def test_a_parameter_that_the_run_forgot_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="parameters of the run that are missing: run_date"):
        row_checks(None, contract(), _suite(), {k: v for k, v in PARAMETERS.items() if k != "run_date"})  # type: ignore[arg-type]


def test_what_only_spark_can_tell_is_told_by_a_probe_all_at_once(spark: SparkSession) -> None:
    x = {"column": "x", "min_value": 0}
    suite = _suite(
        (REGEX, {"column": "s", "regex": "[a"}),
        (BETWEEN, x),
        (f"{REGEX}_list", {"column": "s", "regex_list": ["^never", "(?<a"], "match_on": "all"}),
        (BETWEEN, {**x, "row_condition": "s > 5"}),
        (BETWEEN, {**x, "row_condition": "s = 'never' AND t RLIKE '['"}),
        (BETWEEN, {**x, "row_condition": "flag AND x"}),
    )
    checks = row_checks(spark, contract(), suite, PARAMETERS)
    with pytest.raises(SuiteError) as error:
        probe(spark, contract(), checks, "expectations/kinds.json")
    problems = error.value.problems
    regex = "its regex does not compile; it must be one of Java's"
    text = 'a value of the type "STRING" cannot be cast to "BIGINT"'
    assert problems[:4] == (
        f"expectations[0] {REGEX}: {regex}",
        f"expectations[2] {REGEX}_list: {regex}",
        f"expectations[3] {BETWEEN}: gives NULL in silence where ANSI SQL raises: [CAST_INVALID_INPUT] {text}; "
        "compare like with like, or use try_cast",
        f"expectations[4] {BETWEEN}: {regex}",
    )
    assert problems[4].startswith(f"expectations[5] {BETWEEN}: Spark refuses it: [DATATYPE_MISMATCH")
    assert len(problems) == 5
    assert str(error.value).startswith("expectations/kinds.json: 5 problems\n")


def test_bounds_in_the_wrong_order_are_refused(spark: SparkSession) -> None:
    with pytest.raises(SuiteError, match=f"{BETWEEN}: min_value cannot be greater than max_value"):
        row_checks(spark, contract(), _suite((BETWEEN, {"column": "x", "min_value": 2, "max_value": 1})), PARAMETERS)


def test_a_probe_and_the_making_of_predicates_cost_no_job_for_each_expectation(spark: SparkSession) -> None:
    tracker = spark.sparkContext.statusTracker()

    def jobs(count: int) -> int:
        before = len(tracker.getJobIdsForGroup())
        entries = [(BETWEEN, {"column": "x", "min_value": n, "row_condition": f"n > {n}"}) for n in range(count)]
        probe(spark, contract(), row_checks(spark, contract(), _suite(*entries), PARAMETERS))
        return len(tracker.getJobIdsForGroup()) - before

    assert jobs(1) == jobs(6) <= 1
