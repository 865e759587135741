"""A listing in parts is the whole listing, whatever lies where; a page read our way is the page botocore reads."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import boto3
import pytest

from sluice.raw import listing
from sluice.raw.listing import list_sources
from sluice.runtime.aws import client
from sluice.runtime.storage import join, storage_for
from support.s3 import S3Server

_STRANGE = ["a b", "a+b", "a&b", "a%2Fb", "<ä>", 'q"q', "東京"]


def hour(number: int) -> str:
    return (datetime(2017, 11, 26) + timedelta(hours=number)).strftime("%Y/%m/%d/%H")  # noqa: DTZ001


def fill(landing: str, keys: list[str]) -> None:
    for key in keys:
        storage_for(landing).put(join(landing, key), b"{}")


def test_a_listing_in_parts_is_the_whole_listing_in_order(s3_lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    hours = [*range(6), *chance.sample(range(6, 300), 25)]
    keys = [f"{hour(number)}/part-{chance.randrange(10**6)}" for number in hours for _ in range(chance.choice([1, 4]))]
    keys += ["0-first", "zone=a/2017/11/27/01/x", f"{hour(40)}-beside", "2017/11/30/x", "2017/13/77/99/x", "_hidden/x"]
    landing = join(s3_lake, "raw", "visits")
    fill(landing, keys)
    whole = list(list_sources(landing, "visits"))
    assert [source.path for source in whole] == [f"visits/{key}" for key in sorted(keys) if not key.startswith("_")]

    monkeypatch.setattr(listing, "_WORTH_PARTS", 12)
    asked = []
    original = listing._cuts
    monkeypatch.setattr(listing, "_cuts", lambda *args: asked.append(original(*args)) or asked[-1])
    for part in (7, 40):
        monkeypatch.setattr(listing, "_PART", part)
        assert list(list_sources(landing, "visits")) == whole
        for start in (hour(2), hour(100)):
            later = [source for source in whole if listing.arrival_hour(source.path) >= start]
            assert list(list_sources(landing, "visits", start)) == later
            until = [source for source in later if listing.arrival_hour(source.path) < hour(280)]
            assert list(list_sources(landing, "visits", start, hour(280))) == until
    assert max(map(len, asked)) >= 5
    first = list_sources(landing, "visits")
    assert [next(first) for _ in range(20)] == whole[:20]
    first.close()  # whoever looks at the first alone leaves no thread behind


def test_a_page_of_a_listing_is_read_as_botocore_reads_it(s3_lake: str, s3_service: S3Server) -> None:
    fill(s3_lake, [f"x/{name}" for name in _STRANGE])
    prefix = s3_lake.removeprefix(f"s3://{s3_service.bucket}/") + "/"
    asked = {"Bucket": s3_service.bucket, "Prefix": prefix}
    ours, theirs = (each.list_objects_v2(**asked) for each in (client("s3"), boto3.client("s3")))
    wanted = ("Key", "Size", "ETag", "LastModified")
    assert ours["Contents"] == [{name: item[name] for name in wanted} for item in theirs["Contents"]]
    assert sorted(item["Key"] for item in ours["Contents"]) == sorted(f"{prefix}x/{name}" for name in _STRANGE)
    rest = [
        {key: found[key] for key in found if key not in ("Contents", "ResponseMetadata")} for found in (ours, theirs)
    ]
    assert rest[0] == rest[1]
    nothing = client("s3").list_objects_v2(Bucket=s3_service.bucket, Prefix="nothing/")
    assert "Contents" not in nothing
