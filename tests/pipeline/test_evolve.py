"""What becomes of fields that the contract does not name: columns, what lies in `_rescued`, or a reason to refuse."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from killing import Camera, Photograph, as_nobody, watch_commits
from lakes import (
    Boundaries,
    contract_of,
    curated_by,
    curated_rows,
    deliver,
    outcome,
    places,
    quarantine_rows,
    reasons,
    transitions,
    versions,
    visit,
)
from sluice.contract.types import JSON
from sluice.errors import ContractError
from sluice.lake.evolved import EvolvedSchema
from sluice.pipeline.evolution import evolved

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sluice.contract.model import Contract


def evolving(*names: str, **changes: Any) -> Contract:
    return contract_of(settings={"unknownFields": "evolve", "evolveColumns": list(names)}, **changes)


def types(lake: str) -> dict[str, str]:
    return {field.name: field.type for field in EvolvedSchema.read(places(lake).evolved).fields}


def by_id(lake: str, *names: str) -> dict[str, tuple[Any, ...]]:
    return {row["id"]: tuple(row[name] for name in (*names, "_rescued")) for row in curated_rows(lake)}


def test_new_fields_become_columns_from_their_first_batch_on_and_what_does_not_fit_is_rescued(
    spark: SparkSession, lake: str
) -> None:
    contract = evolving("*")
    first = [visit(1, ID=1, **{"a.b": 1, "_x": 2}), visit(2, plan="pro", n=5, f=1, none=None), visit(3, n=2**62, f=1.5)]
    deliver(lake, [*first, {"id": "refused", "at": "1", "gone": 1}], "2017/11/26/15")
    deliver(lake, [visit(4, plan=7, n="x", f=2**60 + 1, obj={"a": [1]}), visit(5, page={"path": "/", "more": 1})],
            "2017/11/26/16")  # fmt: skip
    summary = curated_by(spark, lake, contract, max_batch_files=1)
    batches = summary["batches"]
    assert summary["evolved"] == [
        {"name": "_x", "type": "bigint", "first_batch": batches[0], "column": False},
        {"name": "f", "type": "double", "first_batch": batches[0], "column": True},
        {"name": "n", "type": "bigint", "first_batch": batches[0], "column": True},
        {"name": "plan", "type": "string", "first_batch": batches[0], "column": True},
        {"name": "obj", "type": "json", "first_batch": batches[1], "column": True},
    ]
    assert by_id(lake, "plan", "n", "f", "obj") == {
        "v1": (None, None, None, None, '{"ID":1,"a.b":1,"_x":2}'),
        "v2": ("pro", 5, 1.0, None, '{"none":null}'),
        "v3": (None, 2**62, 1.5, None, None),
        "v4": (None, None, None, '{"a": [1]}', '{"f":1152921504606846977,"n":"x","plan":7}'),
        "v5": (None, None, None, None, '{"page.more":1}'),
    }
    assert len(quarantine_rows(lake)) == 1
    attempts = [(row.state, row.attempt) for row in transitions(lake) if row.batch_id == batches[0]]
    assert attempts == [("planned", 1), ("abandoned", 1), ("planned", 2), ("publishing", 2), ("published", 2)]
    table = DeltaTable(places(lake).curated)
    comments = {field.name: field.metadata.get("comment", "") for field in table.schema().fields}
    assert comments["plan"].startswith("The raw field plan, which the contract does not name")
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    before = versions(lake)
    assert curated_by(None, lake, contract)["outcome"] == "nothing new"
    assert versions(lake) == before


def test_only_named_fields_are_columns_and_what_is_a_column_stays_one(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1, plan="pro", n=1)], "2017/11/26/15")
    curated_by(spark, lake, evolving("plan"))
    assert by_id(lake, "plan") == {"v1": ("pro", '{"n":1}')}
    assert types(lake) == {"n": "bigint", "plan": "string"}
    deliver(lake, [visit(2, plan="free", n=2)], "2017/11/26/16")
    # Named later: it is recorded already, so that the batch is staged once; older rows keep it where it is.
    curated_by(spark, lake, evolving("plan", "n"))
    assert by_id(lake, "plan", "n") == {"v1": ("pro", None, '{"n":1}'), "v2": ("free", 2, None)}
    assert [row.state for row in transitions(lake)].count("abandoned") == 1
    deliver(lake, [visit(3)], "2017/11/26/17")
    with pytest.raises(ContractError, match="n: the table has it, the contract does not"):
        curated_by(None, lake, evolving("plan"))
    # The contract takes a column over: with another type it breaks, with the table's it does not.
    for type_, breaks in (("string", True), ("bigint", False)):
        taken = evolving("plan", more=[{"name": "n", "physicalType": type_, "transformLogic": f"CAST(1 AS {type_})"}])
        if breaks:
            with pytest.raises(ContractError, match="n: the table has it as bigint, the contract as string"):
                curated_by(None, lake, taken, dry_run=True)
        else:
            assert curated_by(None, lake, taken, dry_run=True)["batches"] == 1


def test_without_the_setting_nothing_is_recorded_and_nothing_is_staged_twice(spark: SparkSession, lake: str) -> None:
    deliver(lake, [visit(1, plan="pro")])
    assert "evolved" not in curated_by(spark, lake)
    assert by_id(lake) == {"v1": ('{"plan":"pro"}',)}
    assert types(lake) == {}
    assert [row.state for row in transitions(lake)] == ["planned", "publishing", "published"]


def test_a_contract_that_rejects_refuses_records_with_unknown_fields_and_names_them(
    spark: SparkSession, lake: str
) -> None:
    nested = visit(3, page={"path": "/", "author": "x"})
    deliver(lake, [visit(1), visit(2, plan="pro", ID=1), nested, {"id": 5, "at": 1, "plan": 1}])
    counts = curated_by(spark, lake, contract_of(settings={"unknownFields": "reject"}))["counts"]
    assert (counts["curated"], counts["quarantined"], counts["rescued"]) == (1, 3, 0)
    assert sorted(map(reasons, quarantine_rows(lake)), key=repr) == [
        [("unknown_field", "page.author")],
        [("unknown_field", "plan"), ("unknown_field", "ID")],
        [("wrong_type", "id"), ("unknown_field", "plan")],
    ]


VALUES: dict[str, list[Any]] = {
    "plan": ["pro", "free", 1, None, "\u20ac\n", True],
    "n": [1, -(2**63), 2**63, 1.5, "x", None, 0],
    "f": [0.1, 1, 1e300, 2**60 + 1, "y", None],
    "b": [True, False, 1, None],
    "any": [[1, 2], {"a": None}, "z", 3, None],
}


def stream() -> list[list[dict[str, Any]]]:
    """Three batches: in the first two each field's first values are of one kind, in the third they are anything."""
    drawn = random.Random(11)
    first = [visit(0), visit(1, plan="pro", n=2), visit(2, n=3, f=0.5)]
    second = [visit(3, b=True, any=[1]), visit(4, plan=None, unnamed=1, n="x")]
    third = [
        visit(number, number % 3, **{name: drawn.choice(VALUES[name]) for name in drawn.sample([*VALUES], number % 6)})
        for number in range(10, 80)
    ]
    return [first, second, third + first]


def test_a_stream_that_evolves_comes_to_the_rows_of_the_final_contract_given_from_the_start(
    spark: SparkSession, tmp_path: Path
) -> None:
    lakes = [str(tmp_path / name) for name in ("evolves", "final")]
    for lake in lakes:
        for number, records in enumerate(stream()):
            deliver(lake, records, f"2017/11/26/1{number}")
    contract = evolving(*VALUES)
    curated_by(spark, lakes[0], contract, max_batch_files=1)
    assert types(lakes[0]) == {
        "f": "double", "n": "bigint", "plan": "string", "any": JSON, "b": "boolean", "unnamed": "bigint"
    }  # fmt: skip
    final = evolved(contract, EvolvedSchema.read(places(lakes[0]).evolved).fields)
    summary = curated_by(spark, lakes[1], final)
    assert {field["name"] for field in summary["evolved"]} == {"unnamed"}
    found = [outcome(lake) for lake in lakes]
    assert found[0]["curated"] == found[1]["curated"]
    assert found[0]["counts"] == found[1]["counts"]
    whole = {record["id"]: record for batch in stream() for record in batch}
    for row in found[0]["curated"]:
        kept = {**json.loads(row["_rescued"] or "{}"), **{k: row[k] for k in VALUES if row[k] is not None}}
        if row["any"] is not None:
            kept["any"] = json.loads(row["any"])
        sent = {k: v for k, v in whole[row["id"]].items() if k in (*VALUES, "unnamed") and v is not None}
        assert {k: v for k, v in kept.items() if v is not None} == sent


@pytest.mark.kill
def test_killed_while_a_field_becomes_a_column_the_next_run_ends_with_the_same_tables(
    spark: SparkSession, tmp_path: Path
) -> None:
    contract, lake = evolving("*"), str(tmp_path / "lake")
    deliver(lake, [visit(1)], "2017/11/26/15")
    curated_by(spark, lake, contract)
    deliver(lake, [visit(2, plan="pro", n=1), visit(3, 1, plan=1)], "2017/11/26/16")
    (tmp_path / "album").mkdir()
    camera = Camera(lake, tmp_path / "album")
    with pytest.MonkeyPatch.context() as patch:
        watch_commits(patch, camera)
        as_nobody(patch)
        curated_by(spark, lake, contract, progress=Boundaries(camera))
    assert "evolve" in camera.seen
    expected = outcome(lake)
    assert by_id(lake, "plan", "n") == {"v1": (None,) * 3, "v2": ('"pro"', 1, None), "v3": ("1", None, None)}
    walked = _while_evolving(camera.photographs)
    assert len(walked) == 5  # recorded, abandoned, planned again, columns added, properties set
    for photograph in walked:
        copy = str(tmp_path / photograph.when.split(":")[0])
        shutil.copytree(photograph.lake, copy)
        curated_by(spark, copy, contract)
        assert outcome(copy) == expected, photograph.when
        before = versions(copy)
        curated_by(None, copy, contract)
        assert versions(copy) == before, photograph.when


def _while_evolving(photographs: list[Photograph]) -> list[Photograph]:
    """From the document that records the fields until the table has their columns and properties."""
    recorded = [photo for photo in photographs if types(photo.lake)]
    early = [photo for photo in recorded if transitions(photo.lake)[-1].state in ("planned", "abandoned")]
    # Files that are swept or staged are walked elsewhere.
    return [photo for photo in early if photo.when.split(": ")[1] not in ("after deletion", "account")]
