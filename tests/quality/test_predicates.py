"""Row predicates are Great Expectations' own verdict, row by row, for every type that is listed as row-level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sluice.contract.load import parse_contract
from sluice.contract.model import Contract
from sluice.quality.expectations import ephemeral_context, great_expectations, quiet
from sluice.quality.kinds import NO_ROW_CONDITION, ROW
from sluice.quality.load import recorded_suite
from sluice.quality.model import Suite
from sluice.quality.predicates import RowCheck, row_checks
from sluice.quality.probe import probe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPES = {
    "id": ("integer", "bigint"),
    "x": ("number", "double"),
    "y": ("number", "double"),
    "n": ("integer", "bigint"),
    "m": ("integer", "int"),
    "d": ("number", "decimal(10,2)"),
    "s": ("string", "string"),
    "t": ("string", "string"),
    "day": ("date", "date"),
    "at": ("timestamp", "timestamp"),
    "flag": ("boolean", "boolean"),
}
_NUMBERS = [-1, 0, 1, 2]
_WORDS = ["", "a", "ab", "b c", "é", "A1"]
_DAYS = [date(2017, 11, day) for day in (25, 26, 27)]
_INSTANTS = [datetime(2017, 11, 26, hour, tzinfo=UTC) for hour in (14, 15, 16)]
_VALUES: dict[str, list[Any]] = {
    "x": [None, float("nan"), float("inf"), -1.0, 0.0, -0.0, 0.5, 1.0, 2.0],
    "y": [None, float("nan"), -1.0, 0.0, 0.5, 1.0],
    "n": [None, *_NUMBERS, 2**53 + 1],
    "m": [None, *_NUMBERS],
    "d": [None, Decimal("0.50"), Decimal("1.00"), Decimal("-1.00")],
    "s": [None, *_WORDS],
    "t": [None, *_WORDS],
    "day": [None, *_DAYS],
    "at": [None, *_INSTANTS],
    "flag": [None, True, False],
}
PARAMETERS = {
    "batch_arrival_min": datetime(2017, 11, 26, 14, tzinfo=UTC),
    "batch_arrival_max": datetime(2017, 11, 26, 15, tzinfo=UTC),
    "run_date": date(2017, 11, 26),
}


@cache
def contract() -> Contract:
    """One column of every kind a row-level expectation may look at; `id` tells rows apart."""
    properties = [
        {"name": name, "logicalType": logical, "physicalType": physical, "transformLogic": f"CAST(id AS {physical})"}
        for name, (logical, physical) in _TYPES.items()
    ]
    properties[0].pop("transformLogic")
    # Never run here; they only have to be sound.
    for one in properties[1:]:
        one["transformLogic"] = f"CAST(CAST(id AS STRING) AS {one['physicalType']})"
    raw = [{"name": "id", "logicalType": "integer", "physicalType": "bigint"}]
    model = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "kinds",
        "version": "1.0.0",
        "status": "active",
        "schema": [
            {"name": "raw", "physicalType": "json", "properties": raw},
            {"name": "kinds", "physicalType": "table", "properties": properties},
        ],
    }
    return parse_contract(json.dumps(model), "schemas/kinds/v1.yaml")


def _subset(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def _compared(column: str, operator: str, parameter: Any) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


_OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_PLAIN = st.one_of(
    st.builds(_compared, st.sampled_from(["x", "n", "d"]), _OPERATORS, st.sampled_from([-1, 0, 0.5, 1])),
    st.builds(_compared, st.just("s"), _OPERATORS, st.sampled_from(_WORDS)),
    st.builds(_compared, st.just("s"), st.sampled_from(["IN", "NOT_IN"]), _subset(_WORDS)),
    st.builds(_compared, st.just("m"), st.sampled_from(["IN", "NOT_IN"]), _subset(_NUMBERS)),
    st.builds(
        lambda name, null: {"type": "nullity", "column": {"name": name}, "is_null": null},
        st.sampled_from(["x", "s", "flag"]),
        st.booleans(),
    ),
)
_STRUCTURED = st.one_of(
    _PLAIN,
    st.builds(lambda parts: {"type": "and", "conditions": parts}, st.lists(_PLAIN, min_size=2, max_size=3)),
    st.builds(lambda parts: {"type": "or", "conditions": parts}, st.lists(_PLAIN, min_size=2, max_size=3)),
)
_SPARK = st.sampled_from(
    ["x > 0", "s = 'a' OR n < 1", "NOT flag", "s IS NULL", "length(t) > 1 AND s LIKE 'a%'", "isnan(x) OR y = 1"]
)
_OLD = st.sampled_from(['col("s") == "a"', 'col("s") != "a"', 'col("n") > 0', 'col("x").notnull()'])
_CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.builds(lambda condition: {"row_condition": condition}, _STRUCTURED),
    st.builds(lambda text: {"row_condition": text, "condition_parser": "spark"}, _SPARK),
    st.builds(lambda text: {"row_condition": text}, _SPARK),
    st.builds(
        lambda text, parser: {"row_condition": text, "condition_parser": parser},
        _OLD,
        st.sampled_from(["great_expectations", "great_expectations__experimental__"]),
    ),
)
_REGEXES = ["^a", "[0-9]", "^$", "b.c", "\\\\w+", "(?i)AB"]
_BOUNDS = st.one_of(
    st.fixed_dictionaries(
        {"column": st.sampled_from(["x", "n", "m", "d"]), "min_value": st.sampled_from([-1, 0, 0.5])}
    ),
    st.fixed_dictionaries({"column": st.sampled_from(["x", "n"]), "max_value": st.sampled_from([0, 1, 1.5])}),
    st.fixed_dictionaries(
        {"column": st.just("x"), "min_value": st.just(0), "max_value": st.just(1)},
        optional={"strict_min": st.booleans(), "strict_max": st.booleans()},
    ),
    st.fixed_dictionaries(
        {
            "column": st.sampled_from(["at", "day"]),
            "min_value": st.sampled_from(["2017-11-26T15:00:00Z", {"$PARAMETER": "batch_arrival_min"}]),
        },
        optional={
            "max_value": st.sampled_from(
                [{"$PARAMETER": "batch_arrival_max + timedelta(hours=1)"}, {"$PARAMETER": "batch_arrival_max"}]
            )
        },
    ),
    st.fixed_dictionaries(
        {
            "column": st.sampled_from(["at", "day"]),
            "min_value": st.sampled_from(["2017-11-26", "2017-11-26T15:00:00", {"$PARAMETER": "run_date"}]),
        }
    ),
)
_SETS = st.one_of(
    st.fixed_dictionaries({"column": st.just("s"), "value_set": _subset([*_WORDS, None])}),
    st.fixed_dictionaries({"column": st.sampled_from(["x", "n", "m", "d"]), "value_set": _subset([0, 1, 0.5, None])}),
    st.fixed_dictionaries({"column": st.just("day"), "value_set": _subset(["2017-11-26", "2017-11-27"])}),
    st.fixed_dictionaries({"column": st.just("flag"), "value_set": _subset([True, None])}),
    st.fixed_dictionaries({"column": st.just("s"), "value_set": st.just([])}),
)
_REGEX = st.fixed_dictionaries({"column": st.just("s"), "regex": st.sampled_from(_REGEXES)})
_ANY_COLUMN = st.fixed_dictionaries({"column": st.sampled_from(list(_VALUES))})
_PAIR_IGNORES = {"ignore_row_if": st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"])}
_LIST_IGNORES = {"ignore_row_if": st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"])}
_PAIRS = [("x", "y"), ("n", "m"), ("s", "t"), ("day", "at"), ("x", "d")]
_PAIR = st.builds(
    lambda pair, rest: {"column_A": pair[0], "column_B": pair[1], **rest},
    st.sampled_from(_PAIRS),
    st.fixed_dictionaries({}, optional=_PAIR_IGNORES),
)
_LIST = st.builds(
    lambda names, rest: {"column_list": names, **rest},
    st.sampled_from([["x", "y"], ["s", "t"], ["n", "m", "x"]]),
    st.fixed_dictionaries({}, optional=_LIST_IGNORES),
)
_LENGTHS = st.fixed_dictionaries(
    {"column": st.sampled_from(["s", "t"]), "min_value": st.sampled_from([0, 1, 2])},
    optional={"max_value": st.sampled_from([2, 3]), "strict_min": st.booleans(), "strict_max": st.booleans()},
)
ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "expect_column_values_to_be_between": _BOUNDS,
    "expect_column_values_to_be_in_set": _SETS,
    "expect_column_values_to_not_be_in_set": _SETS,
    "expect_column_values_to_be_null": _ANY_COLUMN,
    "expect_column_values_to_not_be_null": _ANY_COLUMN,
    "expect_column_values_to_match_regex": _REGEX,
    "expect_column_values_to_not_match_regex": _REGEX,
    "expect_column_values_to_match_regex_list": st.fixed_dictionaries(
        {"column": st.just("s"), "regex_list": _subset(_REGEXES)},
        optional={"match_on": st.sampled_from(["any", "all"])},
    ),
    "expect_column_values_to_not_match_regex_list": st.fixed_dictionaries(
        {"column": st.just("s"), "regex_list": _subset(_REGEXES)}
    ),
    "expect_column_value_lengths_to_be_between": _LENGTHS,
    "expect_column_value_lengths_to_equal": st.fixed_dictionaries(
        {"column": st.just("s"), "value": st.sampled_from([0, 1, 2])}
    ),
    "expect_column_pair_values_to_be_equal": _PAIR,
    "expect_column_pair_values_a_to_be_greater_than_b": st.builds(
        lambda pair, rest: {**pair, **rest}, _PAIR, st.fixed_dictionaries({}, optional={"or_equal": st.booleans()})
    ),
    "expect_column_pair_values_to_be_in_set": st.builds(
        lambda rest, pairs: {"column_A": "s", "column_B": "n", "value_pairs_set": pairs, **rest},
        st.fixed_dictionaries({}, optional=_PAIR_IGNORES),
        _subset([("a", 1), ("", 0), ("ab", None), (None, 1)]),
    ),
    "expect_multicolumn_sum_to_equal": st.builds(
        lambda names, total, rest: {"column_list": names, "sum_total": total, **rest},
        st.sampled_from([["x", "y"], ["n", "m"], ["d", "m"]]),
        st.sampled_from([0, 1, 1.5]),
        st.fixed_dictionaries({}, optional=_LIST_IGNORES),
    ),
    "expect_multicolumn_values_to_be_equal": _LIST,
    "expect_select_column_values_to_be_unique_within_record": _LIST,
}


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    """A suite with one expectation of every row-level type."""
    entries = []
    for type_, arguments in ARGUMENTS.items():
        kwargs = {**draw(arguments), **(draw(_CONDITIONS) if type_ not in NO_ROW_CONDITION else {})}
        if (mostly := draw(st.sampled_from([None, None, 0, 0.5, 0.9, 1]))) is not None:
            kwargs["mostly"] = mostly
        entries.append({"type": type_, "kwargs": kwargs, "meta": {"sluice": {"name": type_}}})
    return recorded_suite("kinds", json.dumps({"name": "kinds", "expectations": entries}))


ROWS = st.lists(
    st.tuples(*(st.sampled_from(values) for values in _VALUES.values())), min_size=0, max_size=25, unique_by=repr
)


def frame(spark: SparkSession, rows: list[tuple[Any, ...]]) -> DataFrame:
    """The rows as literals, over which Spark filters in its optimizer, without a job."""
    types = [physical for _, physical in _TYPES.values()]
    cells = [
        ", ".join(f"CAST({_literal(value)} AS {type_})" for value, type_ in zip((number, *row), types, strict=True))
        for number, row in enumerate(rows)
    ]
    nothing = ", ".join(f"CAST(NULL AS {type_})" for type_ in types)
    values = ", ".join(f"({row})" for row in (*cells, nothing))
    return spark.sql(f"SELECT * FROM VALUES {values} AS made({', '.join(_TYPES)}) WHERE id IS NOT NULL")


def _literal(value: Any) -> str:
    return "NULL" if value is None else f"'{value}'"


@pytest.fixture
def small_plans(spark: SparkSession) -> Iterator[None]:
    """Great Expectations asks some hundred questions of a few rows: compiling each would take minutes."""
    wanted = {
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
    }
    before = {key: spark.conf.get(key) for key in wanted}
    for key, value in wanted.items():
        spark.conf.set(key, value)
    yield
    for key, value in before.items():
        spark.conf.set(key, value)


def by_great_expectations(rows: DataFrame, suite: Suite) -> dict[str, Any]:
    """What Great Expectations itself says of each expectation, by name."""
    gx = great_expectations()
    context = ephemeral_context()
    with quiet():
        source = context.data_sources.add_spark("spark", persist=False)
        definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
        batch = definition.get_batch({"dataframe": rows})
        validated = batch.validate(
            gx.ExpectationSuite(**json.loads(suite.text)),
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["id"]},
            expectation_parameters=PARAMETERS,
        )
    return {one.expectation_config.meta["sluice"]["name"]: one for one in validated.results}


def by_us(rows: DataFrame, checks: tuple[RowCheck, ...]) -> dict[str, tuple[int, list[int]]]:
    """(rows evaluated, ids of those that fail) of each check, from one look at the rows."""
    from pyspark.sql import functions as F

    columns = [F.struct(check.applies, check.fails).alias(f"_{place}") for place, check in enumerate(checks)]
    found = rows.select("id", *columns).collect()
    for row in found:
        assert all(value is not None for cell in row[1:] for value in cell)
        assert all(applies or not fails for applies, fails in row[1:])
    return {
        check.check.name: (sum(row[place][0] for row in found), [row["id"] for row in found if row[place][1]])
        for place, check in enumerate(checks, 1)
    }


@pytest.mark.usefixtures("small_plans")
# Shrinking would take many minutes; the examples are small as they come.
@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(suite=suites(), rows=ROWS)
def test_the_rows_we_tag_are_the_rows_great_expectations_reports(
    spark: SparkSession, suite: Suite, rows: list[tuple[Any, ...]]
) -> None:
    data = frame(spark, rows)
    checks = row_checks(spark, contract(), suite, PARAMETERS)
    probe(spark, contract(), checks)
    theirs, ours = by_great_expectations(data, suite), by_us(data, checks)
    assert set(ours) == set(theirs) == set(ROW)
    for check in checks:
        name, verdict = check.check.name, theirs[check.check.name]
        assert not verdict.exception_info["raised_exception"], (name, verdict.exception_info)
        evaluated, failed = ours[name]
        told = verdict.result
        reported = sorted(row["id"] for row in told["unexpected_index_list"] or ())
        assert failed == reported, (name, verdict.expectation_config.kwargs)
        assert len(failed) == (told["unexpected_count"] or 0), name  # none where no row was evaluated
        assert evaluated == told["element_count"] - told.get("missing_count", 0), name
        mostly = verdict.expectation_config.kwargs.get("mostly", 1)
        assert verdict.success == (not evaluated or (evaluated - len(failed)) / evaluated >= mostly), name


def test_every_type_listed_as_row_level_is_in_the_property_test() -> None:
    assert set(ARGUMENTS) == set(ROW)
