"""Firehose's transformation function: `sluice.delivery.handler.handle`, in AWS Lambda.

Of each record of the event, which may hold several JSON records:

===================================  ================  ============================================================
it holds                             result            data
===================================  ================  ============================================================
only sound records                   Ok                each on a line, as received and with what enrichment added
only filtered records, or nothing    Dropped
anything that is no JSON object      ProcessingFailed
only refused records                 ProcessingFailed
sound records beside others          Ok                the same; refused ones as received, which the batch job refuses
                                                       with their reasons; filtered ones left out
===================================  ================  ============================================================

An array's elements are records, each on a line of its own. What failed comes into `processing-failed/` as it was sent,
and from there into quarantine. An answer has at most 6 MB: where it would be longer, enrichment is left out, which the
batch job makes up for; what does not fit even so fails.
(docs.aws.amazon.com/firehose/latest/dev/data-transformation.html)

Environment: SLUICE_DATASET names the dataset, one of those that the release has compiled. One line a call is printed,
JSON with counts by result and rule, no record's values.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sluice.delivery.records import Judged, Judging, line

OK, DROPPED, FAILED = "Ok", "Dropped", "ProcessingFailed"
# Below Lambda's 6 MB; _AROUND is what a result takes at most beside its id and data, with blanks as Lambda writes them.
MOST_BYTES = 6_000_000
_AROUND = 64

Event = Mapping[str, Any]


def handle(event: Event, context: object = None) -> dict[str, Any]:
    """Firehose's event -> its answer: every recordId once, in order."""
    answer, told = answered(_judging(os.environ.get("SLUICE_DATASET", "")), event["records"])
    told = {"dataset": os.environ["SLUICE_DATASET"], "invocation": event.get("invocationId"), **told}
    sys.stdout.write(json.dumps(told) + "\n")
    return answer


def answered(judging: Judging, sent: Sequence[Event]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer to the records of an event, and the counts to log."""
    parts = [_records(judging, one) for one in sent]
    judging.decide([record for part in parts for record in part])
    longest = judging.contract.max_record_bytes
    results = [_result(one["recordId"], part, longest) for one, part in zip(sent, parts, strict=True)]
    over = sum(map(_bytes, results)) - MOST_BYTES
    for number in range(len(results) - 1, -1, -1):
        if over <= 0:
            break
        plain = _result(sent[number]["recordId"], parts[number], longest, enriched=False)
        over, results[number] = over - _bytes(results[number]) + _bytes(plain), plain
    dropped_for_size = 0
    for number in range(len(results) - 1, -1, -1):
        if over <= 0:
            break
        if "data" in results[number]:
            failed = {"recordId": sent[number]["recordId"], "result": FAILED}
            over, results[number] = over - _bytes(results[number]) + _bytes(failed), failed
            dropped_for_size += 1
    return {"records": results}, _told(parts, results, dropped_for_size)


@lru_cache(maxsize=1)
def _judging(dataset: str) -> Judging:
    try:
        return Judging(importlib.import_module(f"sluice.delivery.datasets.{dataset}"))
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"SLUICE_DATASET: expected one of the datasets this release was compiled for, found {dataset!r}"
        ) from error


def _records(judging: Judging, one: Event) -> list[Judged]:
    try:
        data = base64.b64decode(one["data"], validate=True)
    except ValueError:
        return [Judged(b"", "malformed", [("not_base64", "", "expected the record in base64")])]
    return judging.records(data, int(one["approximateArrivalTimestamp"]))


def _result(record_id: str, records: Sequence[Judged], longest: int, *, enriched: bool = True) -> dict[str, Any]:
    fates = {record.fate for record in records}
    if not fates - {"filtered"}:
        return {"recordId": record_id, "result": DROPPED}
    if "malformed" in fates or "sound" not in fates:
        return {"recordId": record_id, "result": FAILED}
    lines = b"".join(line(record, longest, enriched=enriched) for record in records if record.fate != "filtered")
    return {"recordId": record_id, "result": OK, "data": base64.b64encode(lines).decode("ascii")}


def _bytes(result: Mapping[str, str]) -> int:
    return len(result["recordId"]) + len(result.get("data", "")) + _AROUND


def _told(parts: Sequence[Sequence[Judged]], results: Sequence[Event], too_much: int) -> dict[str, Any]:
    """Counts by result, by filter and by rule with its column."""
    records = [record for part in parts for record in part]
    rules = Counter(f"{rule}|{column}" for one in records for rule, column, _ in one.reasons)
    return {
        "records": len(results),
        "results": Counter(result["result"] for result in results),
        "json_records": len(records),
        "filtered": Counter(one.filtered for one in records if one.filtered),
        "rules": rules,
        "enriched": sum(bool(one.added) for one in records),
        "did_not_fit": too_much,
    }
