"""Expressions that only Spark can judge, on the lane at hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from pyspark.sql import SparkSession

from sluice.contract.load import load_contract, parse_contract
from sluice.contract.model import Contract, RawField
from sluice.contract.types import parse_type
from sluice.curate.extremes import SIDE, extreme_rows, extreme_values
from sluice.curate.probe import probe_expressions
from sluice.errors import ContractError

RAW = {
    "n": "bigint",
    "i": "int",
    "x": "double",
    "s": "string",
    "t": "string",
    "d": "decimal(38,2)",
    "b": "boolean",
    "tags": "array<string>",
    "page": "struct<id:bigint,names:array<string>>",
    "m": "map<string,bigint>",
    "j": "json",
    "js": "array<json>",
}
BOUND = "bound it with CASE WHEN .. BETWEEN .. AND .. THEN .. END"
WRONG = "gives a wrong value instead of NULL for extreme values: "


def contract(columns: Sequence[tuple[str, str]], filters: Sequence[str] = ()) -> Contract:
    """A contract of expressions and their declared types, called c0, c1, ..; JSON is YAML too."""
    raw = [{"name": name, "physicalType": type_} for name, type_ in RAW.items()]
    curated = [
        {"name": f"c{number}", "physicalType": type_, "transformLogic": logic}
        for number, (logic, type_) in enumerate(columns)
    ]
    kinds = [{"kind": f"k{number}", "expression": expression} for number, expression in enumerate(filters)]
    said = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "things",
        "version": "1.0.0",
        "schema": [{"name": "raw", "properties": raw}, {"name": "things", "properties": curated}],
        "customProperties": [{"property": "recordFilters", "value": kinds}],
    }
    return parse_contract(json.dumps(said), "things.yaml")


def problems(spark: SparkSession, of: Contract) -> list[str]:
    try:
        probe_expressions(spark, of)
    except ContractError as error:
        return list(error.problems)
    return []


SOUND = [
    ("trim(s)", "string"),
    ("CASE WHEN n BETWEEN -62135596800000 AND 253402300799999 THEN timestamp_millis(n) END", "timestamp"),
    ("to_date(c1)", "date"),
    ("try_cast(s AS int)", "int"),
    ("CAST(s AS timestamp)", "timestamp"),
    ("try_multiply(n, 1000)", "bigint"),
    ("try_add(n, CAST(i AS bigint))", "bigint"),
    ("CAST(d AS decimal(10,2))", "decimal(10,2)"),
    ("x / 0", "double"),
    ("element_at(tags, 3)", "string"),
    ("tags[5]", "string"),
    ("page.id", "bigint"),
    ("transform(page.names, v -> upper(v))", "array<string>"),
    ("map_keys(m)", "array<string>"),
    ("named_struct('a', n)", "struct<a:bigint>"),
    ("sha2(s, 256)", "string"),
    ("from_json(s, 'a bigint').a", "bigint"),
    ("to_timestamp(s, 'yyyy-MM-dd')", "timestamp"),
    ("get_json_object(j, '$.a')", "string"),
    ("from_json(js[0], 'a bigint').a", "bigint"),
]


def test_sound_expressions_pass_and_the_session_is_left_as_it_was(spark: SparkSession) -> None:
    before = {key: spark.conf.get(key) for key in ("spark.sql.ansi.enabled", "spark.sql.session.timeZone")}

    probe_expressions(spark, contract(SOUND, ["s = 'x' AND n > 3"]))
    probe_expressions(spark, load_contract("app_messages"))

    assert {key: spark.conf.get(key) for key in before} == before


UNSOUND = [
    ("timestamp_millis(n)", "timestamp", f"stops the batch for extreme values: long overflow; {BOUND}"),
    ("timestamp_micros(n)", "timestamp", f"gives instants outside the years 1 to 9999 for extreme values; {BOUND}"),
    ("CAST(n AS timestamp)", "timestamp", f"gives instants outside the years 1 to 9999 for extreme values; {BOUND}"),
    (
        "date_add(to_date('2017-11-26'), i)",
        "date",
        f"gives instants outside the years 1 to 9999 for extreme values; {BOUND}",
    ),
    ("n * 1000", "bigint", f"{WRONG}[ARITHMETIC_OVERFLOW] long overflow; write try_multiply, or {BOUND}"),
    ("n + i", "bigint", f"{WRONG}[ARITHMETIC_OVERFLOW] long overflow; write try_add, or {BOUND}"),
    ("abs(n)", "bigint", f"{WRONG}[ARITHMETIC_OVERFLOW] long overflow; {BOUND}"),
    (
        "CAST(n AS int)",
        "int",
        f'{WRONG}[CAST_OVERFLOW] a value of the type "BIGINT" cannot be cast to "INT" due to an overflow; '
        f"write try_cast, or {BOUND}",
    ),
    (  # '1.5' would be 1
        "CAST(s AS int)",
        "int",
        f'{WRONG}[CAST_INVALID_INPUT] a value of the type "STRING" cannot be cast to "INT" because it is malformed. '
        f"Correct the value as per the syntax, or change its target type; write try_cast, or {BOUND}",
    ),
    (
        "CAST(x AS bigint)",
        "bigint",
        f'{WRONG}[CAST_OVERFLOW] a value of the type "DOUBLE" cannot be cast to "BIGINT" due to an overflow; '
        f"write try_cast, or {BOUND}",
    ),
    ("n / 2", "bigint", "gives double, but bigint is declared: write TRY_CAST(n / 2 AS bigint)"),
    ("n", "string", "gives bigint, but string is declared: write TRY_CAST(n AS string)"),
]


def test_every_expression_that_raises_wraps_or_has_another_type_is_refused_all_at_once(spark: SparkSession) -> None:
    columns = [(logic, type_) for logic, type_, _ in UNSOUND]

    assert problems(spark, contract(columns, ["n", "n * 2 > 5"])) == [
        "recordFilters[0] k0: expression gives bigint, but a filter is boolean",
        f"recordFilters[1] k1: expression {WRONG}[ARITHMETIC_OVERFLOW] long overflow; write try_multiply, or {BOUND}",
        *(
            f"schema[1].properties[{number}] c{number}: transformLogic {problem}"
            for number, (_, _, problem) in enumerate(UNSOUND)
        ),
    ]


def test_a_fallback_for_what_cannot_be_cast_is_a_wrong_value(spark: SparkSession) -> None:
    """With a default, ANSI off turns text that is no number into that default, and nobody would ever know."""
    (problem,) = problems(spark, contract([("coalesce(CAST(s AS int), 0)", "int")]))

    assert problem.startswith(
        f"schema[1].properties[0] c0: transformLogic {WRONG}[CAST_INVALID_INPUT] a value of the type"
    )
    assert problem.endswith(f"; write try_cast, or {BOUND}")
    assert problems(spark, contract([("coalesce(try_cast(s AS int), 0)", "int")])) == []


def test_what_spark_does_not_know_is_reported_and_the_rest_is_still_tried(spark: SparkSession) -> None:
    found = problems(spark, contract([("tags + 1", "string"), ("concat(c0, s)", "string"), ("n + 1", "bigint")]))

    assert [line.split(":")[0] for line in found] == ["schema[1].properties[0] c0", "schema[1].properties[2] c2"]
    assert "does not resolve: [DATATYPE_MISMATCH" in found[0]


def test_a_column_hides_the_raw_field_of_its_name_from_those_after_it(spark: SparkSession) -> None:
    hiding = contract([("CASE WHEN n BETWEEN 0 AND 9 THEN n END", "bigint"), ("n * 1000", "bigint")])
    (wraps,) = problems(spark, hiding)
    assert "properties[1]" in wraps
    (first, second) = hiding.columns
    renamed = type(first)("n", first.type, expression=first.expression, sources=first.sources)

    probe_expressions(spark, type(hiding)(**{**vars(hiding), "columns": (renamed, second)}))


def same(value: object) -> str:
    """Equal text for equal values: the sign of zero and a decimal's digits count, a map's order does not."""
    return json.dumps(value, sort_keys=True, default=repr)


def test_any_two_fields_meet_in_all_pairs_of_their_extremes(spark: SparkSession) -> None:
    made = extreme_rows(spark, contract([("n", "bigint")]))
    rows = [row.asDict(recursive=True) for row in made.collect()]

    assert [field.dataType.simpleString() for field in made.schema] == [parse_type(t).ddl for t in RAW.values()]
    assert len(rows) == SIDE * SIDE
    wanted = {name: {same(value) for value in extreme_values(parse_type(type_))} for name, type_ in RAW.items()}
    for one, other in combinations(RAW, 2):
        seen = {(same(row[one]), same(row[other])) for row in rows}
        assert seen == {(a, b) for a in wanted[one] for b in wanted[other]}


@pytest.mark.parametrize("type_", RAW.values())
def test_null_is_among_the_extremes_and_none_is_left_out(type_: str) -> None:
    values = extreme_values(parse_type(type_))
    assert values[0] is None
    assert 2 < len(values) <= SIDE


def test_the_extremes_of_an_integer_are_its_ends() -> None:
    assert {-(2**63), 2**63 - 1, -1, 0, 1} <= set(extreme_values(parse_type("bigint")))
    assert {-128, 127, -1, 0, 1} <= set(extreme_values(parse_type("tinyint"))) <= {None, *range(-128, 128)}


def test_dates_instants_and_binaries_of_parquet_are_tried_at_their_edges(spark: SparkSession) -> None:
    raw = [RawField("d", "date"), RawField("t", "timestamp"), RawField("b", "binary")]
    of = replace(contract([("1", "int")]), raw=tuple(raw), raw_format="parquet")
    made = extreme_rows(spark, of).selectExpr("string(d) d", "string(t) t", "hex(b) b").collect()
    assert {"0001-01-01", "9999-12-31", "1970-01-01", "1582-10-15"} < {row["d"] for row in made}
    assert {"0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"} < {row["t"] for row in made}
    assert {"", "00", "FFFE", None} < {row["b"] for row in made}
    for field in raw:
        assert len({row[field.name] for row in made}) == len(extreme_values(parse_type(field.type)))
