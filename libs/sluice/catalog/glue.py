"""A lake's tables in the Glue Data Catalog, so that Athena reads them: native Delta, and raw JSON where it is lines.

Athena reads a Delta table's columns from its log; they are written to the catalog for other tools. Raw JSON is an
external table over the arrival hours, by partition projection: no partition is ever registered. Nothing is written
where nothing differs, what others have added to a table stays, and a table that is not ours is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sluice.catalog.glue_columns import delta_columns, json_columns
from sluice.catalog.lake_tables import LakeTable
from sluice.catalog.raw_lines import RawLines
from sluice.catalog.register import Registered
from sluice.contract.model import Contract
from sluice.errors import ProblemsError, SluiceError, UsageError
from sluice.lake.commit import open_table
from sluice.runtime.aws import client, translated
from sluice.runtime.storage import is_s3, join

HOUR = "arrival_hour"
OURS = "sluice.kind"
_HIVE = "org.apache.hadoop.hive.ql.io."
_DELTA_STORAGE = {
    "InputFormat": "org.apache.hadoop.mapred.SequenceFileInputFormat",
    "OutputFormat": f"{_HIVE}HiveSequenceFileOutputFormat",
}
_DELTA_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_TEXT_STORAGE = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": f"{_HIVE}HiveIgnoreKeyTextOutputFormat",
}
_JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"
_KEPT = ("Owner", "Retention", "LastAccessTime", "LastAnalyzedTime")

Wanted = tuple[str, Mapping[str, Any]]  # the table's location and its Glue TableInput


def check_place(lake: str) -> None:
    """Raise UsageError where Athena could not reach the lake."""
    if not is_s3(lake):
        raise UsageError(f"--lake {lake}: expected s3://bucket/prefix, found a local folder, which Athena cannot read")


def delta_input(table: LakeTable) -> Mapping[str, Any]:
    """The TableInput of a native Delta table, with what its log says of it."""
    delta = open_table(table.uri)
    if delta is None:
        raise UsageError(f"{table.uri}: expected a Delta table, found none; was it deleted while we ran?")
    metadata = delta.metadata()
    own = {key: value for key, value in metadata.configuration.items() if key.startswith("sluice.")}
    parameters = {"EXTERNAL": "TRUE", "table_type": "DELTA", "classification": "delta"}
    parameters |= {"spark.sql.sources.provider": "delta", OURS: table.kind, "sluice.dataset": table.of, **own}
    return {
        "Name": table.name,
        "Description": (metadata.description or f"{table.of}, {table.kind}")[:2048],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Location": table.uri,
            "Columns": delta_columns(delta.schema().to_json()),
            **_DELTA_STORAGE,
            # Spark on Glue and EMR finds the table's folder here.
            "SerdeInfo": {
                "SerializationLibrary": _DELTA_SERDE,
                "Parameters": {"serialization.format": "1", "path": table.uri},
            },
        },
    }


def raw_input(raw: str, contract: Contract, lines: RawLines) -> tuple[Mapping[str, Any], list[str]]:
    """The TableInput of a dataset's raw JSON lines below the folder `raw`, and what is left out of it."""
    location = join(raw, contract.dataset) + "/"
    columns, mapping, left_out = json_columns(contract.raw)
    taken = {each["Name"] for each in columns}
    hour = next(name for name in (HOUR, f"_{HOUR}", f"_{HOUR}_folder") if name not in taken)
    projection = {
        "type": "date", "format": "yyyy/MM/dd/HH", "range": f"{lines.first_hour},NOW", "interval": "1",
        "interval.unit": "HOURS",
    }  # fmt: skip
    parameters = {"EXTERNAL": "TRUE", "classification": "json", "projection.enabled": "true"}
    parameters |= {f"projection.{hour}.{key}": value for key, value in projection.items()}
    parameters |= {"storage.location.template": f"{location}${{{hour}}}/", OURS: "raw"}
    parameters |= {"sluice.dataset": contract.dataset, "sluice.contract.version": contract.version}
    serde = {"serialization.format": "1", "ignore.malformed.json": "true", **mapping}
    return {
        "Name": f"{contract.dataset}_raw",
        "Description": f"{contract.dataset} as delivered, one JSON record a line; refused records are here, too",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": [{"Name": hour, "Type": "string", "Comment": "hour of arrival (UTC), as 2017/11/26/15"}],
        "StorageDescriptor": {
            "Location": location,
            "Columns": columns,
            **_TEXT_STORAGE,
            "SerdeInfo": {"SerializationLibrary": _JSON_SERDE, "Parameters": serde},
        },
    }, left_out


def register_in_glue(database: str, wanted: Sequence[Mapping[str, Any]]) -> list[Registered]:
    """Make the Data Catalog's `database` hold the tables of `wanted` (TableInputs); others in it are left alone.

    Raises ProblemsError, before anything is changed, where a name is taken by a table that is not ours.
    """
    glue = client("glue")
    there = _call(glue, database, lambda: glue.get_database(Name=database))
    found: dict[str, Any] = {}
    if there is not None:
        for table in wanted:
            answer = _get_table(glue, database, table["Name"])
            if answer is not None:
                found[table["Name"]] = answer["Table"]
    _refuse_foreign(database, wanted, found)
    if there is None:
        words = "tables of a lake, registered by sluice; their data lies in the lake"
        _call(glue, database, lambda: glue.create_database(DatabaseInput={"Name": database, "Description": words}))
    return [_one(glue, database, table, found.get(table["Name"])) for table in wanted]


def _one(glue: Any, database: str, wanted: Mapping[str, Any], there: Mapping[str, Any] | None) -> Registered:
    name, uri = wanted["Name"], wanted["StorageDescriptor"]["Location"]
    if there is None:
        _call(glue, f"{database}.{name}", lambda: glue.create_table(DatabaseName=database, TableInput=wanted))
        return Registered(name, uri, "new")
    why = differences(there, wanted)
    if not why:
        return Registered(name, uri, "unchanged")
    kept = {key: there[key] for key in _KEPT if key in there}
    parameters = {**there.get("Parameters", {}), **wanted["Parameters"]}
    # A projection of another partition key would be one of a key that is not there.
    stale = [key for key in parameters if key.startswith("projection.") and key not in wanted["Parameters"]]
    changed = {**kept, **wanted, "Parameters": {key: parameters[key] for key in parameters if key not in stale}}
    version = {"VersionId": there["VersionId"]} if there.get("VersionId") else {}
    _call(
        glue,
        f"{database}.{name}",
        lambda: glue.update_table(DatabaseName=database, TableInput=changed, **version),
        missing_is_an_error=True,
    )
    return Registered(name, uri, "repaired", "; ".join(why))


def differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What of a table in the catalog is not as wanted, in words; what others have added to it is no difference."""
    found = []
    have, want = there.get("StorageDescriptor", {}), wanted["StorageDescriptor"]
    if have.get("Location", "").rstrip("/") != want["Location"].rstrip("/"):
        found.append(f"its location was {have.get('Location') or 'not given'}")
    if _columns(have.get("Columns", ())) != _columns(want["Columns"]):
        found.append("its columns were not the table's")
    if _columns(there.get("PartitionKeys", ())) != _columns(wanted["PartitionKeys"]):
        found.append("its partition keys were others")
    if any(have.get(key) != want[key] for key in ("InputFormat", "OutputFormat")) or _serde(have) != _serde(want):
        found.append("its format was another")
    parameters = there.get("Parameters", {})
    changed = sorted(key for key, value in wanted["Parameters"].items() if parameters.get(key) != value)
    if changed:
        found.append(f"properties differed: {', '.join(changed)}")
    if any(there.get(key) != wanted[key] for key in ("TableType", "Description")):
        found.append("its description or type was another")
    return found


def _columns(columns: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(each["Name"], each.get("Type", ""), each.get("Comment", "")) for each in columns]


def _serde(storage: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    serde = storage.get("SerdeInfo", {})
    return serde.get("SerializationLibrary", ""), dict(serde.get("Parameters", {}))


def _refuse_foreign(database: str, wanted: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> None:
    problems = []
    for table in wanted:
        there = found.get(table["Name"])
        if there is None or any(key.startswith("sluice.") for key in there.get("Parameters", {})):
            continue
        # A Spark session with this catalog may have registered the very table.
        have = there.get("StorageDescriptor", {}).get("Location", "").replace("s3a://", "s3://", 1).rstrip("/")
        if have == table["StorageDescriptor"]["Location"].rstrip("/"):
            continue
        problems.append(
            f"`{table['Name']}`: a table of this name is there at {have or 'no location'} and has no property "
            "`sluice.*`: it is not ours to replace; drop or rename it, or give another --database"
        )
    if problems:
        raise ProblemsError(f"Glue database `{database}`", problems)


def _get_table(glue: Any, database: str, name: str) -> Any:
    return _call(glue, f"{database}.{name}", lambda: glue.get_table(DatabaseName=database, Name=name))


def _call(glue: Any, what: str, call: Callable[[], Any], missing_is_an_error: bool = False) -> Any:
    """The answer of a call; None where what it asks for is not there. Raises errors of our tree."""
    try:
        return call()
    except glue.exceptions.EntityNotFoundException as error:
        if missing_is_an_error:
            raise _told(error, what) from None
        return None
    except Exception as error:
        raise _told(error, what) from error


def _told(error: Exception, what: str) -> SluiceError:
    return translated(error, f"glue:{what}")
