"""What lies where: folders decide first, likeness second; what is not read is named; nothing grows with a listing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from sluice.catalog.crawl import Options, crawl
from sluice.catalog.discover import MOST_FOLDERS, REMEMBERED, survey
from sluice.catalog.findings import CsvDialect, Found
from sluice.catalog.globs import matcher, split_globs
from sluice.catalog.sniff import csv_dialect, sniff
from sluice.errors import LocationError, UsageError
from sluice.runtime.storage import StoredObject

AT = datetime(2026, 11, 23, tzinfo=UTC)
VISITS = [{"id": at, "page": "/a", "ms": at / 2, "tags": []} for at in range(30)]
SHOPS = [{"shop": f"s{at}", "open": True, "place": {"lat": 1.5, "lon": at / 7}} for at in range(30)]


def lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def laid(base: Path, files: Mapping[str, bytes]) -> str:
    for name, data in files.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(data)
    return str(base)


def found_at(base: Path, files: Mapping[str, bytes], options: Options | None = None) -> dict[str, Found]:
    found = crawl(laid(base, files), options)
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def keys(found: Found) -> list[tuple[str, str, str, str]]:
    return [(key.name, key.kind, key.first, key.last) for key in found.partition_keys]


def test_levels_of_folders_are_partitions_by_name_by_hour_or_by_place(tmp_path: Path) -> None:
    found = found_at(
        tmp_path,
        {
            "hive/day=2017-11-26/country=NA/x.json": lines(VISITS),
            "hive/day=2017-11-27/country=DE/x.json": lines(VISITS),
            "hours/2017/11/26/15/x.json": lines(SHOPS),
            "hours/2017/12/01/00/x.json": lines(SHOPS),
            "levels/2017/11/x.json": lines([{"a": 1}]),
            "levels/2018/01/x.json": lines([{"a": 1}]),
        },
    )
    assert {name: keys(one) for name, one in found.items()} == {
        "hive": [("day", "hive", "2017-11-26", "2017-11-27"), ("country", "hive", "DE", "NA")],
        "hours": [("arrival_hour", "hour", "2017/11/26/15", "2017/12/01/00")],
        "levels": [("partition_0", "level", "2017", "2018"), ("partition_1", "level", "01", "11")],
    }
    hours = found["hours"]
    assert (hours.first_arrival_at, hours.last_arrival_at) == (
        datetime(2017, 11, 26, 15, tzinfo=UTC), datetime(2017, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    assert (hours.objects, hours.bytes, hours.records) == (2, 2 * len(lines(SHOPS)), 60)


def test_folders_side_by_side_are_one_dataset_where_they_are_alike_and_else_one_each(tmp_path: Path) -> None:
    wider = [{**one, "extra": 1} for one in VISITS]
    found = found_at(tmp_path / "alike", {"eu/x.json": lines(VISITS), "us/y.json": lines(wider)})
    assert {name: keys(one) for name, one in found.items()} == {"alike": [("partition_0", "level", "eu", "us")]}
    assert found["alike"].records == 60
    found = found_at(tmp_path / "unlike", {"eu/x.json": lines(VISITS), "us/y.json": lines(SHOPS)})
    assert {name: one.location[-2:] for name, one in found.items()} == {"eu": "eu", "us": "us"}
    as_lake = crawl(str(tmp_path / "alike"), Options(lake=True))
    assert [one.name for one in as_lake] == ["eu", "us"]


def test_loose_files_of_other_formats_or_schemas_are_datasets_of_their_own(tmp_path: Path) -> None:
    found = found_at(
        tmp_path / "Mixed-1",
        {
            "visits.json": lines(VISITS),
            "more_visits.log": lines(VISITS[:4]),
            "shops.json.gz": gzip.compress(lines(SHOPS)),
            "shops.csv": b"id,name\n1,Anna\n2,Bob\n",
            "README.md": b"# Notes\n\nOnly words, and commas, here.\n",
        },
    )
    assert {name: (one.format, one.objects) for name, one in found.items()} == {
        "mixed_1": ("json", 2), "shops": ("json", 1), "shops_csv": ("csv", 1), "readme": ("text", 1),
    }  # fmt: skip
    assert found["shops"].location.endswith("shops.json.gz")
    assert found["shops"].compressions == {"gzip": 1}
    only = crawl(str(tmp_path / "Mixed-1"), Options(types=("csv",)))
    assert [one.format for one in only] == ["csv"]


def test_in_a_lake_what_cannot_be_curated_where_it_lies_is_told_to_move(tmp_path: Path) -> None:
    found = found_at(
        tmp_path,
        {
            "a b/1.json": lines(VISITS),
            "both/1.json": lines(VISITS),
            "both/2.csv": b"id,n\n1,2\n2,3\n",
            "x.json": lines(SHOPS),
        },
        Options(lake=True),
    )
    moved = {name: [one for one in found[name].problems if "move it" in one] for name in found}
    assert {name for name, told in moved.items() if not told} == {"both"}
    assert moved["a_b"] == ["lies in the folder 'a b': to curate it, move it to raw/a_b/"]


def test_hidden_error_and_excluded_objects_are_counted_and_never_looked_at(tmp_path: Path) -> None:
    files = {
        "v/2017/11/26/15/x.json": lines(VISITS),
        "v/_SUCCESS": b"", "v/.x.crc": b"c", "v/_tmp/y.json": lines(SHOPS),
        "v/2017/11/26/15/processing-failed/x": lines(SHOPS),
        "v/2017/11/26/16/x.json.bak": lines(SHOPS), "v/old/deep/x.json": lines(SHOPS),
    }  # fmt: skip
    found = found_at(tmp_path, files, Options(exclude=("**.bak", "v/old/**")))
    assert {name: (one.objects, one.hidden, one.left_out) for name, one in found.items()} == {"v": (1, 4, 2)}
    assert set(found["v"].root.members) == set(VISITS[0])


@pytest.mark.parametrize(
    ("glob", "matches", "not_"),
    [
        ("*.csv", "a.csv", "b/a.csv"), ("**.csv", "b/a.csv", "a.csvx"), ("**/tmp/**", "tmp/x", "atmp/x"),
        ("a?c", "abc", "a/c"),
        ("{a,b*}/x", "bc/x", "c/x"), ("[!a]x", "bx", "ax"), ("[a-c]x", "bx", "dx"), (r"a\*", "a*", "ab"),
        ("a+(b)", "a+(b)", "ab"),
    ],
)  # fmt: skip
def test_globs_mean_what_crawlers_take_them_for(glob: str, matches: str, not_: str) -> None:
    assert (matcher([glob])(matches), matcher([glob])(not_)) == (True, False)
    assert matcher(split_globs(f"nothing, {glob}"))(matches)


@pytest.mark.parametrize("glob", ["{a,b", "a}", "[z-a]"])
def test_a_glob_that_cannot_be_read_is_refused(glob: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        matcher([glob])


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.json", '{"a": 1}')
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (b"Obj\x01\x04\x16avro.schema", "avro"), (b"ORC\x11\x00", "orc"), (_zip(), "zip"),
        (b"\x28\xb5\x2f\xfd123", "zstd"),
        (b"PAR1\x15\x04", "parquet"), (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"), (bytes(range(256)), "binary"),
        (b"", "empty"),
        (b" \n\n", "empty"), (b"Just words.\nAnd, well, more of them.\n", "text"), ("ünï\n".encode("utf-16"), "text"),
        (b'\xef\xbb\xbf{"a": 1}', "json"), (b'[{"a": 1}', "json"), (b"[section]\nkey=value\n", "text"), (b"{}", "json"),
        (b'oops"}\n{"a": 1}\n{"a": 2}\n{"a": 3}\n', "json"), (gzip.compress(b'{"a": 1}'), "json"),
        (gzip.compress(_zip()), "zip in gzip"), (gzip.compress(b"a,b\n1,2\n3,4\n"), "csv"),
        (b"\x1f\x8b\x08rubbish", "binary"),
        (gzip.compress(b'{"a": 1}')[:10], "binary"),
        ("name;town\nAda;Köln\nAlan;Zürich\n".encode("latin-1"), "text-not-utf8"),
        ("“quoted” €5\n".encode("cp1252"), "text-not-utf8"), (b"\x81\x8d\x8f\x90", "binary"),
        (b"# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n", "text"), (b"a,b\n", "text"),
    ],
)  # fmt: skip
def test_a_format_is_told_by_content_and_never_guessed(data: bytes, format_: str) -> None:
    assert sniff(data, whole=True).format == format_


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("id,name\n1,Anna\n2,Bob\n", CsvDialect(",", True)), ("1;2,5\n3;4,5\n", CsvDialect(";", False)),
        ('a\tb\n1\t"x\ty"\n2\tz\n', CsvDialect("\t", True)),
        ("so good\t1\nso \"bad\"\t0\n", CsvDialect("\t", False, "")),
        ("2017-11-27 16:25:00.000,India,20.5\n2017-11-27 16:25:00.000,Japan,36.2\n", CsvDialect(",", False)),
        ("first_name|last_name\nAda|Lovelace\nAlan|Turing\n", CsvDialect("|", True)),
        ("Yes, of course, she said.\nNo, he said, and left, and\nthat was all.\n", None), ("one column\n1\n2\n", None),
    ],
)  # fmt: skip
def test_csv_is_told_with_its_dialect_only_where_it_is_sure(text: str, dialect: CsvDialect | None) -> None:
    assert csv_dialect(text, whole=True) == dialect


cells = st.one_of(st.integers().map(str), st.text("ab ,\"'\né;", max_size=6), st.sampled_from(["true", "1.5", ""]))


@given(rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12))
def test_every_row_of_a_table_is_a_record_and_every_cell_is_seen(tmp_path_factory: Any, rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("csv")
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["key", "count", "what"], *([f"{at}", "7", cell] for at, (cell, *_) in enumerate(rows))])
    found = crawl(str(folder))[0]
    # One row alone cannot show what is a header.
    assert (found.format, found.records, found.damaged) == ("csv", len(rows), 0)
    what = found.root.members["what"]
    assert what.nulls == sum(not cell for cell, *_ in rows)
    assert found.root.members["count"].kinds == {"integer": len(rows)}


def test_parquet_tells_declared_types_and_a_delta_table_its_log(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, 2**62]), "at": pa.array([AT, None, AT], pa.timestamp("us", "UTC")),
            "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())), "d": pa.array(["a", "b", "a"]),
        }
    )  # fmt: skip
    (tmp_path / "files").mkdir()
    pq.write_table(table, tmp_path / "files" / "x.parquet")
    write_deltalake(str(tmp_path / "lake" / "t"), table.drop_columns("m"), partition_by=["d"])
    found = {one.name: one for one in crawl(str(tmp_path))}
    assert {name: (one.format, one.records, one.full) for name, one in found.items()} == {
        "files": ("parquet", 3, True), "t": ("delta", 3, True),
    }  # fmt: skip
    declared = {name: list(place.declared) for name, place in found["files"].root.members.items()}
    assert declared == {"id": ["bigint"], "at": ["timestamp"], "m": ["map<string,int>"], "d": ["string"]}
    at = found["files"].root.members["at"]
    assert (at.nulls, at.earliest, at.kinds) == (1, AT, {"timestamp": 2})
    assert {name: list(place.declared) for name, place in found["t"].root.members.items()} == {
        "id": ["bigint"], "at": ["timestamp"], "d": ["string"],
    }  # fmt: skip
    assert keys(found["t"]) == [("d", "hive", "a", "b")]
    assert (found["t"].objects, found["t"].root.members["at"].nulls) == (2, 1)


def _listing(paths: Iterator[str]) -> Iterator[StoredObject]:
    return (StoredObject(f"s3://b/x/{path}", 10, "e", AT) for path in paths)


def test_what_is_remembered_of_a_listing_does_not_grow_with_it() -> None:
    many = survey(_listing(f"users/u{at}/f{at % 3}.json" for at in range(20_000)), "s3://b/x", lambda _: False)
    assert [(lot.folder, lot.keys, lot.objects) for lot in many.lots] == [(("users",), (("level", ""),), 20_000)]
    assert len(many.lots[0].chosen) == REMEMBERED
    few = survey(_listing(f"users/u{at}/x.json" for at in range(MOST_FOLDERS)), "s3://b/x", lambda _: False)
    assert len(few.lots) == MOST_FOLDERS


def test_a_sample_is_of_the_whole_range_and_the_seed_decides_it() -> None:
    def chosen(seed: int) -> list[int]:
        lots = survey(_listing(f"{at:05d}.json" for at in range(5_000)), "s3://b/x", lambda _: False, seed).lots
        return [int(stored.uri[-10:-5]) for stored in lots[0].sample()]

    assert chosen(1) == chosen(1) != chosen(2)
    assert min(chosen(1)) < 500
    assert max(chosen(1)) > 4_500
    assert 1_500 < sum(chosen(1)) / REMEMBERED < 3_500


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "expected objects, found none"),
        ({"a.png": b"\x89PNG\x00\x00", "b.zip": _zip()}, "found 1 binary, 1 zip alone"),
        ({"_x.json": b'{"a": 1}', "e.json": b""}, "2 objects that are empty, hidden (1) or left out (0)"),
    ],
)
def test_a_location_with_nothing_to_read_is_refused_in_clear_words(
    files: Mapping[str, bytes], said: str, tmp_path: Path
) -> None:
    laid(tmp_path, files)
    with pytest.raises(LocationError) as refused:
        crawl(str(tmp_path))
    assert said in str(refused.value)


def test_a_file_of_csv_that_is_divided_otherwise_than_the_others_is_told(tmp_path: Path) -> None:
    files = {"t/a.csv": b"id,name\n1,a\n2,b\n3,c\n", "t/b.csv": b"id;name\n1;a\n2;b\n"}
    for full in (False, True):
        found = found_at(tmp_path / str(full), files, Options(lake=True, full=full))["t"]
        assert [one for one in found.problems if "divided by ';'" in one or "written in 2 ways" in one] != []
