"""Commits to the tables that people read, and to the ledger: put-if-absent on exactly the version after the one read.

delta-rs does that locally and on S3 when it may not retry; by default it rebases a stale append, which would let a run
that slept through its takeover publish a second time. Spark never commits to these tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from sluice.errors import CommitUnknownError, LedgerError, StorageDenied, StorageError, StorageThrottled
from sluice.runtime.aws import delta_options
from sluice.runtime.storage import is_s3

Check = Callable[[], None]

# delta-rs has no classes for what a store refuses: the words of its object store, and of S3, tell.
_DENIED = (
    "lacked the necessary privileges",
    "403 Forbidden",
    "401 Unauthorized",
    "valid authentication credentials",
    "Permission denied",
    "Read-only file system",
)
_THROTTLED = ("503 Service Unavailable", "SlowDown", "429 Too Many Requests")


@dataclass(frozen=True)
class DataFile:
    """A data file as a table's log names it: `path` is below the table, decoded; `stats` is Delta's JSON."""

    path: str
    size_bytes: int
    partition_values: Mapping[str, str | None]
    modified_ms: int
    stats: str


def options(uri: str) -> dict[str, str] | None:
    """delta-rs storage options for `uri`: none for a local folder."""
    return delta_options(uri) if is_s3(uri) else None


def open_table(uri: str) -> DeltaTable | None:
    """The table at `uri` in its newest version, or None where there is none.

    Raises StorageDenied, StorageThrottled or StorageError where storage does not let us look.
    """
    try:
        return DeltaTable(uri, storage_options=options(uri))
    except TableNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, uri) or StorageError(f"{uri}: cannot be read ({_short(error)}); run again") from error


def refusal(error: Exception, uri: str) -> StorageError | None:
    """The error of our tree for a store that denied or throttled delta-rs at `uri`; None for any other `error`."""
    words = str(error)
    if isinstance(error, PermissionError) or any(word in words for word in _DENIED):
        return StorageDenied(f"{uri}: access denied; grant this role the permission and run again")
    if any(word in words for word in _THROTTLED):
        return StorageThrottled(f"{uri}: still throttled after all retries; run again later")
    return None


def create_table(
    uri: str,
    schema: pa.Schema,
    partition_by: Sequence[str],
    description: str,
    check: Check,
    properties: Mapping[str, str] | None = None,
) -> DeltaTable:
    """Create an empty table (protocol 1,2); one that another run made meanwhile is as good."""
    check()
    try:
        DeltaTable.create(
            uri,
            schema,
            partition_by=list(partition_by),
            description=description,
            configuration=properties,
            raise_if_key_not_exists=False,  # the properties are our own
            storage_options=options(uri),
            commit_properties=CommitProperties(max_commit_retries=0),
        )
    except (DeltaError, OSError) as error:
        if open_table(uri) is None:
            raise refusal(error, uri) or CommitUnknownError(
                f"{uri}: the table could not be created ({_short(error)}); run again"
            ) from error
    table = open_table(uri)
    if table is None:
        raise CommitUnknownError(f"{uri}: the table was created and is not there; run again")
    return table


def append_rows(table: DeltaTable, rows: pa.Table, check: Check, landed: Callable[[DeltaTable], bool]) -> DeltaTable:
    """Append `rows` as exactly the next version of `table`; returns the table as it is then.

    The log is neither checkpointed nor cleaned here: whoever appends often does that now and then.
    `landed` tells, of a table read anew, whether the rows are in it: an error of a commit means unknown.
    Raises CommitUnknownError where the commit did not land, StorageDenied or StorageThrottled where storage refused it.
    """
    check()
    try:
        write_deltalake(
            table,
            rows,
            mode="append",
            commit_properties=CommitProperties(max_commit_retries=0),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )
    except (DeltaError, OSError) as error:
        again = reopened(table)
        if not landed(again):
            check()
            raise refusal(error, table.table_uri) or CommitUnknownError(
                f"{table.table_uri}: a commit did not land ({_short(error)}); nothing was changed by it, run again"
            ) from error
        return again
    return table  # which has taken its own commit in


def append_files(
    table: DeltaTable,
    adds: Sequence[DataFile],
    removes: Sequence[DataFile],
    application: str,
    sequence: int,
    metadata: Mapping[str, str],
    check: Check,
) -> bool:
    """Name `adds` and un-name `removes` in the next version of `table`, once: True if this call did it.

    The commit carries the transaction (application, sequence). A table whose transaction is already at `sequence` is
    left alone; one that is beyond is an error, since our sequence numbers only grow.
    """
    current = table.transaction_version(application)
    if current is not None and current > sequence:
        raise LedgerError(
            f"{table.table_uri}: expected transaction {application} at most at {sequence}, found {current}; "
            "the ledger is older than the table: was it restored from a copy?"
        )
    if current == sequence or not (adds or removes):
        return False
    check()
    partition_by = table.metadata().partition_columns
    actions: list[AddAction | RemoveAction] = [_add(file) for file in adds]
    actions += [_remove(file) for file in removes]
    try:
        table.create_write_transaction(
            actions,
            "append",
            table.schema(),
            partition_by=partition_by,
            commit_properties=CommitProperties(
                custom_metadata=dict(metadata),
                max_commit_retries=0,
                app_transactions=[Transaction(application, sequence)],
            ),
        )
    except (DeltaError, OSError) as error:
        if reopened(table).transaction_version(application) != sequence:
            check()
            raise refusal(error, table.table_uri) or CommitUnknownError(
                f"{table.table_uri}: publishing did not land ({_short(error)}); the next run finishes it"
            ) from error
    return True


def compact(table: DeltaTable, adds: Sequence[DataFile], removes: Sequence[DataFile], check: Check) -> None:
    """Put the rows of `removes` in `adds` as the next version, no change of data; a lost race changes nothing."""
    check()
    actions: list[AddAction | RemoveAction] = [_add(file, data_change=False) for file in adds]
    actions += [_remove(file, data_change=False) for file in removes]
    try:
        table.create_write_transaction(
            actions, "append", table.schema(), commit_properties=CommitProperties(max_commit_retries=0)
        )
    except (DeltaError, OSError):
        return


def reopened(table: DeltaTable) -> DeltaTable:
    """`table` in its newest version."""
    again = open_table(table.table_uri)
    if again is None:
        raise LedgerError(f"{table.table_uri}: expected a Delta table, found none; was it deleted while we ran?")
    return again


def _add(file: DataFile, data_change: bool = True) -> AddAction:
    return AddAction(file.path, file.size_bytes, file.partition_values, file.modified_ms, data_change, file.stats)


def _remove(file: DataFile, data_change: bool = True) -> RemoveAction:
    deleted_ms = time.time_ns() // 1_000_000  # VACUUM counts its retention from here
    return RemoveAction(file.path, data_change, deleted_ms, file.size_bytes, dict(file.partition_values))


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200]}" if str(error) else type(error).__name__
