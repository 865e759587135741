"""The Glue Data Catalog: what is asked of it, that nothing is asked twice, and that others' tables are left alone.

No Glue runs here, so botocore's Stubber answers; it holds every request against the API's own model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.stub import Stubber
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType

from lakes import contract_of, deliver, visit
from sluice.catalog import glue
from sluice.catalog.glue import check_place, delta_input, raw_input, register_in_glue
from sluice.catalog.lake_tables import LakeTable
from sluice.catalog.raw_lines import RawLines, raw_lines
from sluice.contract.model import RawField
from sluice.errors import ProblemsError, StorageDenied, UsageError

DATABASE = "sluice"


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("glue", region_name="eu-west-1", aws_access_key_id="stub", aws_secret_access_key="stub")
    monkeypatch.setattr(glue, "client", lambda service: client)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def wanted(lake: str) -> Mapping[str, Any]:
    """The TableInput of a small Delta table, as if it lay in S3."""
    uri = f"{lake}/curated/visits"
    fields = [
        Field("id", PrimitiveType("long"), metadata={"comment": "who " + "o" * 300}),
        Field("visited_on", PrimitiveType("date")),
    ]
    DeltaTable.create(
        uri, Schema(fields), partition_by=["visited_on"], description="visits, curated",
        configuration={"sluice.contract.version": "1.2.0"}, raise_if_key_not_exists=False,
    )  # fmt: skip
    made = delta_input(LakeTable("visits", uri, "curated", "visits"))
    return moved(made, "s3://bucket/lake/curated/visits")


def moved(table: Mapping[str, Any], to: str) -> dict[str, Any]:
    changed = deepcopy(dict(table))
    changed["StorageDescriptor"]["Location"] = to
    if "path" in changed["StorageDescriptor"]["SerdeInfo"]["Parameters"]:
        changed["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] = to
    return changed


def there(stubber: Stubber, table: Mapping[str, Any] | None, name: str = "visits") -> None:
    """The database is there, and this table in it."""
    stubber.add_response("get_database", {"Database": {"Name": DATABASE}}, {"Name": DATABASE})
    asked = {"DatabaseName": DATABASE, "Name": name}
    if table is None:
        stubber.add_client_error("get_table", "EntityNotFoundException", expected_params=asked)
    else:
        stubber.add_response("get_table", {"Table": {**table, "VersionId": "7"}}, asked)


def test_a_delta_table_is_native_to_athena_and_has_its_columns_for_others(
    stubber: Stubber, wanted: Mapping[str, Any]
) -> None:
    stubber.add_client_error("get_database", "EntityNotFoundException", expected_params={"Name": DATABASE})
    words = "tables of a lake, registered by sluice; their data lies in the lake"
    stubber.add_response("create_database", {}, {"DatabaseInput": {"Name": DATABASE, "Description": words}})
    stubber.add_response("create_table", {}, {"DatabaseName": DATABASE, "TableInput": wanted})
    assert [each.done for each in register_in_glue(DATABASE, [wanted])] == ["new"]
    parameters = wanted["Parameters"]
    assert (parameters["table_type"], parameters["spark.sql.sources.provider"]) == ("DELTA", "delta")
    assert (parameters["sluice.contract.version"], parameters["sluice.dataset"]) == ("1.2.0", "visits")
    assert (wanted["TableType"], wanted["PartitionKeys"]) == ("EXTERNAL_TABLE", [])
    identity, day = wanted["StorageDescriptor"]["Columns"]
    assert (identity["Name"], identity["Type"], len(identity["Comment"])) == ("id", "bigint", 255)
    assert day == {"Name": "visited_on", "Type": "date"}


def test_a_table_as_it_should_be_is_not_written_again_and_what_others_added_is_no_difference(
    stubber: Stubber, wanted: Mapping[str, Any]
) -> None:
    there(stubber, {**wanted, "Parameters": {**wanted["Parameters"], "owner": "people"}})
    assert [each.done for each in register_in_glue(DATABASE, [wanted])] == ["unchanged"]


def test_a_wrong_place_and_other_columns_are_repaired_and_what_others_added_stays(
    stubber: Stubber, wanted: Mapping[str, Any]
) -> None:
    old = moved(wanted, "s3://bucket/old/curated/visits")
    old["StorageDescriptor"]["Columns"] = []
    old["Parameters"]["owner"] = "people"
    there(stubber, {**old, "Owner": "hadoop"})
    repaired = {**wanted, "Owner": "hadoop", "Parameters": {**wanted["Parameters"], "owner": "people"}}
    stubber.add_response(
        "update_table", {}, {"DatabaseName": DATABASE, "TableInput": repaired, "VersionId": "7"}
    )  # fmt: skip
    (done,) = register_in_glue(DATABASE, [wanted])
    assert done.done == "repaired"
    assert done.why == (
        "its location was s3://bucket/old/curated/visits; its columns were not the table's; its format was another"
    )


def test_a_table_of_others_is_refused_and_nothing_is_written(stubber: Stubber, wanted: Mapping[str, Any]) -> None:
    theirs = moved(wanted, "s3://theirs/visits")
    theirs["Parameters"] = {"classification": "parquet"}
    there(stubber, theirs)
    with pytest.raises(
        ProblemsError, match=r"`visits`: a table of this name is there at s3://theirs/visits and has no"
    ):
        register_in_glue(DATABASE, [wanted])


def test_a_role_that_may_not_write_is_told_so(stubber: Stubber, wanted: Mapping[str, Any]) -> None:
    there(stubber, None)
    stubber.add_client_error("create_table", "AccessDeniedException", "no")
    with pytest.raises(StorageDenied, match=r"glue:sluice.visits: access denied"):
        register_in_glue(DATABASE, [wanted])


def test_raw_lines_are_a_table_over_the_arrival_hours_by_projection(stubber: Stubber, lake: str) -> None:
    deliver(lake, [visit(1), b'{"damaged', visit(2)], pack=False, between=b"\n")
    deliver(lake, [visit(3)], "2017/11/27/01", pack=False)
    lines = raw_lines(f"{lake}/raw", "visits")
    assert (lines.problem, lines.objects, lines.first_hour) == ("", 2, "2017/11/26/15")
    table, left_out = raw_input("s3://bucket/lake/raw", contract_of(), lines)
    there(stubber, None, "visits_raw")
    stubber.add_response("create_table", {}, {"DatabaseName": DATABASE, "TableInput": table})
    register_in_glue(DATABASE, [table])
    assert left_out == []
    parameters = table["Parameters"]
    assert parameters["projection.arrival_hour.range"] == "2017/11/26/15,NOW"
    assert parameters["projection.arrival_hour.format"] == "yyyy/MM/dd/HH"
    assert parameters["storage.location.template"] == "s3://bucket/lake/raw/visits/${arrival_hour}/"
    assert [each["Name"] for each in table["PartitionKeys"]] == ["arrival_hour"]
    types = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
    assert types["page"] == "struct<path:string,title:string>"
    assert (types["at"], types["tags"]) == ("bigint", "array<string>")


def test_names_that_athena_cannot_have_are_mapped_or_left_out() -> None:
    raw = tuple(RawField(name, "string") for name in ("@type", "Arrival_Hour", "Twice", "twice"))
    table, left_out = raw_input("s3://b/raw", replace(contract_of(), raw=raw), RawLines(1, 1, 0, "2017/11/26/15", ""))
    assert [each["Name"] for each in table["StorageDescriptor"]["Columns"]] == ["_type", "arrival_hour"]
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["mapping._type"] == "@type"
    assert [each["Name"] for each in table["PartitionKeys"]] == ["_arrival_hour"]
    assert left_out == [
        "raw field `Twice`: another one is `twice` to Athena, too",
        "raw field `twice`: another one is `twice` to Athena, too",
    ]


@pytest.mark.parametrize(
    ("records", "between", "pack", "said"),
    [
        ([visit(1), visit(2)], b"", False, "1 of 1 source objects have records back to back"),
        ([b'{\n "id":\n 1\n}'], b"\n", False, "over several lines"),
        ([b'[{"id": 1},', b'{"id": 2}]'], b"\n", False, "in an array"),
        ([visit(1), visit(2)], b"\n", True, "are gzip without a name in .gz"),
        ([b"PK\x03\x04"], b"", False, "neither JSON text nor gzip"),
    ],
)
def test_raw_that_athena_cannot_read_is_told_why(
    lake: str, records: list[object], between: bytes, pack: bool, said: str
) -> None:
    deliver(lake, records, between=between, pack=pack)
    assert said in raw_lines(f"{lake}/raw", "visits").problem


def test_a_lake_that_athena_cannot_reach_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected s3://bucket/prefix, found a local folder"):
        check_place("./lake")


def test_types_of_a_delta_table_are_in_hives_words(lake: str) -> None:
    kinds = pa.schema(
        [("a", pa.list_(pa.struct([("Rule", pa.string()), ("n", pa.int16())]))), ("m", pa.map_(pa.string(), pa.int8())),
         ("d", pa.decimal128(12, 3)), ("b", pa.binary()), ("t", pa.timestamp("us", "UTC")), ("f", pa.float32())]
    )  # fmt: skip
    DeltaTable.create(f"{lake}/curated/x", Schema.from_arrow(kinds))
    table = delta_input(LakeTable("x", f"{lake}/curated/x", "curated", "x"))
    assert [each["Type"] for each in table["StorageDescriptor"]["Columns"]] == [
        "array<struct<rule:string,n:smallint>>", "map<string,tinyint>", "decimal(12,3)", "binary", "timestamp", "float",
    ]  # fmt: skip
