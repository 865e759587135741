"""Every error a person can meet, in one tree.

::

    SluiceError                 exit 1   something failed; running again may help
    +-- UsageError              exit 2   wrong arguments, location, contract or suite; nothing was written
    |   +-- ContractError       exit 2   a contract or one of its expressions does not hold; lists every problem
    |   +-- SuiteError          exit 2   a suite does not hold, or not for its contract; lists every problem
    |   +-- LocationError       exit 2   the lake or its raw prefix is not there
    +-- DatasetBusyError        exit 4   another run holds the dataset's lease
    +-- LeaseLostError          exit 1   this run lost its lease to another one; it changed nothing since
    +-- StorageError            exit 1   object storage did not do what was asked
    |   +-- StorageDenied       exit 1   access denied
    |   +-- StorageThrottled    exit 1   the store asked to slow down, more often than we retry
    |   +-- SourceMissing       exit 1   an object that was listed is gone
    |   +-- SourceChanged       exit 1   an object is not the one that was listed; the attempt is abandoned
    +-- CommitUnknownError      exit 1   a commit neither surely landed nor surely failed
    +-- AccountingError         exit 1   records read and records placed differ; nothing was published
    +-- LedgerError             exit 1   the ledger or a table says something that cannot be

Held batches (exit 3) and drift (exit 5) are outcomes of a run and no errors; a run that is interrupted ends with 130,
one that is told to end with 143.

Messages say what was expected, what was found, where, and what to do now. They never hold a record's values.
"""

from __future__ import annotations

from collections.abc import Sequence


class SluiceError(Exception):
    """Root of all errors that are reported without a stack trace; `exit_code` is what the process ends with."""

    exit_code = 1


class UsageError(SluiceError):
    """Raised before anything is written, for what the caller can mend: arguments, location, contract, suite."""

    exit_code = 2


class LocationError(UsageError):
    """Raised when the lake, or the dataset's raw prefix in it, is not where the arguments say."""


class ProblemsError(UsageError):
    """A file that does not hold; carries all problems, one line each with its place.

    `where` is the file's path as the user knows it.
    """

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("" if len(self.problems) == 1 else "s")
        super().__init__("\n  ".join([f"{where}: {count}", *self.problems]))


class ContractError(ProblemsError):
    """Raised when a contract does not hold."""


class SuiteError(ProblemsError):
    """Raised, before any data is read, when a suite is not one, or does not fit the contract's columns."""


class DatasetBusyError(SluiceError):
    """Raised when another run holds the dataset's lease."""

    exit_code = 4


class LeaseLostError(SluiceError):
    """Raised when a run finds that another has taken its lease; it must not change anything any more."""


class StorageError(SluiceError):
    """Raised when object storage fails in a way that a later run may not meet."""


class StorageDenied(StorageError):
    """Raised when storage refuses access."""


class StorageThrottled(StorageError):
    """Raised when storage still asks to slow down after all retries."""


class SourceMissing(StorageError):
    """Raised when an object that was listed is gone."""


class SourceChanged(StorageError):
    """Raised when an object's size or ETag is not what was listed."""


class CommitUnknownError(SluiceError):
    """Raised when it cannot be told whether a commit landed; the next run reads again and decides."""


class AccountingError(SluiceError):
    """Raised when the records read are not the records placed; nothing of the batch was published."""


class LedgerError(SluiceError):
    """Raised when the ledger or a table says something that the protocol never writes."""
