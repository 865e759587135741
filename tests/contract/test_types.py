from __future__ import annotations

import pytest

from sluice.contract.types import TypeTextError, parse_type


@pytest.mark.parametrize(
    ("text", "canonical"),
    {
        "BIGINT": "bigint",
        "Long": "bigint",
        "decimal": "decimal(10,0)",
        "NUMERIC( 38 , 38 )": "decimal(38,38)",
        "array< Map<STRING , array<int>> >": "array<map<string,array<int>>>",
        "STRUCT<userId: long, `a b` string>": "struct<userId:bigint,`a b`:string>",
        "struct<`c``d`: struct<x:real>>": "struct<`c``d`:struct<x:float>>",
        "Map<string, JSON>": "map<string,json>",
    }.items(),
)
def test_a_type_is_brought_to_one_spelling(text: str, canonical: str) -> None:
    assert parse_type(text).text == canonical
    assert parse_type(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "problem"),
    {
        "": "`` is not a type a contract may use",
        "timestamp_ntz": "`timestamp_ntz` is not a type a contract may use",
        "int int": "nothing may follow the type, found `int` in `int int`",
        "decimal(39,0)": "decimal(p,s) needs 1 <= p <= 38 and 0 <= s <= p, found decimal(39,0)",
        "decimal(a)": "expected a number, found `a` in `decimal(a)`",
        "array<int": "expected `>`, found the end in `array<int`",
        "map<int,int>": "the key of a map is string, as in JSON; found int",
        "struct<>": "expected the name of a struct field, found `>` in `struct<>`",
        "struct<a:int,A:int>": "struct field `A` is there twice (Spark does not tell upper and lower case apart)",
        "array<" * 60 + "int" + ">" * 60: "types nest at most 50 deep",
    }.items(),
)
def test_what_is_no_type_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(TypeTextError) as error:
        parse_type(text)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("text", "ddl"),
    {
        "json": "string",
        "array<json>": "array<string>",
        "struct<`a b`: map<string,json>, c: decimal(3,1)>": "struct<`a b`:map<string,string>,c:decimal(3,1)>",
        "bigint": "bigint",
    }.items(),
)
def test_to_spark_json_is_a_string_at_every_depth(text: str, ddl: str) -> None:
    assert parse_type(text).ddl == ddl
