"""Tweets: every shape of API v1.1 becomes one row with exact ids and its whole text, notices are counted by kind."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakes import check_rows, curated_rows, deliver, places, quarantine_rows, reasons, run_of, totals
from landing.__main__ import land
from landing.arguments import parse
from sluice.contract.load import load_contract
from sluice.lake.commit import open_table
from sluice.pipeline.curate import curate
from sluice.pipeline.options import Options
from sluice.quality.load import load_suite
from support.machine import ROOT
from test_lanes import held_to_record

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATASET = "tweets"
REAL = ROOT.parent / "shared" / "data" / "tweets"
AT = "Sun Aug 31 00:29:15 +0000 2014"
AUTHOR = {"id": 7, "id_str": "7", "name": "A", "screen_name": "a_1", "followers_count": 3, "verified": True}


def tweet(number: int, **more: Any) -> dict[str, Any]:
    """A sound tweet; a member that is ... is left out."""
    sound = {"created_at": AT, "id": number, "id_str": str(number), "text": f"t{number}", "user": AUTHOR, "lang": "en"}
    return {name: value for name, value in {**sound, **more}.items() if value is not ...}


def curated(spark: SparkSession, lake: str, **options: Any) -> dict[str, Any]:
    """One run with the dataset's own contract and suite."""
    run = curate(
        run_of(spark), lake, load_contract(DATASET), Options(lease_seconds=30.0, **options), load_suite(DATASET)
    )
    return dict(run)


def by_id(lake: str) -> dict[int, dict[str, Any]]:
    return {row["tweet_id"]: row for row in curated_rows(lake, DATASET)}


SNOWFLAKE = 505874924095815681
ROUNDED = 505874924095815700  # as JavaScript writes it
# What is told of the id -> what the id is, or None where nobody can know.
IDS: list[tuple[dict[str, Any], int | None]] = [
    ({"id_str": str(SNOWFLAKE), "id": ROUNDED}, SNOWFLAKE),
    ({"id_str": str(SNOWFLAKE + 2), "id": 5.058749240958157e17}, SNOWFLAKE + 2),
    ({"id_str": str(2**63 - 1), "id": 2**63 - 1}, 2**63 - 1),
    ({"id_str": str(SNOWFLAKE + 4), "id": ...}, SNOWFLAKE + 4),
    ({"id_str": ..., "id": 12345678901}, 12345678901),
    ({"id_str": ..., "id": 2**53}, 2**53),
    ({"id_str": ..., "id": SNOWFLAKE + 6}, SNOWFLAKE + 6),
    ({"id_str": ..., "id": ROUNDED}, None),
    ({"id_str": ..., "id": int(float(SNOWFLAKE))}, None),
    ({"id_str": ..., "id": 5.058749240958157e17}, None),
    ({"id_str": ..., "id": 2**63}, None),
    ({"id_str": "12x", "id": 12}, None),
    ({"id_str": ..., "id": ...}, None),
]
LINK = {"url": "https://t.co/a", "expanded_url": "http://example.com/?a=1&b=2"}
LONG = {"full_text": "all of it", "entities": {"hashtags": [{"text": "Ü"}], "urls": [LINK], "user_mentions": []}}
OTHER = tweet(50, text="cut…", user={**AUTHOR, "id_str": "8", "id": 8, "screen_name": "b"}, extended_tweet=LONG)
PHOTO = {"id_str": "5", "type": "photo", "media_url_https": "https://pbs.twimg.com/5.jpg"}
NAMED = {"id": 9, "id_str": "9", "screen_name": "c", "name": "C", "indices": [0, 2]}
SHAPES: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {
    101: ({}, {"text": "t101", "is_retweet": False, "author_id": 7, "author_followers": 3, "author_verified": True}),
    102: ({"text": ..., "full_text": "a &amp; b\n\u2028"}, {"text": "a &amp; b\n\u2028"}),
    103: ({"truncated": True, "extended_tweet": LONG, "entities": {"hashtags": []}},
          {"text": "all of it", "hashtags": ["Ü"], "urls": [LINK["expanded_url"]], "mentions": []}),
    104: ({"text": "RT @b: cut…", "retweeted_status": OTHER, "entities": {"hashtags": [{"text": "no"}]}},
          {"text": "RT @b: all of it", "is_retweet": True, "retweeted_tweet_id": 50, "retweeted_author_id": 8,
           "retweeted_author_screen_name": "b", "hashtags": ["Ü"]}),
    105: ({"quoted_status_id": ROUNDED, "quoted_status_id_str": str(SNOWFLAKE), "quoted_status": OTHER},
          {"quoted_tweet_id": SNOWFLAKE, "is_retweet": False}),
    106: ({"coordinates": {"type": "Point", "coordinates": [-122.4, 37.8]}, "geo": None},
          {"latitude": 37.8, "longitude": -122.4}),
    107: ({"coordinates": None, "geo": {"type": "Point", "coordinates": [37.8, -122.4]}},
          {"latitude": 37.8, "longitude": -122.4}),
    108: ({"retweet_count": "100+", "favorite_count": 7}, {"retweet_count": 100, "interaction_count": 107}),
    109: ({"place": {"id": "p", "full_name": "P, Q", "country_code": "DE"}},
          {"place_id": "p", "place_name": "P, Q", "country_code": "DE", "latitude": None}),
    110: ({"in_reply_to_status_id": ROUNDED, "in_reply_to_status_id_str": str(SNOWFLAKE), "in_reply_to_user_id": 9},
          {"in_reply_to_tweet_id": SNOWFLAKE, "in_reply_to_user_id": 9}),
    111: ({"source": '<a href="http://x" rel="nofollow">A &amp; B</a>'}, {"source_app": "A &amp; B"}),
    112: ({"source": "web", "lang": ..., "metadata": {"iso_language_code": "ja"}},
          {"source_app": "web", "language": "ja"}),
    113: ({"user": {"id": 7, "id_str": "7"}}, {"author_id": 7, "author_name": None}),
    114: ({"created_at": "Mon Dec 01 23:30:00 -0130 2014"},
          {"created_at": datetime(2014, 12, 2, 1, tzinfo=UTC), "created_date": date(2014, 12, 2)}),
    115: ({"entities": {"user_mentions": [NAMED], "media": [PHOTO]}, "extended_entities": {"media": [PHOTO, PHOTO]}},
          {"mentions": [{"id": 9, "screen_name": "c", "name": "C"}],
           "media": [{"id": 5, "type": "photo", "url": "https://pbs.twimg.com/5.jpg"}] * 2, "hashtags": None}),
}  # fmt: skip
REFUSED: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"created_at": "yesterday"}, ("not_convertible", "created_at")),
    ({"created_at": "Sun Feb 30 00:29:15 +0000 2014"}, ("not_convertible", "created_at")),
    ({"created_at": "Sun Aug 31 00:29:15 +0000 0000"}, ("not_convertible", "created_at")),
    ({"created_at": ...}, ("missing_required", "created_at")),
    ({"user": ...}, ("missing_required", "author_id")),
    ({"user": []}, ("not_convertible", "author_id")),
    ({"text": ...}, ("missing_required", "text")),
    ({"retweet_count": "many"}, ("not_convertible", "retweet_count")),
    ({"text": 5}, ("wrong_type", "text")),
    ({"coordinates": {"coordinates": [37.8, -122.4]}}, ("latitude_in_range", "latitude")),
]
NOTICES = {
    "delete": [{"delete": {"status": {"id": 1}}}, {"delete": {"direct_message": {"id": 1}}}],
    "limit": [{"limit": {"track": 5}}],
    "scrub_geo": [{"scrub_geo": {"user_id": 1}}],
    "status_withheld": [{"status_withheld": {"id": 1}}],
    "user_withheld": [{"user_withheld": {"id": 1}}],
    "disconnect": [{"disconnect": {"code": 4}}],
    "warning": [{"warning": {"code": "FALLING_BEHIND"}}],
    "friends": [{"friends": [1, 2]}, {"friends_str": ["1"]}],
    "event": [{"event": "follow", "created_at": AT, "source": {"id": 1}, "target": {"id": 2}, "target_object": {}}],
    "direct_message": [{"direct_message": {"id": 1, "text": "x"}}],
    "for_user": [{"for_user": 1, "message": tweet(1)}],
    "control": [{"control": {"control_uri": "/x"}}],
    "error": [{"errors": [{"code": 88, "message": "Rate limit exceeded"}]}],
}


@pytest.fixture(scope="module")
def known(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with one batch of made tweets; the others are copies of it, in which the contract has been tried."""
    lake = str(tmp_path_factory.mktemp("tweets") / "a lake")
    ids = [tweet(0, text=f"id {number}", **told) for number, (told, _) in enumerate(IDS)]
    shapes = [tweet(number, **told) for number, (told, _) in SHAPES.items()]
    refused = [tweet(1000 + number, **told) for number, (told, _) in enumerate(REFUSED)]
    notices = [notice for found in NOTICES.values() for notice in found]
    deliver(lake, [*ids, *shapes, *refused, *notices], dataset=DATASET)
    assert curated(spark, lake)["outcome"] == "published"
    return lake


@pytest.fixture
def lake(known: str, tmp_path: Path) -> str:
    return str(shutil.copytree(known, tmp_path / "a lake"))


def test_an_id_is_exact_or_the_tweet_is_refused(known: str) -> None:
    found = {row["text"]: row["tweet_id"] for row in curated_rows(known, DATASET) if row["text"].startswith("id ")}
    assert found == {f"id {number}": wanted for number, (_, wanted) in enumerate(IDS) if wanted is not None}
    refused = {json.loads(row["record"])["text"]: reasons(row) for row in quarantine_rows(known, DATASET)
               if b'"text": "id ' in row["record"]}  # fmt: skip
    lost = [number for number, (_, wanted) in enumerate(IDS) if wanted is None]
    assert refused == {
        f"id {n}": [("not_convertible" if "id" in tweet(0, **IDS[n][0]) else "missing_required", "tweet_id")]
        for n in lost
    }


def test_every_shape_of_a_tweet_gives_its_whole_text_references_point_and_counts(known: str) -> None:
    rows = by_id(known)
    found = {number: {name: rows[number][name] for name in wanted} for number, (_, wanted) in SHAPES.items()}
    assert found == {number: wanted for number, (_, wanted) in SHAPES.items()}


def test_what_is_no_sound_tweet_is_refused_with_its_reason(known: str) -> None:
    found = {row["record"]: reasons(row) for row in quarantine_rows(known, DATASET)}
    wanted = {json.dumps(tweet(1000 + n, **told)).encode(): [reason] for n, (told, reason) in enumerate(REFUSED)}
    assert {record: found.get(record) for record in wanted} == wanted


def test_notices_are_counted_by_kind_and_are_no_tweets(known: str) -> None:
    rows = check_rows(known, DATASET)
    found = {row["name"].removeprefix("filtered:"): row["observed_value"] for row in rows if row["rule"] == "filtered"}
    assert found == {kind: len(made) for kind, made in NOTICES.items()}
    counts = totals(known, DATASET)
    assert (counts.read, counts.filtered) == (counts.placed, sum(map(len, NOTICES.values())))


def test_a_tweet_collected_again_keeps_its_newest_counts_in_any_order_of_arrival(
    spark: SparkSession, lake: str
) -> None:
    editions = [tweet(900, retweet_count=0, favorite_count=1), tweet(900, retweet_count=5, favorite_count=1)]
    editions += [tweet(900, retweet_count=5, favorite_count=9), tweet(900, retweet_count=5, favorite_count=9)]
    for copy, order in enumerate(itertools.islice(itertools.permutations(editions), 0, 24, 5)):
        # Each order with ids of its own, in the same few batches.
        for hour, edition in enumerate(order):
            told = {**edition, "id": 900 + copy, "id_str": str(900 + copy)}
            deliver(lake, [told], hour=f"2017/11/27/{hour // 2:02}", name=f"{copy}-{hour}", dataset=DATASET)
    before = totals(lake, DATASET)
    for until in ("2017/11/27/01", ""):
        assert curated(spark, lake, until=until)["balanced"]
    rows = by_id(lake)
    assert [rows[900 + copy]["interaction_count"] for copy in range(5)] == [14] * 5
    counts = totals(lake, DATASET)
    assert counts.read - before.read == 20
    assert (counts.curated - before.curated) - (counts.replaced - before.replaced) == 5


@pytest.mark.skipif(not REAL.is_dir(), reason="shared/data/tweets is not here")
def test_real_tweets_are_curated_and_their_notices_filtered(spark: SparkSession, lake: str) -> None:
    files = sorted(REAL.glob("*.ndjson"))
    for file in files:
        deliver(lake, [file.read_bytes()], hour="2017/11/27/00", name=file.stem, dataset=DATASET)
    records = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    tweets = {record["id"]: record for record in records if "id" in record}
    counts = curated(spark, lake)["counts"]
    assert (counts["read"], counts["curated"], counts["filtered"]) == (
        len(records),
        len(tweets),
        len(records) - len(tweets),
    )
    rows = by_id(lake)
    assert tweets.keys() <= rows.keys()
    for number, record in tweets.items():
        row, of = rows[number], record.get("retweeted_status")
        assert row["text"] == (f"RT @{of['user']['screen_name']}: {of['text']}" if of else record["text"])
        assert row["created_at"] == datetime.strptime(record["created_at"], "%a %b %d %H:%M:%S %z %Y")
        assert row["author_id"] == record["user"]["id"]
        assert row["retweeted_tweet_id"] == (of["id"] if of else None)
        assert row["in_reply_to_tweet_id"] == record["in_reply_to_status_id"]
        if "entities" in record:
            assert row["hashtags"] == [tag["text"] for tag in (of or record)["entities"]["hashtags"]]
        point = (record["coordinates"] or {}).get("coordinates")
        assert [row["longitude"], row["latitude"]] == (point or [None, None])


def test_both_lanes_make_the_recorded_tables_of_made_tweets(spark: SparkSession, lake: str) -> None:
    order = "--dataset tweets --messages 700 --seed 7 --hours 5 --workers 1 --notices 0.06 --updates 0.05"
    shares = "--duplicates 0.03 --late 0.05 --damaged 0.03 --wrong 0.03 --unknown 0.05"
    expected = land(parse(["--lake", lake, *order.split(), *shares.split()]))["expected"]
    summary = curated(spark, lake)
    counts = summary["counts"]
    names = ("curated", "quarantined", "duplicates", "superseded", "filtered", "rescued")
    assert {name: counts[name] for name in names} == {name: expected[name] for name in names}
    assert counts["read"] == expected["records"]
    rows = curated_rows(lake, DATASET)
    days = Counter(row["created_date"].isoformat() for row in rows if row["tweet_id"] > 2**55)
    assert expected["rows_per_event_date"].items() <= days.items()
    table = open_table(places(lake, DATASET).curated)
    assert table is not None
    held_to_record(DATASET, lake, str(table.schema().to_json()), counts)
