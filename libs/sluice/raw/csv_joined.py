"""Rows of CSV that lost the line end between them: `a,1,250 b,2,250`.

A line is cut only where that is beyond doubt: its rows have no quotes; without the missing line ends it has exactly the
cells of two or more whole rows; each cell in which two rows meet is a number, blanks, and something else; and in every
row that comes of it all cells of numbers are numbers or empty. A number holds no blank, so there is one place alone to
cut at. Each row then is a record of its own, with the place and the bytes it has in the source object. Any other
line stays one row, and is refused for its number of cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sluice.contract.model import Csv
from sluice.raw.csv_rows import Block
from sluice.raw.fields import Field

NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_BLANKS = b" \t"
_NUMBER = re.compile(NUMBER.encode()).fullmatch
# Blanks before the first row's last number, the number, blanks between the rows, the next row's first cell.
_MEETING = re.compile(rf"[ \t]*{NUMBER}([ \t]+)[^ \t]".encode()).match


class Joined:
    """Cuts joined rows; the contract has seen to it that a row has two cells or more and ends with a number."""

    def __init__(self, csv: Csv, fields: Sequence[Field]) -> None:
        self._quote, self._delimiter = csv.quote.encode(), csv.delimiter.encode()
        self._numbers = [at for at, field in enumerate(fields) if field.type.kind not in ("string", "boolean")]
        self._cells = len(fields)

    def cut(self, block: Block) -> Iterator[tuple[int, bytes]]:
        """Every row of the block; those that were joined each by itself."""
        for start, span in block:
            if span.count(self._delimiter) < self._cells:
                yield start, span
            else:
                yield from self._rows(start, span)

    def _rows(self, start: int, span: bytes) -> Block:
        cells, each = span.split(self._delimiter), self._cells - 1
        if (self._quote and self._quote in span) or (len(cells) - 1) % each:
            return [(start, span)]
        rows: Block = []
        begin = end = 0
        for number, cell in enumerate(cells, 1):
            if 1 < number < len(cells) and (number - 1) % each == 0:
                met = _MEETING(cell)
                if not met:
                    return [(start, span)]
                rows.append((start + begin, span[begin : end + met.start(1)]))
                begin = end + met.end(1)
            end += len(cell) + len(self._delimiter)
        rows.append((start + begin, span[begin:]))
        return rows if all(self._is_sound(row) for _, row in rows) else [(start, span)]

    def _is_sound(self, row: bytes) -> bool:
        cells = [cell.strip(_BLANKS) for cell in row.split(self._delimiter)]
        return len(cells) == self._cells and all(not cells[at] or _NUMBER(cells[at]) for at in self._numbers)
