"""Source objects made to hurt: time grows with their size and memory does not."""

from __future__ import annotations

import gzip
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from sluice.contract.model import RawField
from sluice.raw.fields import decoder, fields_of, row_type
from sluice.raw.judge import Judge
from sluice.raw.spans import Splitter

MIB = 1 << 20
FIELDS = fields_of([RawField("a", "bigint"), RawField("b", "string")])


def repeated(unit: bytes, size: int) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "a string without an end": lambda size: b'{"b":"' + repeated(b"x", size),
    "a string of escapes": lambda size: b'{"b":"' + repeated(b"\\n", size) + b'"}',
    "half escapes": lambda size: b'{"b":"' + repeated(b"\\ud83d", size),
    "braces": lambda size: repeated(b"{ ", size),
    "braces and quotes": lambda size: repeated(b'{"', size),
    "brackets": lambda size: repeated(b"[", size),
    "closing brackets": lambda size: repeated(b"]", size),
    "objects in objects": lambda size: repeated(b'{"a":', size),
    "objects in arrays": lambda size: repeated(b'[{"a":', size),
    "objects in an array, never closed": lambda size: b"[" + repeated(b'{"a":1,', size),
    "arrays in an object": lambda size: b'{"a":[' + repeated(b"[],", size),
    "junk": lambda size: repeated(b"the quick brown fox ", size),
    "noise": lambda size: random.Random(1).randbytes(size),
    "white space": lambda size: repeated(b" ", size) + b"x" + repeated(b"\n", size),
    "white space in an object": lambda size: b"x {" + repeated(b" ", size),
    "marks": lambda size: repeated(b"x\xef\xbb\xbf", size),
    "only marks": lambda size: b"x" + repeated(b"\xef\xbb\xbf", size),
    "records cut short": lambda size: repeated(b'{"b":"abc","a":1,"b":"x', size),
    "commas": lambda size: b"x" + repeated(b',{"a":1}', size),
    "a long number": lambda size: b"[" + repeated(b"1", size),
    "many members": lambda size: b"{" + b",".join(b'"k%d":1' % n for n in range(size // 12)) + b"}",
}


def _no_decoder(_: bytes) -> Any:
    raise ValueError


def split(stored: bytes, longest: int = 16 * MIB) -> list[Any]:
    decode = decoder(row_type(FIELDS, forbid_unknown=True)).decode
    judge = Judge(FIELDS, "rescue", 200)
    events = list(Splitter(io.BytesIO(stored).read, decode, judge.quick, longest, 200).events())
    for event in events:
        if hasattr(event, "span"):
            judge(event.span)
    return events


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("longest", [16 * MIB, 10_000])
def test_time_grows_with_the_size_alone(name: str, longest: int) -> None:
    # What is square in the size takes minutes here; what is not, a second or two on a busy machine.
    began = time.process_time()
    split(HOSTILE[name](MIB), longest)
    assert time.process_time() - began < 15


@pytest.mark.parametrize("name", HOSTILE)
def test_a_window_holds_no_more_than_the_largest_record_and_what_is_read_at_once(name: str) -> None:
    longest, window = 5000, 1000
    stream = io.BytesIO(HOSTILE[name](60_000))
    held: list[int] = []

    def read(size: int) -> bytes:
        held.append(size + len(splitter._data))
        return stream.read(size)

    splitter = Splitter(read, _no_decoder, lambda _: None, longest, 200, window)
    for _ in splitter.events():
        pass
    assert max(held) <= 2 * longest + window + 2


PROGRAM = """
import json, re, sys
from datetime import UTC, datetime
from sluice.contract.model import Contract, RawField
from sluice.raw.reader import Reader
from sluice.raw.source import SourceObject
from sluice.runtime.storage import LocalStorage

raw = (RawField("a", "bigint"), RawField("b", "string"))
contract = Contract("d", "1", "p", raw, (), "first", None, "rescue", (), 16 << 20, 200, "0")
source = SourceObject("x", int(sys.argv[2]), None, datetime.now(UTC))
rows = 0
for batch in Reader(contract, LocalStorage(), sys.argv[1]).read([source]):
    rows += batch.num_rows
    account = batch.column("_account").to_pylist()[-1]
# Not ru_maxrss, which begins with what the process held that started this one.
kib = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps({"rows": rows, "kib": kib, **json.loads(account)}))
"""


@pytest.mark.parametrize(
    "name", ["a string without an end", "braces", "brackets", "junk", "white space", "a string of escapes"]
)
def test_memory_does_not_grow_with_the_source_object(name: str, tmp_path: Any) -> None:
    size = 48 * MIB
    stored = gzip.compress(HOSTILE[name](size), 1)
    (tmp_path / "x").write_bytes(stored)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(len(stored))]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert done["bytes"] >= size
    assert done["records"] == done["refused"] == done["rows"] - 1
    assert done["kib"] < 400 << 10


def test_a_record_of_a_million_members_is_judged_in_bounded_memory(tmp_path: Any) -> None:
    stored = HOSTILE["many members"](15 * MIB)
    (tmp_path / "x").write_bytes(stored)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(len(stored))]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert (done["records"], done["refused"], done["rescued"]) == (1, 0, 1)
    assert sum(done["unknown"].values()) == 15 * MIB // 12
    assert done["kib"] < 400 << 10
