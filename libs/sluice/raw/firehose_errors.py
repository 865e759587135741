"""Firehose's error objects -> refused rows: what the stream could not deliver, as it was sent, with its error code.

An error object is JSON, one object for each record that the stream gave up on: `processing-failed/` holds what the
transformation function refused or never answered, `format-conversion-failed/` what could not be made Parquet or ORC.
The record is in `rawData`, in base64; the code is `errorCode`, `ErrorCode` or `lastErrorCode`, as AWS's pages have it.
The messages beside it may quote the record, so only the code is kept.
(docs.aws.amazon.com/firehose/latest/dev: data-transformation-failure-handling, record-format-conversion-error-handling)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import msgspec

from sluice.contract.model import MAX_NESTING, MAX_RECORD_BYTES, Contract, RawField
from sluice.raw.account import Account
from sluice.raw.damage import KEPT_BYTES, Refused, cut_note, digest_of
from sluice.raw.from_json import JsonFormat
from sluice.raw.listing import failed_step
from sluice.raw.spans import WINDOW_BYTES, Taken
from sluice.raw.text import Opened

LAYOUT = "firehose-errors"
RULES = {
    "processing-failed": ("firehose_processing_failed", "transform"),
    "format-conversion-failed": ("firehose_format_conversion_failed", "convert"),
}
UNREADABLE = "firehose_error_unreadable"

_CODES = ("errorCode", "ErrorCode", "lastErrorCode")
_TOLD = ("rawData", *_CODES, "attemptsMade")
_PASSED_OVER = """
    arrivalTimestamp attemptEndingTimestamp errorMessage ErrorMessage lastErrorMessage lambdaArn sequenceNumber
    subSequenceNumber dataCatalogTable
    """
_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,100}").fullmatch


def _entries() -> Contract:
    """What an error object's JSON has, of any type: a record must not be lost because a number came as text."""
    names = [*_TOLD, *_PASSED_OVER.split()]
    return Contract(
        dataset="firehose_errors",
        version="1.0.0",
        path="",
        raw=tuple(RawField(name, "json") for name in names),
        columns=(),
        keep="first",
        newest_by=None,
        unknown_fields="rescue",
        filters=(),
        max_record_bytes=MAX_RECORD_BYTES,
        max_nesting=MAX_NESTING,
        fingerprint="",
    )


class ErrorsFormat:
    """Reads error objects; every entry is one refused row, its bytes those of the record that was sent."""

    def __init__(self, window_bytes: int = WINDOW_BYTES) -> None:
        self._json = JsonFormat(_entries(), window_bytes)

    def events(self, opened: Opened, account: Account) -> Iterator[Refused]:
        """All that is in one error object, in its order; what is no entry is refused like in any source object."""
        account.layout_name = LAYOUT
        rule, done = RULES[failed_step(opened.source.path)]
        for event in self._json.events(opened, account):
            if isinstance(event, Refused):
                yield event
                continue
            for index, (start, span) in enumerate(zip(event.starts, event.spans, strict=True)):
                yield _refused(start, span, self._row(event, index), rule, done)

    def _row(self, event: Taken, index: int) -> dict[str, str | None]:
        row = event.judged[index].row if index in event.judged else event.rows[index]
        return {field.name: _text(getattr(row, field.attribute)) for field in self._json.fields if field.name in _TOLD}


def _text(value: msgspec.Raw | None) -> str | None:
    """What a JSON string says, a number as it is written; None for null."""
    if value is None or bytes(value) == b"null":
        return None
    return msgspec.json.decode(value, type=str) if bytes(value)[:1] == b'"' else bytes(value).decode()


def _refused(start: int, span: bytes, entry: dict[str, str | None], rule: str, done: str) -> Refused:
    code = next((entry[name] for name in _CODES if entry[name] is not None), None) or ""
    code = code if _PLAIN(code) else "not told"
    try:
        record = base64.b64decode(entry["rawData"], validate=True)  # type: ignore[arg-type] # None: TypeError
    except (TypeError, ValueError):
        message = f"expected the record in rawData, in base64, found none; error code {code}; kept is the entry"
        return _row_of(start, span, UNREADABLE, message)
    made = entry["attemptsMade"] or ""
    tries = f" after {made} attempts" if made.isdecimal() and len(made) < 10 else ""
    return _row_of(start, record, rule, f"the delivery stream could not {done} it{tries}: error code {code}")


def _row_of(start: int, kept: bytes, rule: str, message: str) -> Refused:
    return Refused(start, kept[:KEPT_BYTES], len(kept), digest_of(kept), rule, message + cut_note(len(kept)))
