"""Rows that lost the line end between them are cut apart where that is beyond doubt, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw.test_csv import csv_contract, values
from raw.test_reader import read_one
from sluice.contract.model import Csv

pytestmark = pytest.mark.lane("spark-4.1")  # neither Spark nor Delta is asked

TYPES = {"at": "string", "x": "double", "n": "bigint"}
CONTRACT = csv_contract(TYPES, Csv(header=False, split_joined=True))

_row = st.tuples(
    st.sampled_from(["a", "2017-11-27 16:25", " b ", "7", "é"]),
    st.sampled_from(["1.5", " -2 ", "", "0.25e1"]),
    st.sampled_from(["0", " 250", "-7"]),
).map(",".join)


def found(folder: Path, stored: str, contract: Any = CONTRACT) -> tuple[list[list[Any]], list[bytes]]:
    rows, _ = read_one(folder, stored.encode(), contract)
    for row in rows:  # each is where it says, as it was
        if row["_record"] is not None:
            assert stored.encode()[row["_offset"] :].startswith(row["_record"])
    refused = [row["_record"] for row in rows if row["_reasons"]]
    return values([row for row in rows if not row["_reasons"]], TYPES), refused


@given(st.lists(_row, min_size=1, max_size=6), st.data())
def test_joined_rows_are_read_as_if_the_line_ends_were_there(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], data: st.DataObject
) -> None:
    ends = [data.draw(st.sampled_from(["\n", " ", "  ", "\t"])) for _ in rows[1:]]
    joined = rows[0] + "".join(end + row.lstrip() for end, row in zip(ends, rows[1:], strict=True))
    apart = "\n".join(
        [rows[0], *(row if end == "\n" else row.lstrip() for end, row in zip(ends, rows[1:], strict=True))]
    )
    joined = (
        joined
        if "\n" not in ends
        else rows[0]
        + "".join(end + (row if end == "\n" else row.lstrip()) for end, row in zip(ends, rows[1:], strict=True))
    )
    folder = tmp_path_factory.mktemp("joined")
    assert found(folder, joined) == found(folder, apart)


@pytest.mark.parametrize(
    "line",
    [
        "a,1,2,b,3,4",  # a delimiter between them: six cells are not two rows
        "a,1,2b,3,4",  # no blank
        "a,1,x b,3,4",  # no number before the blank
        "a,1,2 b,3",  # half a row
        "a,1,2 b,x,4",  # no number where the second row's must be
        "a,x,2 b,1,4",
        'a,1,2 "b",3,4',  # quotes
        '"a",1,2 b,3,4',
        "a,1,02 b,3,4",  # a damaged number
    ],
)
def test_what_could_be_something_else_stays_one_row_and_is_refused(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"c,0,1\n{line}\nd,0,1") == ([["c", 0.0, 1], ["d", 0.0, 1]], [line.encode()])


def test_without_the_setting_joined_rows_are_refused(tmp_path: Path) -> None:
    assert found(tmp_path, "a,1,2 b,3,4", csv_contract(TYPES)) == ([], [b"a,1,2 b,3,4"])
    assert found(tmp_path, "a,1,2 b,3,4") == ([["a", 1.0, 2], ["b", 3.0, 4]], [])
