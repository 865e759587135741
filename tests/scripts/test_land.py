"""scripts/land: what it delivers is what its manifest says, read back by a reader that shares no code with it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from landing.__main__ import main
from landing.arrival import plan_arrivals

FIELDS = ["sentiment_value", "name", "sentiment", "timestamp", "longitude", "country", "latitude", "message", "channel"]
MIXED = "--duplicates 0.05 --late 0.05 --damaged 0.08 --unknown 0.04 --wrong 0.04".split()
WHITE = b" \t\r\n"


def land(lake: Path, *arguments: str) -> int:
    return main(["--lake", str(lake), "--workers", "1", *arguments])


def manifest(lake: Path, name: str = "seed-1") -> dict[str, Any]:
    return dict(json.loads((lake / "_landed" / "app_messages" / f"{name}.json").read_bytes()))


def source_objects(lake: Path, dataset: str = "app_messages") -> dict[str, bytes]:
    """Key below the raw prefix -> content, uncompressed; every file there, hidden ones too."""
    raw = lake / "raw" / dataset
    found = {str(path.relative_to(raw)): path.read_bytes() for path in sorted(raw.rglob("*")) if path.is_file()}
    return {key: gzip.decompress(data) if key.endswith(".gz") else data for key, data in found.items()}


def strict_object(data: bytes, at: int) -> int | None:
    """Where the complete JSON object that begins at `at` ends, None if there is none."""
    end = data.find(b"}", at)
    while end != -1 and end - at < 20_000:
        try:
            return end + 1 if isinstance(json.loads(data[at : end + 1].decode()), dict) else None
        except ValueError:
            end = data.find(b"}", end + 1)
    return None


def split(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """(records, damaged spans) by the rule of the design, the slow and plain way."""
    records: list[bytes] = []
    damaged: list[bytes] = []
    at = 0
    while at < len(data):
        if data[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
            at += 1
            continue
        end = strict_object(data, at) if data[at : at + 1] == b"{" else None
        if end is not None:
            records.append(data[at:end])
            at = end
            continue
        began, at = at, at + 1
        while at < len(data):
            before = data[:at].rstrip(WHITE)[-1:] if data[at : at + 1] == b"{" else b","
            if before not in (b":", b",", b"[") and strict_object(data, at) is not None:
                break
            at += 1
        damaged.append(data[began:at])
    return records, damaged


def fate(record: dict[str, Any]) -> str:
    """`curated`, `rescued` or the reason of refusal, as the contract of app_messages has it."""
    number, text = (int, float), (str,)
    types = dict(zip(FIELDS, (number, text, text, (int,), number, text, number, text, text), strict=True))
    values = {name: record.get(name) for name in FIELDS}
    if any(value is not None and type(value) not in types[name] for name, value in values.items()):
        return "wrong_type"
    if float("inf") in values.values() or (values["timestamp"] or 0) > 253402300799999:
        return "not_convertible"
    if any(values[name] is None for name in ("timestamp", "country", "sentiment", "sentiment_value")):
        return "missing_required"
    return "curated" if set(record) <= set(FIELDS) else "rescued"


def read_back(lake: Path) -> dict[str, Any]:
    """The expected part of a manifest, from the bytes alone."""
    seen: set[bytes] = set()
    reasons: Counter[str] = Counter()
    days: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for data in source_objects(lake).values():
        records, damaged = split(data)
        counts["records"] += len(records) + len(damaged)
        reasons["malformed_json"] += len(damaged)
        for raw in records:
            record = json.loads(raw)
            is_now = fate(record)
            if is_now not in ("curated", "rescued"):
                reasons[is_now] += 1
            elif raw in seen:
                counts["duplicates"] += 1
            else:
                seen.add(raw)
                counts["curated"] += 1
                counts["rescued"] += is_now == "rescued"
                days[datetime.fromtimestamp(record["timestamp"] / 1000, UTC).date().isoformat()] += 1
    return {
        **{name: counts[name] for name in ("records", "curated", "duplicates", "rescued")},
        "quarantined": reasons.total(),
        "quarantined_by_reason": {reason: rows for reason, rows in sorted(reasons.items()) if rows},
        "superseded": 0,
        "filtered": 0,
        "rows_per_event_date": dict(sorted(days.items())),
    }


@pytest.mark.parametrize("layout", ["back-to-back", "newline"])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_naive_reader_counts_what_the_manifest_says(tmp_path: Path, layout: str, compression: str) -> None:
    shape = ["--layout", layout, "--compression", compression, "--object-bytes", "60000"]
    assert land(tmp_path, "--messages", "3k", *MIXED, *shape) == 0
    found = manifest(tmp_path)
    assert found["expected"] == read_back(tmp_path)
    assert found["expected"]["records"] == 3000
    assert found["messages"] == {"plain": 2220, "damaged": 240, "copy": 150, "late": 150, "unknown": 120, "wrong": 120}
    assert found["source_objects"] == len(source_objects(tmp_path))
    assert found["raw_bytes"] == sum(map(len, source_objects(tmp_path).values()))


def test_counts_hold_over_the_borders_of_what_is_made_at_a_time(tmp_path: Path) -> None:
    assert land(tmp_path, "--messages", "25k", *MIXED, "--hours", "0.05", "--late-days", "0.5") == 0
    assert manifest(tmp_path)["expected"] == read_back(tmp_path)


@pytest.mark.parametrize("seed", range(2, 8))
def test_counts_hold_where_nearly_half_is_damaged_and_the_rest_is_not_plain(tmp_path: Path, seed: int) -> None:
    shares = "--duplicates 0.2 --late 0.1 --damaged 0.45 --unknown 0.15 --wrong 0.1".split()
    assert land(tmp_path, "--messages", "700", "--seed", str(seed), *shares, "--object-bytes", "2k") == 0
    assert manifest(tmp_path, f"seed-{seed}")["expected"] == read_back(tmp_path)


def test_records_have_the_nine_fields_in_the_style_of_the_first_messages(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "20k", "--damaged", "0", "--unknown", "0")
    everything = b"".join(source_objects(tmp_path).values())
    records, damaged = split(everything)
    assert not damaged
    neutral = 0
    for raw in records:
        record = json.loads(raw)
        assert list(record) == FIELDS
        value = record["sentiment_value"]
        neutral += value == 0
        assert record["sentiment"] == ("neutral" if value == 0 else "positive" if value > 0 else "negative")
    assert 0.4 < neutral / len(records) < 0.6
    for awkward in (b"}{", b'\\"', "\u2028".encode(), b"\\u2028", "\U0001f600".encode()):
        assert awkward in everything
    countries = Counter(json.loads(raw)["country"] for raw in records)
    assert len(countries) > 200
    assert countries.most_common(1)[0][1] > 20 * sorted(countries.values())[len(countries) // 2]
    assert b'"latitude": 41.1533317565918,' in everything


def test_the_same_arguments_make_the_same_bytes_and_keys_whatever_the_number_of_workers(tmp_path: Path) -> None:
    arguments = ["--messages", "120k", "--hours", "2", *MIXED]
    for workers in ("1", "2"):
        assert main(["--lake", str(tmp_path / workers), *arguments, "--workers", workers]) == 0
    one, two = source_objects(tmp_path / "1"), source_objects(tmp_path / "2")
    assert one == two
    assert manifest(tmp_path / "1") == manifest(tmp_path / "2")


def test_keys_are_those_of_firehose_and_tell_the_arrival_of_the_oldest_record(tmp_path: Path) -> None:
    start = datetime(2017, 11, 26, 22, 30, tzinfo=UTC)
    span = ["--start", start.isoformat(), "--hours", "3", "--stream", "phones_eu.1"]
    land(tmp_path, "--messages", "5k", "--late", "0", "--duplicates", "0", "--damaged", "0", *span)
    shape = re.compile(
        r"(\d{4}/\d\d/\d\d/\d\d)/phones_eu\.1-1-(\d{4}(?:-\d\d){5})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.gz"
    )
    found = source_objects(tmp_path)
    for key, data in found.items():
        match = shape.fullmatch(key)
        assert match, key
        at = datetime.strptime(match[2], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        assert f"{at:%Y/%m/%d/%H}" == match[1]
        first_event_at = datetime.fromtimestamp(json.loads(split(data)[0][0])["timestamp"] / 1000, UTC)
        assert -1.1 <= (first_event_at - at).total_seconds() <= 1
        assert 0 <= (at - start).total_seconds() < 3 * 3600
    assert {key[:13] for key in found} == {"2017/11/26/22", "2017/11/26/23", "2017/11/27/00", "2017/11/27/01"}
    assert len(found) >= 36  # none holds more than 300 s


def test_objects_keep_to_their_size_and_bursts_make_some_times_busier(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "20k", "--object-bytes", "100000")
    sizes = [len(data) for data in source_objects(tmp_path).values()]
    assert max(sizes) <= 100_000
    per_window = Counter(int(key.split("-1-")[1][14:16]) // 5 for key in source_objects(tmp_path))
    assert len(per_window) == 12
    assert max(per_window.values()) >= 3 * min(per_window.values())


@pytest.mark.parametrize("span_ms", [3_600, 61_234, 3_600_000])
def test_as_many_have_arrived_by_an_instant_as_have_an_earlier_arrival(span_ms: int) -> None:
    arrivals = plan_arrivals(3, 777, 1_511_708_400_000, span_ms)
    instants = arrivals.between(0, 777)
    assert instants == sorted(instants) == [arrivals.at(number) for number in range(777)]
    assert 0 <= instants[0] - arrivals.start_ms <= instants[-1] - arrivals.start_ms < span_ms
    for after_ms in range(0, span_ms + 1, max(1, span_ms // 500)):
        assert arrivals.arrived_by(after_ms) == sum(at < arrivals.start_ms + after_ms for at in instants)


def test_late_ones_are_hours_to_days_late_and_the_others_a_second_or_so(tmp_path: Path) -> None:
    shares = "--late 0.25 --damaged 0 --duplicates 0 --unknown 0".split()
    land(tmp_path, "--messages", "4k", *shares, "--late-days", "3", "--hours", "0.02")
    lateness = []
    for key, data in source_objects(tmp_path).items():
        at = datetime.strptime(key.split("-1-")[1][:19], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        lateness += [at.timestamp() - json.loads(raw)["timestamp"] / 1000 for raw in split(data)[0]]
    late = [seconds for seconds in lateness if seconds > 1800]
    assert len(late) == 1000
    assert 3600 - 72 <= min(late) < 10_000
    assert 2.9 * 86_400 < max(late) <= 3 * 86_400 + 2
    assert max(seconds for seconds in lateness if seconds <= 1800) < 1.1


def test_some_copies_come_near_and_some_in_a_later_object(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "10k", "--duplicates", "0.05", "--object-bytes", "250k")
    first_seen: dict[bytes, int] = {}
    apart: Counter[bool] = Counter()
    for number, data in enumerate(source_objects(tmp_path).values()):
        for raw in split(data)[0]:
            if raw in first_seen:
                apart[first_seen[raw] != number] += 1
            first_seen.setdefault(raw, number)
    assert apart[False] > apart[True] > 20


def test_nothing_but_source_objects_is_below_the_raw_prefix(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "2k")
    assert not [key for key in source_objects(tmp_path) if Path(key).name.startswith((".", "_"))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_landed", "raw"]


def test_another_seed_adds_and_the_manifests_add_up(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "1500", *MIXED)
    before = source_objects(tmp_path)
    assert land(tmp_path, "--messages", "1000", "--seed", "2", *MIXED) == 0
    assert before.items() <= source_objects(tmp_path).items()
    both = [manifest(tmp_path, name)["expected"] for name in ("seed-1", "seed-2")]
    found = read_back(tmp_path)
    for name in ("records", "curated", "quarantined", "duplicates", "rescued"):
        assert found[name] == sum(one[name] for one in both)
    days = sum((Counter(one["rows_per_event_date"]) for one in both), Counter[str]())
    assert found["rows_per_event_date"] == dict(sorted(days.items()))


def test_a_seed_lands_once_unless_asked_to_land_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--messages", "1k", *MIXED]
    land(tmp_path, *arguments)
    once = source_objects(tmp_path)
    assert land(tmp_path, *arguments) == 2
    assert "--again true" in capsys.readouterr().err
    assert land(tmp_path, *arguments, "--again", "true", "--messages", "2k") == 2
    assert "messages differ" in capsys.readouterr().err
    assert source_objects(tmp_path) == once

    assert land(tmp_path, *arguments, "--again", "true", "--object-bytes", "9k", "--compression", "none") == 0
    new = {key: data for key, data in source_objects(tmp_path).items() if key not in once}
    assert b"".join(new.values()) == b"".join(once.values())
    both = [manifest(tmp_path, name)["expected"] for name in ("seed-1", "seed-1-again-1")]
    found = read_back(tmp_path)
    for name in ("records", "curated", "quarantined", "duplicates", "rescued"):
        assert found[name] == sum(one[name] for one in both)


def test_a_delivery_that_was_stopped_is_finished_by_the_same_command_alone(tmp_path: Path) -> None:
    arguments = ["--messages", "2k", "--object-bytes", "50k"]
    land(tmp_path, *arguments)
    whole, told = source_objects(tmp_path), manifest(tmp_path)
    path = tmp_path / "_landed" / "app_messages" / "seed-1.json"
    path.write_text(json.dumps({"state": "landing", "content": told["content"], "delivery": told["delivery"]}))
    kept = sorted((tmp_path / "raw").rglob("*.gz"))
    for lost in kept[::2]:
        lost.unlink()
    written_at = kept[1].stat().st_mtime_ns
    assert land(tmp_path, *arguments, "--compression", "none") == 2
    assert land(tmp_path, *arguments) == 0
    assert source_objects(tmp_path) == whole
    assert manifest(tmp_path) == told
    assert kept[1].stat().st_mtime_ns == written_at  # a reader may have it in its ledger already


REFUSED = {
    "shares over one whole": (["--late", "0.6", "--duplicates", "0.6"], "found 1.206 together"),
    "a negative share": (["--damaged", "-0.1"], "--damaged: expected a number from 0 to 0.45, found `-0.1`"),
    "damaged ones that would touch": (["--damaged", "0.5"], "--damaged: expected a number from 0 to 0.45"),
    "no number": (["--messages", "many"], "--messages: expected a whole number from 1"),
    "no instant": (["--start", "yesterday"], "--start: expected an instant such as"),
    "a stream name that is a path": (["--stream", "a/b"], "--stream: expected 1 to 64 letters"),
    "all problems at once": (["--hours", "0", "--late", "x"], "2 problems"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_are_refused_with_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    lake = tmp_path / "lake"
    assert land(lake, *arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert not captured.out
    assert not lake.exists()


def test_a_lake_that_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    for lake, says in (("gs://bucket/lake", "scheme"), (str(tmp_path / "file"), "can be written"), ("", "--lake")):
        assert main(["--lake", lake, "--messages", "10"]) == 2
        message = capsys.readouterr().err
        assert says in message
        assert "Traceback" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_last_line_of_standard_output_is_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    land(tmp_path, "--messages", "500")
    captured = capsys.readouterr()
    told = json.loads(captured.out.splitlines()[-1])
    assert told["expected"] == manifest(tmp_path)["expected"]
    assert told["status"] == "landed"
    assert "500 of 500 messages" in captured.err
