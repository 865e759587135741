"""What a contract is refused for, each with the whole message."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.contract.load import parse_contract
from sluice.errors import ContractError
from support.contracts import text_of, visits, with_logic

MADE = "schema[1].properties[5] made: "
KEY = {"primaryKey": True, "primaryKeyPosition": 1}
SETTINGS = (
    "there are keep, newestBy, unknownFields, recordFilters, maxRecordBytes, maxNesting, csv, evolveColumns, enrich"
)
TYPES = (
    "string, boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), date, timestamp, binary, array<..>, "
    "struct<..>, map<..>"
)


def problems(contract: dict[str, Any] | str) -> list[str]:
    text = contract if isinstance(contract, str) else text_of(contract)
    try:
        parse_contract(text, "c.yaml")
    except ContractError as error:
        return list(error.problems)
    return []


LOGIC = {
    "trim(idd)": "names `idd`, which neither raw nor an earlier column has (did you mean `id`?)",
    "trim(later)": "names `later`, which neither raw nor an earlier column has",
    "page.pth": "names `page.pth`, but `page` has no field `pth` (did you mean `path`?)",
    "id.x": "names `id.x`, but `id` has no field `x`",
    "trim(id": "does not parse: nothing closes the `(` (line 1, column 5)",
    "trim(id))": "does not parse: nothing opens the `)` (line 1, column 9)",
    "CASE WHEN size > 1": "does not parse: something is missing (line 1, column 18)",
    "CASE WHEN true THEN id": "does not parse: Expected END after CASE (line 1, column 22)",
    " ": "is empty",
    "x" * 20_001: "is longer than 20,000 characters",
    "id; id": "has a `;`, but must be one expression",
    "id AS x": "is not one expression, which is all it may be (no statement, no alias, no list)",
    "DROP TABLE visits": "is not one expression, which is all it may be (no statement, no alias, no list)",
    "(SELECT 1)": "has a subquery, but must be a function of one row",
    "if(id IN (SELECT 1), 1, 2)": "has a subquery, but must be a function of one row",
    "first_value(id)": "calls `first_value`, which is no function of one row",
    "upper(id) OVER ()": "has a window, but must be a function of one row",
    "struct(*)": "has a `*`: name the fields",
    "rand()": "calls `rand`, which may give another value in another run",
    "`uuid`()": "calls `uuid`, which may give another value in another run",
    "current_date": "depends on when or where it runs, so another run may give another value",
    "unix_timestamp()": "depends on when or where it runs, so another run may give another value",
    "CAST(' Today ' AS DATE)": "casts ' Today ' to an instant, which another run reads otherwise",
    "TIMESTAMP 'now'": "casts 'now' to an instant, which another run reads otherwise",
    "my_udf(id)": "calls `my_udf`, which is no function that a contract may use",
    "uper(id)": "calls `uper`, which is no function that a contract may use (did you mean `upper`?)",
    "db.clean(id)": "calls `clean` of something, but only Spark's own functions may be called, by plain name",
    "repeat(id, at)": "calls `repeat`, whose result can grow without bound with a number in the data",
    "lpad(id, at, ' ')": "pads to a width that is not a number of at most 10000",
    "raise_error(id)": "calls `raise_error`, which stops the batch",
    "id = :x": "has a parameter, but nothing fills it in",
}


@pytest.mark.parametrize(("expression", "problem"), LOGIC.items(), ids=[text[:20] for text in LOGIC])
def test_an_expression_that_is_no_pure_function_of_one_record_is_refused(expression: str, problem: str) -> None:
    assert problems(with_logic(expression)) == [f"{MADE}transformLogic {problem}"]


CONTRACTS: dict[str, tuple[dict[str, Any] | str, list[str]]] = {
    "yaml": ("a: [b", ["line 1, column 6: not YAML: expected ',' or ']', but got '<stream end>'"]),
    "no mapping": ("[]", ["line 1: expected a contract (apiVersion, kind, id, version, schema), found no mapping"]),
    "deep": ("[" * 3000, ["line 1: not YAML: it nests too deep"]),
    "number": ("a: 0x_", ["line 1: not YAML: invalid literal for int() with base 16: ''"]),
    "twice": ("id: a\nid: b", ["line 2, column 1: not YAML: key `id` is there twice"]),
    "norway": (
        visits(column_3={"name": False}),
        ["schema[1].properties[3].name: expected a valid string, found False"],
    ),
    "misspelt": (
        visits(column_0={"requierd": True}),
        ["schema[1].properties[0].requierd: the standard has no such field (did you mean `required`?)"],
    ),
    "misspelt top": (visits(shcema=1), ["shcema: the standard has no such field (did you mean `schema`?)"]),
    "head": (
        visits(kind="Contract", apiVersion="v2.2.2", version="1.0"),
        [
            "kind: expected DataContract, found 'Contract'",
            "apiVersion: expected v3.x of the Open Data Contract Standard, found 'v2.2.2'",
            "version: expected major.minor.patch such as 1.0.0, found '1.0'",
        ],
    ),
    "objects": (
        visits(schema=[{"name": "raw"}]),
        ["schema: expected two objects, `raw` (what lands) and `visits` (what is promised), found raw"],
    ),
    "id": (
        visits(id="../x"),
        [
            "id: expected the dataset's name in a-z, 0-9 and _ (100 at most), found '../x'",
            "schema: expected two objects, `raw` (what lands) and `../x` (what is promised), found raw, visits",
        ],
    ),
    "raw twice": (
        visits(raw_0={"name": "At"}, column_0={"transformLogic": "CAST(at AS string)", "name": "b"}),
        ["schema[0].properties[1] at: the name differs from `At` only in case, which Spark ignores"],
    ),
    "column twice": (
        visits(more=[{"name": "PATH", "physicalType": "string", "transformLogic": "id"}]),
        ["schema[1].properties[5] PATH: the name differs from `path` only in case, which Spark ignores"],
    ),
    "reserved": (
        visits(column_3={"name": "_path"}, column_4={"name": "fate", "transformLogic": "size"}),
        [
            "schema[1].properties[3] _path: names that begin with `_` are reserved for the pipeline",
            "schema[1].properties[4] fate: the name `fate` is reserved for the pipeline",
        ],
    ),
    "name": (
        visits(column_3={"name": "a b"}),
        ["schema[1].properties[3] a b: a column's name is a letter, then at most 127 letters, digits and _"],
    ),
    "type": (
        visits(raw_1={"physicalType": "bigin"}),
        [
            f"schema[0].properties[1] at: physicalType bigin: `bigin` is not a type a contract may use; there are "
            f"{TYPES}, json"
        ],
    ),
    "json is raw": (
        visits(column_3={"physicalType": "array<json>", "logicalType": None}),
        [
            "schema[1].properties[3] path: json is for raw fields; in a table the text of a JSON value is string: "
            "array<string>"
        ],
    ),
    "json is text": (
        visits(raw_4={"physicalType": "json", "logicalType": None}),
        [
            "schema[1].properties[4] size: is double, but the raw field is string: write a cast, such as "
            "transformLogic: TRY_CAST(size AS double)"
        ],
    ),
    "no type": (
        visits(column_3={"physicalType": None}),
        [f"schema[1].properties[3] path: has no physicalType, expected one of {TYPES}"],
    ),
    "raw type": (
        visits(raw_1={"physicalType": "timestamp", "logicalType": "timestamp"}),
        [
            "schema[0].properties[1] at: JSON has no timestamp: land it as string or bigint and convert it in "
            "transformLogic"
        ],
    ),
    "logical": (
        visits(column_3={"logicalType": "integer"}),
        [
            "schema[1].properties[3] path: logicalType integer needs physicalType tinyint or smallint or int or bigint "
            "or decimal, found string"
        ],
    ),
    "same type": (
        visits(column_4={"physicalType": "float"}),
        [
            "schema[1].properties[4] size: is float, but the raw field is double: write a cast, such as "
            "transformLogic: "
            "TRY_CAST(size AS float)"
        ],
    ),
    "no field": (
        visits(column_4={"name": "sized"}),
        [
            "schema[1].properties[4] sized: has no transformLogic, and raw has no field of the same name (did you mean "
            "`size`?)"
        ],
    ),
    "unheeded": (
        visits(column_3={"unique": True, "logicalTypeOptions": {"maxLength": 3}, "physicalName": "p"}),
        [
            "schema[1].properties[3] path: unique is not checked by the contract: give the key as primaryKey, or "
            "write an "
            "expectation",
            "schema[1].properties[3] path: logicalTypeOptions.maxLength is not checked by the contract: write an "
            "expectation",
            "schema[1].properties[3] path: physicalName p differs from the name, but a column has one name",
        ],
    ),
    "raw required": (
        visits(raw_0={"required": True}),
        ["schema[0].properties[0] id: required belongs to the curated column, not to a raw field"],
    ),
    "sources": (
        visits(column_3={"transformSourceObjects": ["page.path", "pages"]}),
        [
            "schema[1].properties[3] path: transformSourceObjects names `pages`, which neither raw nor an "
            "earlier column "
            "has (did you mean `page`?)"
        ],
    ),
    "encrypted": (
        visits(column_3={"encryptedName": "pth"}),
        ["schema[1].properties[3] path: encryptedName pth is no other column of this contract (did you mean `path`?)"],
    ),
    "partition gap": (
        visits(column_2={"partitionKeyPosition": 2}),
        ["schema[1].properties[2] visited_on: partitionKeyPosition 2, but no column has 1"],
    ),
    "partition twice": (
        visits(column_3={"partitioned": True, "partitionKeyPosition": 1}),
        ["schema[1].properties[3] path: partitionKeyPosition 1 is taken by visited_on"],
    ),
    "partition missing": (
        visits(column_3={"partitioned": True}),
        ["schema[1].properties[3] path: partitioned together with others needs a partitionKeyPosition"],
    ),
    "partition flag": (
        visits(column_2={"partitioned": False}),
        ["schema[1].properties[2] visited_on: partitionKeyPosition 1, but not partitioned: true"],
    ),
    "partition type": (
        visits(column_4={"partitioned": True, "partitionKeyPosition": 2}),
        ["schema[1].properties[4] size: a partition column cannot be double"],
    ),
    "key": (
        visits(column_4=KEY, settings={"keep": "first"}, column_2={"partitioned": None, "partitionKeyPosition": None}),
        [
            "schema[1].properties[4] size: a key column cannot be double",
            "schema[1].properties[4] size: a key column needs required: true",
        ],
    ),
    "key partition": (
        visits(column_0=KEY, settings={"keep": "first"}),
        ["schema[1].properties[2] visited_on: a partition column must be a function of the primary key (id)"],
    ),
    "no keep": (
        visits(column_0=KEY, column_2={"transformLogic": "to_date(id)"}),
        ["schema[1].properties[0] id: primaryKey needs the setting keep (first or newest) in customProperties"],
    ),
    "keep without key": (
        visits(settings={"keep": "newest", "newestBy": "size"}),
        [
            f"customProperties[{index}] {name}: needs a primaryKey: without one, byte-equal records are the duplicates"
            for index, name in enumerate(("keep", "newestBy"))
        ],
    ),
    "newest by nothing": (
        visits(column_0=KEY, column_2={"transformLogic": "to_date(id)"}, settings={"keep": "newest"}),
        ["customProperties[0] keep: newest needs the setting newestBy: the column that tells which row is newer"],
    ),
    "newest by": (
        visits(
            column_0=KEY,
            column_2={"transformLogic": "to_date(id)"},
            settings={"keep": "newest", "newestBy": "visited_on"},
        ),
        [
            "customProperties[1] newestBy: `visited_on` needs required: true, since a NULL is neither newer nor older",
            "customProperties[1] newestBy: `visited_on` is a partition column, so all rows of a key have the same",
        ],
    ),
    "newest by unknown": (
        visits(
            column_0=KEY, column_2={"transformLogic": "to_date(id)"}, settings={"keep": "newest", "newestBy": "siz"}
        ),
        ["customProperties[1] newestBy: `siz` is no column of this contract (did you mean `size`?)"],
    ),
    "unknown setting": (
        visits(settings={"unknownField": "rescue"}),
        [f"customProperties[0] unknownField: no such setting (did you mean `unknownFields`?); {SETTINGS}"],
    ),
    "values": (
        visits(settings={"unknownFields": "rescued", "maxRecordBytes": True, "maxNesting": 201}),
        [
            "customProperties[0] unknownFields: expected rescue, evolve or reject, found 'rescued' (did you mean "
            "`rescue`?)",
            "customProperties[1] maxRecordBytes: expected a whole number from 1024 to 134217728, found True",
            "customProperties[2] maxNesting: expected a whole number from 1 to 200, found 201",
        ],
    ),
    "columns to evolve": (
        visits(settings={"evolveColumns": ["plan", "a b", "plan", "_x"]}),
        [
            "customProperties[0] evolveColumns[1] a b: a column's name is a letter, then at most 127 letters, digits "
            "and _",
            "customProperties[0] evolveColumns[2] plan: is there twice",
            "customProperties[0] evolveColumns[3] _x: names that begin with `_` are reserved for the pipeline",
        ],
    ),
    "columns to evolve that are no list": (
        visits(settings={"evolveColumns": "*"}),
        ["customProperties[0] evolveColumns: expected a list of names, or [*] for all, found '*'"],
    ),
    "filters": (
        visits(
            settings={
                "recordFilters": [
                    {"kind": "a", "expression": "visited_at IS NULL"},
                    {"kind": "a", "expression": "id = 'x'"},
                    {"kind": "B-c", "expression": "id = 'x'"},
                    {"kind": "d"},
                ]
            }
        ),
        [
            "customProperties[0] recordFilters[0]: expression names `visited_at`, which raw does not have",
            "customProperties[0] recordFilters[1]: kind `a` is there twice",
            "customProperties[0] recordFilters[2]: kind is a word of a-z, 0-9 and _, found 'B-c'",
            "customProperties[0] recordFilters[3]: expected {kind, expression}, found {'kind': 'd'}",
        ],
    ),
    "setting below": (
        visits(column_3={"customProperties": [{"property": "keep", "value": "first"}]}),
        [
            "schema[1].properties[3].customProperties[0] keep: settings are read at the top of the contract "
            "only: move it "
            "there"
        ],
    ),
}


@pytest.mark.parametrize(("contract", "expected"), CONTRACTS.values(), ids=CONTRACTS)
def test_a_contract_that_promises_what_cannot_be_kept_is_refused(
    contract: dict[str, Any] | str, expected: list[str]
) -> None:
    assert problems(contract) == expected


def test_all_problems_are_reported_at_once_in_the_order_of_the_contract() -> None:
    contract = visits(raw_0={"physicalType": "x"}, column_3={"transformLogic": "f(x)"}, settings={"keep": "last"})

    assert [line.split(":")[0] for line in problems(contract)] == [
        "schema[0].properties[0] id",
        "schema[1].properties[3] path",
        "schema[1].properties[3] path",
        "customProperties[0] keep",
        "customProperties[0] keep",
    ]
