"""The tables people read: what they say of themselves, what of a new contract they take in place, and what breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from lakes import contract_of, places
from sluice.errors import CommitUnknownError, ContractError, LeaseLostError
from sluice.lake.checks import CHECKS_SCHEMA
from sluice.lake.described import CHECKS_COMMENTS, QUARANTINE_COMMENTS, comment
from sluice.lake.quarantine import QUARANTINE_SCHEMA
from sluice.lake.tables import check_fits, ensure_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sluice.contract.model import Contract


def held() -> None:
    """The lease is ours."""


def ensured(lake: str, contract: Contract, check: Callable[[], None] = held, **how: bool) -> DeltaTable:
    return ensure_tables(places(lake), contract, check, **how)[0]


def comments(table: DeltaTable) -> dict[str, str]:
    return {field.name: field.metadata["comment"] for field in table.schema().fields if "comment" in field.metadata}


def column(name: str, type_: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "physicalType": type_, "transformLogic": f"CAST(NULL AS {type_})", **more}


TOLD = {"description": "Who came,\n as typed", "classification": "personal"}
FIRST = {"column_0": TOLD, "column_4": {"description": "How large."}}


def test_a_new_table_tells_its_contract_and_describes_its_columns(lake: str) -> None:
    contract = contract_of(**FIRST)
    table, refused = ensure_tables(places(lake), contract, held)
    found = comments(table)
    assert found["id"] == "Who came, as typed. Classification: personal."
    assert found["size"] == "How large."
    assert "path" not in found
    assert found["_rescued"].startswith("What the contract does not know")
    assert table.metadata().configuration == {
        "sluice.dataset": "visits",
        "sluice.contract.version": "1.2.0",
        "sluice.contract.fingerprint": contract.fingerprint,
        "sluice.contract.key": "",
        "sluice.contract.keep": "first",
        "sluice.contract.placement": json.dumps(
            {
                "visited_on": "to_date(visited_at)",
                "visited_at": "CASE WHEN at BETWEEN 0 AND 253402300799 THEN timestamp_seconds(at) END",
            }
        ),
    }
    assert comments(refused) == QUARANTINE_COMMENTS
    assert refused.metadata().configuration == {"sluice.dataset": "visits"}


def test_every_column_of_our_own_tables_is_described() -> None:
    assert [*QUARANTINE_COMMENTS] == QUARANTINE_SCHEMA.names
    assert [*CHECKS_COMMENTS] == CHECKS_SCHEMA.names


def test_texts_and_version_are_brought_up_to_date_and_nothing_changed_makes_no_commit(lake: str) -> None:
    before = ensured(lake, contract_of(**FIRST))
    assert ensured(lake, contract_of(**FIRST)).version() == before.version() == 0
    changes = {"column_0": {"description": "Who."}, "column_3": {"description": "Where."}}
    after = ensured(lake, contract_of(version="1.2.1", **changes))
    # One commit for comments that are new, one for each that changed or is gone, one for all properties.
    assert after.version() == 4
    found = comments(after)
    assert (found["id"], found["path"], found["size"]) == ("Who.", "Where.", "")
    assert after.metadata().configuration["sluice.contract.version"] == "1.2.1"
    assert ensured(lake, contract_of(version="1.2.1", **changes)).version() == 4
    protocol = after.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version, protocol.writer_features) == (1, 2, None)


def test_a_table_from_before_there_were_comments_and_properties_gets_them(lake: str) -> None:
    contract = contract_of(**FIRST)
    plain = ensured(lake, contract).schema().to_arrow()
    uri = str(Path(lake, "old"))
    bare = pa.schema([(field.name, pa.field(field).type) for field in map(pa.field, pa.schema(plain))])
    made = DeltaTable.create(uri, bare, partition_by=["visited_on"])
    from sluice.lake.metadata import up_to_date
    from sluice.lake.tables import curated_schema

    table = up_to_date(made, curated_schema(contract), {"sluice.dataset": "visits"}, held)
    assert table.version() == 2
    assert comments(table) == comments(ensured(lake, contract))


def test_the_contract_that_a_batch_recorded_leaves_a_table_that_has_gone_on_as_it_is(lake: str) -> None:
    newer = ensured(lake, contract_of(version="1.3.0", more=[column("more", "int")]))
    again = ensured(lake, contract_of(), recorded=True)
    assert again.version() == newer.version()
    assert "more" in {field.name for field in again.schema().fields}


def test_columns_and_fields_within_structs_are_added_in_place(spark: SparkSession, lake: str) -> None:
    first = [column("who", "struct<a:int,deep:array<map<string,struct<x:string>>>>")]
    ensured(lake, contract_of(more=first))
    uri = places(lake).curated
    row = {"id": "1", "who": {"a": 1, "deep": [{"k": {"x": "y"}}]}}
    write_deltalake(uri, pa.Table.from_pylist([row], pa.schema(DeltaTable(uri).schema().to_arrow())), mode="append")
    wider = [column("who", "struct<b:string,a:int,deep:array<map<string,struct<x:string,y:double>>>>"),
             column("and_more", "date", description="More.")]  # fmt: skip
    table = ensured(lake, contract_of(version="1.3.0", more=wider))
    assert comments(table)["and_more"] == "More."
    seen = spark.read.format("delta").load(uri).first()
    assert seen is not None
    assert (seen.who.a, seen.who.b, seen.who.deep[0]["k"].x, seen.who.deep[0]["k"].y) == (1, None, "y", None)
    assert seen.and_more is None
    assert table.to_pyarrow_table(columns=["who"]).to_pylist()[0]["who"]["deep"] == [[("k", {"x": "y", "y": None})]]
    shown = {row.col_name: row.comment for row in spark.sql(f"DESCRIBE TABLE delta.`{uri}`").collect()}
    assert shown["and_more"] == "More."
    told = {row.key: row.value for row in spark.sql(f"SHOW TBLPROPERTIES delta.`{uri}`").collect()}
    assert told["sluice.contract.version"] == "1.3.0"


def test_all_that_breaks_is_told_at_once_and_nothing_is_written(lake: str) -> None:
    keyed = {
        "column_0": {"primaryKey": True, "primaryKeyPosition": 1},
        "column_1": {"primaryKey": True, "primaryKeyPosition": 2},
        "settings": {"keep": "first"},
    }
    more = [column("n", "int"), column("f", "float"), column("s", "struct<a:int,b:array<struct<c:string>>>"),
            column("m", "map<string,int>"), column("gone", "date")]  # fmt: skip
    contract = contract_of(**keyed, more=more)
    before = ensured(lake, contract).version()
    broken = contract_of(
        version="1.3.0",
        column_1={"transformLogic": "timestamp_seconds(at + 1)", "primaryKey": True, "primaryKeyPosition": 1},
        column_2={"partitioned": None, "partitionKeyPosition": None},
        column_3={"name": "way"},
        column_4={"required": True},
        settings={"keep": "newest", "newestBy": "size"},
        more=[column("n", "bigint"), column("f", "double"), column("s", "struct<a:string,b:array<struct<d:string>>>"),
              column("m", "map<string,string>"), column("added", "int")],
    )  # fmt: skip
    with pytest.raises(ContractError) as caught:
        check_fits(places(lake), broken)
    assert set(caught.value.problems) == {
        "path: the table has it, the contract does not",
        "n: the table has it as int, the contract as bigint, and a column cannot be made wider in place",
        "f: the table has it as float, the contract as double, and a column cannot be made wider in place",
        "s.a: the table has it as int, the contract as string",
        "s.b.element.c: the table has it, the contract does not",
        "m.value: the table has it as int, the contract as string",
        "gone: the table has it, the contract does not",
        "partition columns: the table has ['visited_on'], the contract []",
        "primary key: the table has id, visited_at, the contract visited_at",
        "keep: the table has first, the contract newest by size",
        "visited_at: decides where rows lie or which stay, and is made otherwise: the table has "
        "`CASE WHEN at BETWEEN 0 AND 253402300799 THEN timestamp_seconds(at) END`, the contract "
        "`timestamp_seconds(at + 1)`",
        "such a change breaks readers: give it a new major version and a dataset of its own",
    }
    with pytest.raises(ContractError):
        ensured(lake, broken)
    assert DeltaTable(places(lake).curated).version() == before


def test_an_expression_that_decides_where_rows_lie_may_be_written_otherwise(lake: str) -> None:
    ensured(lake, contract_of())
    check_fits(places(lake), contract_of(column_2={"transformLogic": "TO_DATE(\n  visited_at )"}))
    with pytest.raises(ContractError, match="visited_on: decides where rows lie"):
        check_fits(places(lake), contract_of(column_2={"transformLogic": "to_date(visited_at + INTERVAL 1 DAY)"}))


def test_who_lost_the_lease_or_read_an_older_version_changes_nothing(
    lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensured(lake, contract_of())
    newer = contract_of(version="1.3.0", more=[column("more", "int")])

    def lost() -> None:
        raise LeaseLostError("lost")

    with pytest.raises(LeaseLostError):
        ensured(lake, newer, lost)
    assert DeltaTable(places(lake).curated).version() == 0

    from sluice.lake import tables

    stale = DeltaTable(places(lake).curated)
    DeltaTable(places(lake).curated).alter.set_table_properties({"x": "y"}, raise_if_not_exists=False)
    monkeypatch.setattr(tables, "open_table", lambda uri: stale)
    with pytest.raises(CommitUnknownError, match="adding columns did not land"):
        ensured(lake, newer)
    assert "more" not in {field.name for field in DeltaTable(places(lake).curated).schema().fields}


@given(text=st.text(), classification=st.sampled_from([None, "personal"]))
def test_a_comment_is_one_line_that_holds_the_description(text: str, classification: str | None) -> None:
    one = contract_of(column_0={"description": "x", "classification": classification}).columns[0]
    from dataclasses import replace

    found = comment(replace(one, description=text))
    assert "\n" not in found
    assert found.startswith(" ".join(text.split()))
    assert ("Classification: personal." in found) == (classification is not None or "Classification: personal." in text)
