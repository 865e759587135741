"""Compression told by content, and what is left of damaged source objects."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import SourceMissing
from sluice.raw.inflate import Content, Unreadable

TEXT = b"".join(b'{"a":%d,"b":"%x"}' % (n, n * 7919**3) for n in range(20_000))


class Stored(io.BytesIO):
    """Gives what it has in dribs and drabs, as a network does."""

    def __init__(self, data: bytes, most: int = 1 << 30) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, self.most))


def read(stored: bytes, size: int = 1 << 20, most: int = 1 << 30) -> tuple[bytes, str | None, Content]:
    """All that can be read, and why no more could."""
    content = Content(lambda: Stored(stored, most))
    parts: list[bytes] = []
    try:
        while part := content.read(size):
            parts.append(part)
    except Unreadable as problem:
        return b"".join(parts), str(problem), content
    return b"".join(parts), None, content


def zipped(text: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.json", text)
    return stream.getvalue()


@pytest.mark.parametrize("text", [b"", b" ", b'{"a":1}', TEXT])
def test_plain_text_is_read_as_it_is(text: bytes) -> None:
    found, problem, content = read(text)
    assert (found, problem) == (text, None)
    assert (content.compression, content.stored_bytes, content.bytes) == ("none", len(text), len(text))


@pytest.mark.parametrize("text", [b"", b" ", b'{"a":1}', TEXT])
@pytest.mark.parametrize("most", [1, 7, 1 << 30])
def test_gzip_is_inflated_whatever_its_name(text: bytes, most: int) -> None:
    stored = gzip.compress(text)
    found, problem, content = read(stored, most=most)
    assert (found, problem) == (text, None)
    assert (content.compression, content.stored_bytes, content.bytes) == ("gzip", len(stored), len(text))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(TEXT)), max_size=12), st.integers(0, 5), st.integers(1, 1 << 20))
def test_members_are_read_one_after_another_and_zeros_behind_them_are_nothing(
    cuts: list[int], zeros: int, size: int
) -> None:
    places = [0, *sorted(cuts), len(TEXT)]
    stored = b"".join(gzip.compress(TEXT[a:b]) for a, b in pairwise(places)) + bytes(zeros)
    assert read(stored, size)[:2] == (TEXT, None)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_any_gzip_writer_will_do(level: int) -> None:
    stream = io.BytesIO()
    with gzip.GzipFile("a name.json", "wb", level, stream, mtime=1) as out:
        out.write(TEXT)
    assert read(stream.getvalue())[:2] == (TEXT, None)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1))
def test_of_truncated_gzip_all_that_is_whole_is_read(share: float) -> None:
    stored = gzip.compress(TEXT)
    cut = 3 + int((len(stored) - 4) * share)
    found, problem, _ = read(stored[:cut])
    whole = zlib.decompressobj(wbits=31).decompress(stored[:cut])
    # A few bytes may still be in the making where the stored ones end.
    assert whole.startswith(found)
    assert len(whole) - len(found) < 300
    assert problem is not None
    assert "found the end of the source object" in problem


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.integers(1, 255), st.sampled_from([1000, 65_536, 1 << 30]))
def test_of_damaged_gzip_all_before_the_damage_is_read(share: float, flip: int, most: int) -> None:
    stored = bytearray(gzip.compress(TEXT[:50_000]) + gzip.compress(TEXT[50_000:]))
    place = 10 + int((len(stored) - 11) * share)
    stored[place] ^= flip
    found, problem, _ = read(bytes(stored), most=most)
    again, same, _ = read(bytes(stored), size=5000)
    assert (found, problem) == (again, same)
    inflate = zlib.decompressobj(wbits=31)
    sound = b""
    if place > len(gzip.compress(TEXT[:50_000])):
        sound = TEXT[:50_000]
    else:
        for at in range(place):
            sound += inflate.decompress(bytes(stored[at : at + 1]))
    assert found.startswith(sound)
    # Of the first bytes some say nothing about the text.
    assert problem is not None or found == TEXT


def test_a_wrong_check_sum_costs_no_record() -> None:
    stored = bytearray(gzip.compress(TEXT))
    stored[-8] ^= 1
    found, problem, _ = read(bytes(stored))
    assert found == TEXT
    assert problem == "expected gzip data, found damage in it; deliver it again"


@pytest.mark.parametrize("tail", [b"garbage", b"\0\0garbage", b"\0" * 200_000 + b"x", b"\x1f\x8bxx"])
def test_other_bytes_behind_gzip_are_a_problem(tail: bytes) -> None:
    found, problem, _ = read(gzip.compress(TEXT) + tail)
    assert found == TEXT
    assert problem == "expected another gzip member or zeros behind the gzip data, found other bytes"


HADOOP_SNAPPY = struct.pack(">II", 7, 9) + b"\x07\x18" + b'{"a":1}'


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        (zipped(TEXT), "ZIP"),
        (bz2.compress(TEXT), "bzip2"),
        (bz2.compress(b""), "bzip2"),
        (lzma.compress(TEXT), "xz"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "Zstandard"),
        (b"\xff\x06\x00\x00sNaPpY\x01", "framed Snappy"),
        (HADOOP_SNAPPY, "Hadoop Snappy"),
        (b"PAR1\x15\x00", "Parquet"),
        (b"\x1f\x8b\x07 ", "gzip with an unknown method"),
        ('{"a":1}'.encode("utf-16"), "UTF-16 text"),
        (b"\xfe\xff" + '{"a":1}'.encode("utf-16-be"), "UTF-16 text"),
        ('{"a":1}'.encode("utf-32"), "UTF-32 text"),
    ],
)
def test_what_cannot_be_read_is_named(stored: bytes, name: str) -> None:
    assert read(stored)[:2] == (b"", f"expected JSON text, plain or gzip, found {name}")
    assert read(gzip.compress(stored))[:2] == (b"", f"expected JSON text in the gzip data, found {name}")


def test_gzip_within_gzip_is_named() -> None:
    assert read(gzip.compress(gzip.compress(TEXT)))[1] == "expected JSON text in the gzip data, found gzip within gzip"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(stored: bytes) -> None:
    found, problem, _ = read(stored)
    assert problem is not None or found == stored


def test_text_is_never_taken_for_another_format() -> None:
    for text in (b'{"a":1}', b"[]", b"\xef\xbb\xbf{}", b"BZh is how it begins", b"   ", b"\n", b'"', b"12", b"junk"):
        assert read(text)[:2] == (text, None)
    # A damaged record whose first eight bytes could be lengths, but not of what follows.
    begun = b'\n\x00\x00\x00\x00\n{"created_at":"Sun Nov 26"}'
    assert read(begun)[:2] == (begun, None)


def test_well_compressed_bytes_come_in_steps() -> None:
    content = Content(lambda: Stored(gzip.compress(bytes(64 << 20))))
    assert len(content.read(4 << 20)) < 6 << 20


def test_a_vanished_source_object_is_the_readers_to_report() -> None:
    def gone() -> Stored:
        raise SourceMissing("gone")

    with pytest.raises(SourceMissing):
        Content(gone).read(1)


def test_random_bytes_are_text_as_far_as_they_are_nothing_known() -> None:
    stored = random.Random(3).randbytes(1 << 20)
    assert read(stored)[:2] == (stored, None)
