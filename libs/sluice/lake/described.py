"""What a table says of itself: a comment on each column, and as properties the contract that its rows follow.

Comments are the `comment` of Delta's field metadata, which Spark and catalogs show as a column's comment;
properties stand in the table's configuration, where `SHOW TBLPROPERTIES` finds them. Protocol (1, 2) has both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pyarrow as pa

from sluice.contract.model import Column, Contract

COMMENT = "comment"
DATASET, VERSION, FINGERPRINT = "sluice.dataset", "sluice.contract.version", "sluice.contract.fingerprint"
KEY, KEEP, PLACEMENT = "sluice.contract.key", "sluice.contract.keep", "sluice.contract.placement"

_NAME = re.compile(r"\w+")
QUARANTINE_COMMENTS = {
    "batch_id": "The batch in which the record was refused, as in the ledger.",
    "source_object": "The source object that the record was read from: its path below raw/.",
    "offset": "Where the record begins in its source object, in bytes without compression.",
    "record": "The record as received. Classification: whatever the contract's raw fields are.",
    "record_hash": "The first 16 bytes of the SHA-256 of the record.",
    "reasons": "Every reason why the record was refused: the rule, the column (NULL: the whole record) and a message.",
    "arrival_hour": "The hour (UTC) in whose folder the source object was delivered, as 2017/11/26/15.",
}
CHECKS_COMMENTS = {
    "dataset": "The dataset that was checked.",
    "batch_id": "The batch that was checked, as in the ledger.",
    "attempt": "Which attempt at the batch was checked, counted from 1.",
    "sequence": "The number under which the batch was published or held; later ones are greater.",
    "state": "What became of the batch: published or held.",
    "run_id": "The run that checked the batch.",
    "checked_at": "When the batch was checked (UTC).",
    "name": "The check's name, unique within its suite.",
    "rule": "What is checked: the expectation's type, or the rule of the contract.",
    "column": "The column that is checked; empty where it is the whole row or batch.",
    "severity": "critical (a failure refuses the row or holds the batch) or warning (it is only told).",
    "kind": "What the check looks at: rows one by one, the whole batch, or the batches before it, too.",
    "mostly": "The share of rows that must pass, from 0 to 1; NULL where none was given.",
    "message": "The check in words.",
    "evaluated": "Rows that were checked.",
    "failed": "Rows that failed.",
    "observed": "What was found, as text; values of classified columns are masked.",
    "observed_value": "What was found, where it is a number.",
    "threshold": "What was expected, as text.",
    "success": "Whether the check passed.",
    "outcome": "What the check did to the batch, such as passed, warned, held or waived.",
    "suite_fingerprint": "The SHA-256, in hex, of the suite that the check belongs to.",
}
OWN_COMMENTS = {
    "_record_hash": "The first 16 bytes of the SHA-256 of the record as received.",
    "_rescued": "What the contract does not know of the record, as JSON text; NULL where there is nothing.",
}


def comment(column: Column) -> str:
    """The contract's description of a column in one line; what personal data it is comes last."""
    text = " ".join((column.description or "").split())
    told = f"Classification: {column.classification}." if column.classification else ""
    if text and told and text[-1] not in ".!?":
        text += "."
    return " ".join(filter(None, (text, told)))


def described(schema: pa.Schema, comments: Mapping[str, str]) -> pa.Schema:
    """`schema` with a comment on each column that has one."""
    return pa.schema(
        [field.with_metadata({COMMENT: comments[field.name]} if comments.get(field.name) else None) for field in schema]
    )


def contract_comments(contract: Contract) -> dict[str, str]:
    """Comments of the curated table's columns."""
    return {column.name: comment(column) for column in contract.columns} | OWN_COMMENTS


def contract_properties(contract: Contract) -> dict[str, str]:
    """Properties of the curated table.

    Three tell people which contract it is, three tell the next contract what must stay: the key, which row of a key is
    kept, and how the columns are made that decide where a row lies and which row stays.
    """
    return {
        DATASET: contract.dataset,
        VERSION: contract.version,
        FINGERPRINT: contract.fingerprint,
        KEY: ", ".join(contract.key_columns),
        KEEP: "newest by " + str(contract.newest_by) if contract.keep == "newest" else contract.keep,
        PLACEMENT: json.dumps(placement(contract)),
    }


def placement(contract: Contract) -> dict[str, str]:
    """Expressions, blanks aside, of partition, key and `newestBy` columns, and of the columns that these are made of.

    The empty text stands for the raw field of the same name.
    """
    by_name = {column.name.lower(): (place, column) for place, column in enumerate(contract.columns)}
    wanted = [*contract.partition_columns, *contract.key_columns, *filter(None, [contract.newest_by])]
    found: dict[str, str] = {}
    while wanted:
        place, column = by_name[wanted.pop(0).lower()]
        if column.name in found:
            continue
        text = " ".join((column.expression or "").split())
        found[column.name] = text
        names = {name.lower() for name in _NAME.findall(text)}
        wanted += [one.name for at, one in by_name.values() if at < place and one.name.lower() in names]
    if contract.windows is not None:
        one = contract.windows
        found["(windows)"] = f"{one.window_seconds} s every {one.slide_seconds} s over {one.event_time} of {one.source}"
    return found
