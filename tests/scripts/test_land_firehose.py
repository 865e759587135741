"""scripts/land --firehose: what goes into a call, and what happens to records that a stream refuses.

No delivery stream runs here, so botocore's Stubber answers; it holds every request against the API's own model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from landing import firehose
from landing.__main__ import main
from landing.firehose import MOST_BYTES, MOST_RECORDS, Sent, batches, send
from sluice.errors import SluiceError

STREAM = "phones"
ACTIVE = {
    "DeliveryStreamDescription": {
        "DeliveryStreamName": STREAM,
        "DeliveryStreamARN": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/phones",
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "Destinations": [],
        "HasMoreDestinations": False,
    }
}


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    client = boto3.client("firehose", region_name="eu-west-1", aws_access_key_id="stub", aws_secret_access_key="stub")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def answer(stubber: Stubber, pieces: list[bytes] | None, refused: tuple[int, ...] = (), size: int = 0) -> None:
    """The stream answers a call for `pieces` (None: any) and refuses those at the places `refused`."""
    told: list[dict[str, str]] = [{"RecordId": "r"} for _ in pieces or range(size)]
    for place in refused:
        told[place] = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
    expected = {
        "DeliveryStreamName": STREAM,
        "Records": ANY if pieces is None else [{"Data": piece} for piece in pieces],
    }
    stubber.add_response("put_record_batch", {"FailedPutCount": len(refused), "RequestResponses": told}, expected)


def test_a_call_holds_at_most_500_records_and_4_mib_and_keeps_their_order() -> None:
    small = [b"%d" % k for k in range(1201)]
    cut = list(batches(small))
    assert [len(batch) for batch in cut] == [MOST_RECORDS, MOST_RECORDS, 201]
    large = [bytes([k]) * 1_000_000 for k in range(9)]
    by_size = list(batches(large))
    assert [len(batch) for batch in by_size] == [4, 4, 1]
    assert max(sum(map(len, batch)) for batch in by_size) <= MOST_BYTES
    assert [piece for batch in cut for piece in batch] == small
    assert [piece for batch in by_size for piece in batch] == large


def test_only_the_refused_records_go_again_after_growing_waits(stubber: Stubber) -> None:
    answer(stubber, [b"a", b"b", b"c", b"d"], refused=(1, 3))
    answer(stubber, [b"b", b"d"], refused=(0,))
    answer(stubber, [b"b"])
    sent, waits = Sent(), list[float]()
    send(stubber.client, STREAM, [b"a", b"b", b"c", b"d"], sent, waits.append)
    assert (sent.sent, sent.retried, sent.failed) == (4, 3, 0)
    assert sent.error_codes == Counter({"ServiceUnavailableException": 3})
    assert 0.1 <= waits[0] <= 0.2 <= waits[1] <= 0.4
    assert len(waits) == 2


def test_a_call_that_is_refused_for_load_goes_again_whole(stubber: Stubber) -> None:
    stubber.add_client_error("put_record_batch", "ServiceUnavailableException", http_status_code=503)
    answer(stubber, [b"a", b"b"])
    sent = Sent()
    send(stubber.client, STREAM, [b"a", b"b"], sent, lambda _: None)
    assert (sent.sent, sent.retried, sent.failed) == (2, 2, 0)


def test_retries_have_an_end_and_the_rest_goes_on(stubber: Stubber) -> None:
    pieces = [b"%d" % k for k in range(MOST_RECORDS + 1)]
    answer(stubber, pieces[:MOST_RECORDS], refused=(7,))
    for _ in range(9):
        answer(stubber, [b"7"], refused=(0,))
    answer(stubber, [b"500"])
    sent, waits = Sent(), list[float]()
    send(stubber.client, STREAM, pieces, sent, waits.append)
    assert (sent.sent, sent.retried, sent.failed) == (MOST_RECORDS, 9, 1)
    assert max(waits) <= 20


def test_an_error_other_than_load_ends_at_once_without_a_word_of_the_records(stubber: Stubber) -> None:
    stubber.add_client_error("put_record_batch", "AccessDeniedException", "no", http_status_code=400)
    with pytest.raises(SluiceError) as caught:
        send(stubber.client, STREAM, [b"private words"], Sent(), lambda _: None)
    assert "AccessDeniedException" in str(caught.value)
    assert "private" not in str(caught.value)


def run(monkeypatch: pytest.MonkeyPatch, stubber: Stubber, lake: Path, *arguments: str) -> int:
    def client(_: str) -> Any:
        return stubber.client

    monkeypatch.setattr(firehose, "client", client)
    monkeypatch.setattr(firehose, "_FIRST_WAIT_SECONDS", 0.0)
    return main(["--lake", str(lake), "--firehose", STREAM, *arguments])


def test_what_was_sent_is_told_and_the_manifest_says_what_to_expect(
    stubber: Stubber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stubber.add_response("describe_delivery_stream", ACTIVE, {"DeliveryStreamName": STREAM})
    answer(stubber, None, refused=(0, 1), size=500)
    answer(stubber, None, size=2)
    answer(stubber, None, size=200)
    assert run(monkeypatch, stubber, tmp_path, "--messages", "700") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["firehose"] == {
        "sent": 700, "retried": 2, "failed": 0, "error_codes": {"ServiceUnavailableException": 2},
    }  # fmt: skip
    assert told["expected"]["records"] == 700
    assert json.loads(Path(told["manifest"]).read_bytes())["state"] == "landed"
    assert not (tmp_path / "raw").exists()


def test_records_that_a_stream_refuses_for_good_end_with_1_and_promise_nothing(
    stubber: Stubber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stubber.add_response("describe_delivery_stream", ACTIVE, {"DeliveryStreamName": STREAM})
    answer(stubber, None, refused=(4,), size=20)
    for _ in range(9):
        answer(stubber, None, refused=(0,), size=1)
    assert run(monkeypatch, stubber, tmp_path, "--messages", "20") == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out.splitlines()[-1])
    assert (told["status"], told["expected"], told["firehose"]["failed"]) == ("incomplete", None, 1)
    assert "refused 1 record" in captured.err

    stubber.add_response("describe_delivery_stream", ACTIVE, {"DeliveryStreamName": STREAM})
    assert run(monkeypatch, stubber, tmp_path, "--messages", "20", "--again", "true") == 2
    assert "in part" in capsys.readouterr().err


def test_a_stream_that_is_not_there_or_not_ready_is_refused_with_nothing_written(
    stubber: Stubber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stubber.add_client_error("describe_delivery_stream", "ResourceNotFoundException", http_status_code=400)
    assert run(monkeypatch, stubber, tmp_path / "lake") == 2
    assert "found none" in capsys.readouterr().err
    description = {**ACTIVE["DeliveryStreamDescription"], "DeliveryStreamStatus": "CREATING"}
    stubber.add_response("describe_delivery_stream", {"DeliveryStreamDescription": description})
    assert run(monkeypatch, stubber, tmp_path / "lake") == 2
    assert "CREATING" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()
