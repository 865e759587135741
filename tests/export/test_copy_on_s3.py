"""On S3: conditional puts make one winner, Redshift's manifest names each file with its size."""

from __future__ import annotations

import json
import threading

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from copies import copied, copy_rows, place, pointer, table_rows, table_uri
from sluice.lake.commit import options
from sluice.runtime.storage import join, storage_for
from sluice.runtime.swap import look, replace

pytestmark = pytest.mark.lane("spark-4.1")
ODD = "a b:c%41/=é"


def test_on_s3_copy_and_redshift_manifests_follow_the_table(s3_lake: str) -> None:
    uri = table_uri(s3_lake)
    table = pa.table({"n": pa.array(range(6), pa.int64()), "p": [ODD, None, "x"] * 2})
    write_deltalake(uri, table, partition_by=["p"], storage_options=options(uri))
    copied(s3_lake, manifest="redshift,symlink")
    write_deltalake(uri, table.slice(0, 1), mode="append", storage_options=options(uri))
    told = copied(s3_lake)
    assert (told["partitions_changed"], told["manifests"]) == (1, ["redshift", "symlink"])
    assert copy_rows(s3_lake) == table_rows(uri)
    storage, latest = storage_for(s3_lake), pointer(s3_lake)
    base = join(place(s3_lake), "manifests")
    everything = json.loads(storage.read(join(base, "redshift/all.manifest")))["entries"]
    assert everything == [
        {"url": join(latest["location"], f["path"]), "mandatory": True, "meta": {"content_length": f["size_bytes"]}}
        for f in latest["files"]
    ]
    for entry in everything:
        stored = storage.head(entry["url"])
        assert stored is not None
        assert stored.size_bytes == entry["meta"]["content_length"]
    folder = "p=a b%3Ac%2541%2F%3Dé"
    part = json.loads(storage.read(join(base, "redshift/partitions", folder, "manifest")))["entries"]
    lines = storage.read(join(base, "symlink", folder, "manifest")).decode().splitlines()
    assert [entry["url"] for entry in part] == lines
    assert len(lines) == 2
    assert copied(s3_lake)["outcome"] == "nothing new"


@pytest.mark.parametrize("where", ["lake", "s3_lake"])
def test_of_many_who_have_seen_the_same_one_replaces_it(where: str, request: pytest.FixtureRequest) -> None:
    uri = join(request.getfixturevalue(where), "pointer.json")
    for round_ in range(3):
        seen, won = look(uri), []

        def attempt(number: int, seen=seen, won=won, round_=round_) -> None:  # type: ignore[no-untyped-def]
            if replace(uri, f"{round_} by {number}".encode(), seen):
                won.append(number)

        threads = [threading.Thread(target=attempt, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        now = look(uri)
        assert now is not None
        assert now.data == f"{round_} by {won[0]}".encode()
        assert not replace(uri, b"late", seen)
