"""scripts/land --dataset tweets: a naive reader counts what the manifest says; tests/pipeline has it curated."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from landing.__main__ import main
from landing.snowflake import snowflake, through_a_double, twitter_time
from test_land import source_objects, split

# It makes bytes, and no Spark reads them here: one lane is enough.
pytestmark = pytest.mark.lane("spark-4.1")

MIXED = "--duplicates 0.05 --late 0.05 --damaged 0.08 --unknown 0.04 --notices 0.06 --updates 0.05".split()
KINDS = "delete limit scrub_geo status_withheld user_withheld disconnect warning friends event direct_message".split()


def land(lake: Path, *arguments: str) -> dict[str, Any]:
    assert main(["--lake", str(lake), "--dataset", "tweets", "--workers", "1", *arguments]) == 0
    return dict(json.loads((lake / "_landed" / "tweets" / "seed-1.json").read_bytes()))


def objects(lake: Path) -> dict[str, bytes]:
    return source_objects(lake, "tweets")


def kind_of(record: dict[str, Any]) -> str | None:
    return next((kind for kind in (*KINDS, "friends_str", "for_user", "control") if kind in record), None)


def test_a_naive_reader_counts_what_the_manifest_says(tmp_path: Path) -> None:
    expected = land(tmp_path, "--messages", "1500", *MIXED, "--object-bytes", "200k")["expected"]
    kinds: Counter[str] = Counter()
    days: Counter[str] = Counter()
    editions: dict[str, set[bytes]] = {}
    records = malformed = 0
    for data in objects(tmp_path).values():
        sound, damaged = split(data)
        records, malformed = records + len(sound) + len(damaged), malformed + len(damaged)
        for raw in sound:
            record = json.loads(raw)
            if (kind := kind_of(record)) is not None:
                kinds[kind.removesuffix("_str")] += 1
                continue
            if record["id_str"] not in editions:
                at = datetime.strptime(record["created_at"], "%a %b %d %H:%M:%S %z %Y")
                days[at.astimezone(UTC).date().isoformat()] += 1
            editions.setdefault(record["id_str"], set()).add(raw)
    superseded = sum(len(found) - 1 for found in editions.values())
    tweets = records - malformed - kinds.total()
    assert expected["records"] == records == 1500
    assert expected["quarantined_by_reason"] == {"malformed_json": malformed}
    assert expected["filtered_by_kind"] == dict(sorted(kinds.items()))
    assert (expected["curated"], expected["superseded"]) == (len(editions), superseded)
    assert expected["duplicates"] == tweets - len(editions) - superseded
    assert expected["rows_per_event_date"] == dict(sorted(days.items()))
    assert min(superseded, expected["duplicates"], malformed, kinds.total()) > 50


def test_the_update_of_a_tweet_differs_by_higher_counts_alone(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "800", "--updates", "0.1", "--damaged", "0")
    found: dict[str, list[dict[str, Any]]] = {}
    for data in objects(tmp_path).values():
        for raw in split(data)[0]:
            record = json.loads(raw)
            if kind_of(record) is None:
                found.setdefault(record["id_str"], []).append(record)
    pairs = [pair for pair in found.values() if len(pair) == 2 and pair[0] != pair[1]]
    assert len(pairs) == 80
    for old, new in pairs:
        counts = ("retweet_count", "favorite_count")
        assert all(old.pop(name) < new.pop(name) for name in counts)
        assert old == new


def test_tweets_have_every_shape_and_a_realistic_size(tmp_path: Path) -> None:
    land(tmp_path, "--messages", "1500", "--damaged", "0", "--notices", "0")
    everything = [json.loads(raw) for data in objects(tmp_path).values() for raw in split(data)[0]]
    for name in ("full_text", "extended_tweet", "retweeted_status", "quoted_status", "timestamp_ms", "metadata"):
        assert 0 < sum(name in tweet for tweet in everything) < len(everything)
    assert all(any(tweet[name] for tweet in everything) for name in ("place", "coordinates", "geo", "entities"))
    assert len({tweet["lang"] for tweet in everything}) > 8
    for tweet in everything:
        if tweet["coordinates"]:
            assert tweet["coordinates"]["coordinates"] == tweet["geo"]["coordinates"][::-1]
        text, entities = tweet.get("full_text") or tweet["text"], tweet["entities"]
        for tag in entities["hashtags"] if "extended_tweet" not in tweet and not tweet["truncated"] else ():
            assert text[slice(*tag["indices"])] == "#" + tag["text"]
    size = sum(map(len, objects(tmp_path).values())) / len(everything)
    assert 2_000 < size < 3_600
    rounded = [tweet for tweet in everything if str(tweet["id"]) != tweet["id_str"]]
    assert rounded
    assert all(float(tweet["id"]) == float(tweet["id_str"]) for tweet in rounded)


def test_the_same_arguments_make_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    for workers in ("1", "2"):
        order = ["--messages", "6k", *MIXED, "--wrong", "0.02", "--workers", workers]
        assert main(["--lake", str(tmp_path / workers), "--dataset", "tweets", *order]) == 0
    assert objects(tmp_path / "1") == objects(tmp_path / "2")


def test_arguments_of_tweets_are_refused_for_messages_and_starts_before_their_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {
        "--notices: is for --dataset tweets": ["--notices", "0.1"],
        "--start: expected 2010-12-10": ["--dataset", "tweets", "--start", "2010-01-01T00:00:00Z"],
        "--updates: expected a number from 0 to 0.2": ["--dataset", "tweets", "--updates", "0.5"],
    }
    for says, arguments in refused.items():
        assert main(["--lake", str(tmp_path / "lake"), *arguments]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_ids_and_instants_are_written_as_twitter_and_javascript_write_them() -> None:
    assert twitter_time(1_409_444_955) == "Sun Aug 31 00:29:15 +0000 2014"
    assert snowflake(1_409_444_955_263, 505_874_924_095_815_681) == 505_874_924_095_815_681
    assert through_a_double(505_874_924_095_815_681) == "505874924095815700"
    assert through_a_double(12_467_873_400) == "12467873400"
    assert through_a_double(2**53 + 1) == "9007199254740992"
