"""What a draft says of what was found, and that it takes nothing from what people have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from records import datasets, encoded, names
from sluice.catalog.draft import Draft, Options, draft, is_unedited
from sluice.catalog.findings import Found, Likely
from sluice.catalog.infer import Number, Profile
from sluice.catalog.names import column_names, folded, snake
from sluice.catalog.writing import write_draft
from sluice.contract.load import known_contracts, load_contract, parse_contract
from sluice.contract.model import Contract
from sluice.quality.load import recorded_suite
from sluice.quality.suite import classify
from sluice.raw.fields import fields_of
from sluice.raw.judge import Judge


def found(*records: Any, name: str = "made", **more: Any) -> Found:
    """What a full crawl of these records finds."""
    raw = [one if isinstance(one, bytes) else encoded(one, True) for one in records]
    profile = Profile()
    profile.add([json.loads(record, parse_float=Number) for record in raw])
    more = {"full": True, "objects": 1, "sampled_objects": 1, **more}
    return Found(name, f"raw/{name}", "json", records=len(raw), root=profile.root, **more)


def drafted(*records: Any, flatten: tuple[str, ...] = (), **more: Any) -> Contract:
    return parse_contract(draft(found(*records, **more), Options(flatten)).contract_text, "drafted")


def columns(contract: Contract) -> dict[str, str]:
    return {column.name: column.type for column in contract.columns}


def raw(contract: Contract) -> dict[str, str]:
    return {field.name: field.type for field in contract.raw}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TweetID2", "tweet_id2"),
        ("userName", "user_name"),
        ("HTTPServer", "http_server"),
        ("created_at", "created_at"),
        ("_id", "id"),
        ("$ref", "ref"),
        ("2nd place", "n2nd_place"),
        ("Größe (m)", "grosse_m"),
        ("日本", "field"),
        ("", "field"),
        ("order", "order_value"),
        ("Fate", "fate_value"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_column_is_called_what_every_engine_takes_without_quotes(name: str, wanted: str) -> None:
    assert snake(name) == wanted


@given(paths=st.lists(st.lists(names, min_size=1, max_size=2).map(tuple), unique=True, max_size=8))
def test_columns_have_names_of_their_own_and_hide_no_raw_field_but_their_own(paths: list[tuple[str, ...]]) -> None:
    fields = {path[0] for path in paths}
    given_names = column_names(paths, fields)
    assert len({name.lower() for name in given_names}) == len(paths)
    for path, name in zip(paths, given_names, strict=True):
        hidden = {field for field in fields if folded(field) == name}
        assert hidden <= {field for field in fields if folded(field) == folded(path[0])}
        assert not hidden or len(path) == 1


@settings(max_examples=25)
@given(records=datasets(12))
def test_the_reader_takes_every_record_that_a_contract_was_drafted_from(records: list[dict[str, Any]]) -> None:
    contract = drafted(*records)
    judge = Judge(fields_of(contract.raw), "rescue", contract.max_nesting)
    assert [judge(encoded(record, True)).reasons for record in records] == [()] * len(records)


def test_types_are_those_in_which_every_value_fits_exactly() -> None:
    one = {"id": 2**63 - 1, "big": 2**63, "mix": 1, "kinds": 1, "part": 1, "wide": 2**60, "flag": True, "none": None,
           "empty": {}, "list": [], "case": {"a": 1, "A": 2}, "struct": {"x": 1}, "tags": ["a"]}  # fmt: skip
    two = {
        "odd": {"a b": 1},
        "id": -(2**63),
        "big": 1,
        "mix": "2",
        "kinds": "x",
        "part": 1.5,
        "wide": 0.5,
        "struct": {"y": [None]},
    }
    contract = drafted(one, two)
    assert raw(contract) == {
        "id": "bigint", "big": "json", "mix": "json", "kinds": "json", "part": "double", "wide": "json",
        "flag": "boolean", "none": "json", "empty": "json", "list": "json", "case": "json",
        "struct": "struct<x:bigint,y:array<json>>", "tags": "array<string>", "odd": "json",
    }  # fmt: skip
    made = columns(contract)
    assert (made["id"], made["big"], made["mix"], made["kinds"]) == ("bigint", "decimal(38,0)", "bigint", "string")
    assert (made["case_value"], made["struct"]) == ("string", "struct<x:bigint,y:array<string>>")
    assert not any(column.required for column in contract.columns)


def test_only_the_structs_that_were_asked_for_become_columns() -> None:
    record = {"user": {"id": 1, "Place": {"name": "x"}}, "other": {"id": 1}}
    assert list(columns(drafted(record))) == ["user", "other"]
    assert columns(drafted(record, flatten=("user",))) == {
        "user_id": "bigint", "user_place": "struct<name:string>", "other": "struct<id:bigint>",
    }  # fmt: skip
    deep = drafted(record, flatten=("user", "user.Place"))
    assert list(columns(deep)) == ["user_id", "user_place_name", "other"]


@pytest.mark.parametrize(
    ("name", "value", "type_"),
    [
        ("at", 1511711811, "timestamp"),
        ("sent_at", 1511711811679, "timestamp"),
        ("at", 1511711811679123, "timestamp"),
        ("user_id", 1511711811, "bigint"),
        ("anything", "2017-11-26T15:56:51.679Z", "timestamp"),
        ("anything", "2017-11-26 15:56:51", "timestamp"),
        ("anything", "2017-11-26", "date"),
        ("anything", "Sun Aug 31 00:29:15 +0000 2014", "timestamp"),
        ("anything", "Sun, 26 Nov 2017 15:56:51 +0000", "timestamp"),
        ("anything", "26.11.2017", "string"),
    ],
)
def test_times_are_told_by_their_format_and_numbers_by_their_name_too(name: str, value: Any, type_: str) -> None:
    assert columns(drafted({name: value, "n": 1}))[name] == type_


def test_nanoseconds_stay_beside_the_instant_that_cannot_hold_them() -> None:
    made = columns(drafted({"ts": 1511711811679123456}))
    assert made == {"ts_time": "timestamp", "event_date": "date", "ts": "bigint"}


def test_the_partition_is_the_day_of_a_time_that_every_record_has() -> None:
    always = drafted({"created_at": "2017-11-26T15:56:51Z", "n": 1}, {"created_at": "2017-11-27T15:56:51Z"})
    assert always.partition_columns == ("created_date",)
    seldom = drafted({"created_at": "2017-11-26T15:56:51Z", "n": 1}, {"n": 2})
    assert seldom.partition_columns == ()
    alone = drafted({"day": "2017-11-26"})
    assert alone.partition_columns == ()
    likely = [Likely(("b",), 0.9, "its name")]
    records = ({"a": "2017-11-26T15:56:51Z", "b": "2017-11-26T15:56:51Z"},)
    assert drafted(*records, times=likely).partition_columns == ("b_date",)


def test_what_a_contract_cannot_name_is_told() -> None:
    made = draft(found({"": 1, "a`b": 2, "Id": 3, "_hash": 4, "ok": 5}, {"id": 6}, {"id": 7}))
    assert len(made.notes) == 4
    assert all(note.startswith("the field ") for note in made.notes)
    assert "# The field 'Id' is kept in _rescued: differs from `id` only in case" in made.contract_text


def test_a_draft_holds_no_value_of_what_it_was_made_from() -> None:
    text = draft(found({"email": "someone@example.org", "phone": 491701234567, "n": {"name": "Ada"}})).contract_text
    assert not any(value in text for value in ("someone", "example.org", "491701234567", "Ada"))
    contract = parse_contract(text, "drafted")
    assert {column.name: column.classification for column in contract.columns} == dict.fromkeys(
        ("email", "phone", "n"), "personal"
    )


def test_the_suite_is_one_that_the_gate_takes() -> None:
    records = [{"id": n, "kind": "ab"[n % 2], "size": n / 7, "at": f"2017-11-26T15:56:{n % 60:02d}Z", "o": {"x": 1},
                **({"seldom": "x"} if n % 10 else {})} for n in range(100)]  # fmt: skip
    made = draft(found(*records))
    checks = classify(recorded_suite("made", made.suite_text), parse_contract(made.contract_text, "drafted"))
    found_ = {check.name: (check.severity, check.mostly) for check in checks}
    assert found_["some_rows"] == ("critical", None)
    assert {severity for name, (severity, _) in found_.items() if name != "some_rows"} == {"warning"}
    assert found_["seldom_there"] == ("warning", 0.8)
    assert {"kind_known", "size_in_range", "at_there"} <= found_.keys()


def written(folder: Path, made: Draft) -> list[str]:
    return [one.outcome for one in write_draft(made, folder)]


def test_an_edited_file_is_left_alone_and_an_unedited_draft_gives_way(tmp_path: Path) -> None:
    first, second = draft(found({"a": 1})), draft(found({"a": 1, "b": 2}))
    assert written(tmp_path, first) == ["written", "written"]
    assert written(tmp_path, first) == ["unchanged", "unchanged"]
    assert written(tmp_path, second) == ["replaced", "replaced"]
    contract, suite = tmp_path / "schemas/made/v1.yaml", tmp_path / "expectations/made.json"
    edited = contract.read_text(encoding="utf-8").replace("To be written", "Visits")
    contract.write_text(edited, encoding="utf-8")
    suite.write_text(suite.read_text(encoding="utf-8").replace('"warning"', '"info"'), encoding="utf-8")
    one, other = write_draft(first, tmp_path)
    assert (one.outcome, other.outcome) == ("beside", "beside")
    assert contract.read_text(encoding="utf-8") == edited
    assert (one.path.name, other.path.name) == ("v1.draft.yaml", "made.draft.json")
    assert "Visits" in one.difference
    assert "+++ " in other.difference
    # What was edited beside is somebody's work, too; what was not gives way.
    one.path.write_text(one.path.read_text(encoding="utf-8").replace("To be written", "Mine"), encoding="utf-8")
    again, same = write_draft(first, tmp_path)
    assert (again.path.name, same.path.name) == ("v1.draft-2.yaml", "made.draft.json")
    assert "Mine" in one.path.read_text(encoding="utf-8")
    assert write_draft(first, tmp_path)[0].path == again.path
    assert list(known_contracts(tmp_path / "schemas")["made"]) == [1]
    assert load_contract("made", None, tmp_path / "schemas").columns[-1].name == "b"


def test_a_draft_knows_whether_it_was_edited() -> None:
    made = draft(found({"a": 1}))
    assert is_unedited(made.contract_text, "contract")
    assert is_unedited(made.suite_text, "suite")
    assert not is_unedited(made.contract_text.replace("bigint", "int"), "contract")
    assert not is_unedited(made.suite_text.replace("critical", "warning"), "suite")
    assert not is_unedited(yaml.safe_dump({"id": "x"}), "contract")
    assert not is_unedited("[]", "suite")
