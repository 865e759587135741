from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract.load import load_contract, parse_contract
from sluice.contract.model import Column, Contract, Filter, RawField
from sluice.errors import ContractError
from support.contracts import text_of, visits, with_logic

ROOT = Path(__file__).parents[2]


def parsed(contract: dict[str, Any]) -> Contract:
    return parse_contract(text_of(contract), "c.yaml")


def test_a_contract_is_read_as_it_is_written() -> None:
    key = {"primaryKey": True, "required": True}
    filters = [{"kind": "heartbeat", "expression": "id = 'beat' OR size(tags) = 0"}]
    chosen = {"keep": "newest", "newestBy": "visited_at", "recordFilters": filters, "maxNesting": 9}
    found = parsed(
        visits(
            column_0=key | {"classification": "personal", "description": "Who"},
            column_2={"transformLogic": "to_date(id)"},
            raw_1={"physicalType": "Long"},
            settings=chosen | {"unknownFields": "reject", "maxRecordBytes": 4096},
        )
    )

    assert (found.dataset, found.version, found.path) == ("visits", "1.2.0", "c.yaml")
    assert found.raw[1:3] == (RawField("at", "bigint"), RawField("page", "struct<path:string,title:string>"))
    assert found.columns[0] == Column("id", "string", True, None, ("id",), None, 1, "personal", "Who")
    assert found.columns[2] == Column("visited_on", "date", False, "to_date(id)", ("id",), 1)
    assert found.columns[3].sources == ("page.path",)
    assert (found.key_columns, found.partition_columns) == (("id",), ("visited_on",))
    assert (found.keep, found.newest_by, found.unknown_fields) == ("newest", "visited_at", "reject")
    assert found.filters == (Filter("heartbeat", "id = 'beat' OR size(tags) = 0"),)
    assert (found.max_record_bytes, found.max_nesting) == (4096, 9)


def test_app_messages_is_a_contract_and_so_is_the_example_of_the_readme() -> None:
    assert load_contract("app_messages").partition_columns == ("event_date",)
    example = re.search(r"```yaml\n(.+?)```", (ROOT / "schemas" / "README.md").read_text("utf-8"), re.DOTALL)
    assert example is not None
    assert parse_contract(example[1], "README.md").key_columns == ("id",)


@pytest.mark.parametrize(
    ("expression", "sources"),
    {
        "concat(ID, page.TITLE)": ("id", "page.title"),
        "'constant'": (),
        "transform(tags, x -> concat(x, id))": ("id", "tags"),
        "aggregate(tags, '', (all, tag) -> concat(all, tag))": ("tags",),
        "page['path']": ("page",),
        "date_format(visited_at, 'y')": ("visited_at",),
        "CASE WHEN (size) > 1 THEN (`id`) END": ("id", "size"),
        "id -- not my_udf(x)": ("id",),
        "'rand(), now'": (),
        "page.path IN ('a') AND (at) BETWEEN (1) AND (2)": ("at", "page.path"),
        "lpad(CAST(CAST(size AS DECIMAL(10,2)) AS string), 10, '0')": ("size",),
    }.items(),
)
def test_sources_are_what_the_expression_names(expression: str, sources: tuple[str, ...]) -> None:
    assert parsed(with_logic(expression)).columns[5].sources == sources


def test_given_source_objects_come_before_the_names_in_the_expression() -> None:
    assert parsed(visits(column_3={"transformSourceObjects": []})).columns[3].sources == ()
    assert parsed(visits(column_3={"transformSourceObjects": ["PAGE.title", "id"]})).columns[3].sources == (
        "id",
        "page.title",
    )


def test_a_source_with_an_odd_name_is_quoted_for_spark() -> None:
    found = parsed(visits(raw_0={"name": "the id"}, column_0={"transformLogic": "trim(`the id`)"}))
    assert found.columns[0].sources == ("`the id`",)


SAME = {
    "description": visits(column_0={"description": "other"}),
    "classification": visits(column_0={"classification": "personal"}),
    "version": visits(version="1.3.0"),
    "spelling of a type": visits(raw_1={"physicalType": "LONG"}),
    "a default, said": visits(settings={"unknownFields": "rescue"}),
}
OTHER = {
    "type": visits(raw_4={"physicalType": "float"}, column_4={"physicalType": "float"}),
    "required": visits(column_3={"required": True}),
    "expression": visits(column_3={"transformLogic": "page.title"}),
    "sources": visits(column_3={"transformSourceObjects": []}),
    "partition": visits(column_2={"partitioned": None, "partitionKeyPosition": None}),
    "key": visits(
        column_0={"primaryKey": True}, column_2={"transformLogic": "to_date(id)"}, settings={"keep": "first"}
    ),
    "unknown fields": visits(settings={"unknownFields": "reject"}),
    "filter": visits(settings={"recordFilters": [{"kind": "k", "expression": "id = 'a'"}]}),
    "limit": visits(settings={"maxNesting": 7}),
}


@pytest.mark.parametrize("contract", SAME.values(), ids=SAME)
def test_the_fingerprint_ignores_what_leaves_the_data_alone(contract: dict[str, Any]) -> None:
    assert parsed(contract).fingerprint == parsed(visits()).fingerprint


def test_the_fingerprint_sees_all_that_changes_the_data() -> None:
    prints = {parsed(contract).fingerprint for contract in [visits(), *OTHER.values()]}
    assert len(prints) == 1 + len(OTHER)
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in prints)


def shelf(folder: Path, **files: dict[str, Any]) -> Path:
    for name, contract in files.items():
        path = folder / "visits" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(contract), "utf-8")
    return folder


def test_the_latest_major_is_taken_unless_another_is_asked_for(tmp_path: Path) -> None:
    schemas = shelf(tmp_path, v2=visits(version="2.0.0"), v10=visits(version="10.1.0"), v9=visits(version="9.0.0"))
    assert load_contract("visits", schemas=schemas).version == "10.1.0"
    for asked in ("10", "v10", "10.1", "10.1.0"):
        assert load_contract("visits", asked, schemas).version == "10.1.0"
    assert load_contract("visits", "2", schemas).version == "2.0.0"


@pytest.mark.parametrize(
    ("dataset", "version", "message"),
    [
        (
            "visit",
            None,
            "{}: 1 problem\n  dataset `visit` has no contract (did you mean `visits`?); there are: visits (v1, v2)",
        ),
        ("visits", "3", "{}/visits: 1 problem\n  version '3' has no contract; there are: visits (v1, v2)"),
        ("visits", "x", "{}/visits: 1 problem\n  version 'x' has no contract; there are: visits (v1, v2)"),
        ("visits", "1.3", "{}/visits/v1.yaml: 1 problem\n  version: 1.3 was asked for, the file has 1.2.0"),
        ("visits", "2", "{}/visits/v2.yaml: 1 problem\n  version: expected 2.x.y, as the file is named, found 1.2.0"),
        (
            "../visits",
            None,
            "{}: 1 problem\n  a dataset's name is a-z, 0-9 and _, found '../visits'; there are: visits (v1, v2)",
        ),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(
    tmp_path: Path, dataset: str, version: str | None, message: str
) -> None:
    schemas = shelf(tmp_path, v1=visits(), v2=visits())
    with pytest.raises(ContractError) as error:
        load_contract(dataset, version, schemas)
    assert str(error.value) == message.format(tmp_path)
    assert error.value.exit_code == 2


def test_a_file_that_is_no_text_or_no_folder_at_all_is_a_problem_too(tmp_path: Path) -> None:
    (shelf(tmp_path, v1=visits()) / "visits" / "v1.yaml").write_bytes(b"id: \xff")
    with pytest.raises(ContractError, match="byte 4: not UTF-8"):
        load_contract("visits", schemas=tmp_path)
    with pytest.raises(ContractError, match="there are none"):
        load_contract("visits", schemas=tmp_path / "nowhere")


def loads_or_is_refused(text: str) -> bool:
    """Any other exception comes through."""
    try:
        return len(parse_contract(text, "c.yaml").fingerprint) == 64
    except ContractError as error:
        return len(error.problems) > 0


def paths(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(found for key, inner in items for found in paths(inner, (*here, key)))]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["id", "at", "trim(id)", "a(", "`", "struct<a:int", "map<int,int>", "-", "SELECT 1", "x -> x", "@"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "keep", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
FULL = visits(
    column_0={"primaryKey": True, "primaryKeyPosition": 1},
    column_2={"transformLogic": "to_date(id)", "transformSourceObjects": ["id"]},
    settings={"keep": "newest", "newestBy": "visited_at", "recordFilters": [{"kind": "k", "expression": "id = 'a'"}]},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(FULL)[1:]), ANYTHING), min_size=1, max_size=3), st.booleans())
def test_a_contract_changed_anywhere_loads_or_is_refused_with_places(
    changes: list[tuple[tuple[str | int, ...], Any]], remove: bool
) -> None:
    bent: Any = yaml.safe_load(text_of(FULL))
    for path, value in changes:
        at = bent
        try:
            for key in path[:-1]:
                at = at[key]
            if remove:
                del at[path[-1]]
            else:
                at[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    text = yaml.dump(bent)
    assert loads_or_is_refused(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.text("()[]`'\",;.*->ab1 \n{}:&!|", max_size=30))
def test_any_text_as_contract_or_as_expression_loads_or_is_refused(text: str) -> None:
    for contract in (text, text_of(with_logic(text)), text_of(visits(raw_4={"physicalType": text}))):
        assert loads_or_is_refused(contract)
