"""CSV -> rows: cells by name or by place, each made of its field's type.

An unquoted cell that is empty or the contract's `nullText` is NULL. Cells of fields that are no string are stripped of
blanks, and where nothing is left they are NULL, quoted or not; else they must be JSON numbers, `true` or `false`: other
text is `wrong_type`, a number that the column cannot hold `not_convertible`, as in JSON. A row with another number of
cells, or whose bytes are not UTF-8, is `malformed_csv`. Cells that the contract does not name are unknown fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Any

import msgspec

from sluice.contract.model import Contract, Csv
from sluice.contract.types import SparkType
from sluice.raw.account import Account
from sluice.raw.csv_joined import NUMBER, Joined
from sluice.raw.csv_rows import Block, CsvRows, refused_row
from sluice.raw.damage import Refused
from sluice.raw.fields import FAULTS, Field, fields_of, list_decoder, row_type
from sluice.raw.inflate import CSV, Unreadable
from sluice.raw.judge import WRONG_TYPE, Found, Judgement, Reason, keep_unknown, wanted
from sluice.raw.spans import Taken
from sluice.raw.text import Opened, TextSource

# So much of an object is looked at to tell JSON from CSV.
_HEAD_BYTES = 4096
_BLANKS = " \t\r\n"
_TOKEN = re.compile(rf"{NUMBER}|true|false").fullmatch
# An object with a member, or an array of such: in CSV its quotes would be broken.
_JSON_BEGUN = re.compile(rb'[ \t\r\n]*+(?:\[[ \t\r\n]*+)?\{[ \t\r\n]*+"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+:').match
_json = msgspec.json.Encoder().encode

Cells = Sequence[str | None]


class CsvFormat:
    """Reads source objects of CSV as the contract's setting says it is written."""

    def __init__(self, contract: Contract, window_bytes: int) -> None:
        if contract.csv is None:
            raise ValueError("a contract for CSV says how it is written")
        self._contract, self._csv, self._window = contract, contract.csv, window_bytes
        self.fields: Sequence[Field] = fields_of(contract.raw)
        self._row = row_type(self.fields, forbid_unknown=False)
        self.empty: Any = self._row()
        self._cells = _Cells(contract.csv)
        self._reject = contract.unknown_fields == "reject"
        self._joined = Joined(contract.csv, self.fields) if contract.csv.split_joined else None

    def events(self, opened: Opened, account: Account) -> Iterator[Taken | Refused]:
        """All that is in one source object, in its order."""
        account.layout_name = "csv"
        text = TextSource(opened, account, CSV)
        rows = CsvRows(text.read, text.cut_short, self._csv, self._contract.max_record_bytes, self._window)
        yield from text.whole(self._events(rows))

    def _events(self, rows: CsvRows) -> Iterator[Taken | Refused]:
        if self._csv.quote == '"' and _JSON_BEGUN(rows.head(_HEAD_BYTES)):
            raise Unreadable("expected CSV text, plain or gzip, found JSON")
        names = None if self._csv.header else [field.name for field in self.fields]
        for block in rows.blocks():
            if names is None:
                names = self._header(block)
                yield from self._block([] if isinstance(block, Refused) else block[1:], names)
            elif isinstance(block, Refused):
                yield block
            else:
                yield from self._block(block, names)

    def _header(self, first: Block | Refused) -> list[str]:
        """The names in the first row. Raises Unreadable where it cannot be a header of this contract's data."""
        expected = "expected a header with names of the contract's fields, found"
        if isinstance(first, Refused):
            raise Unreadable(f"{expected} a row that is no sound CSV")
        try:
            names = [cell or "" for cell in self._cells.of(first[0][1].decode())]
        except UnicodeDecodeError:
            raise Unreadable(f"{expected} bytes that are not UTF-8") from None
        if len(set(names)) < len(names):
            raise Unreadable(f"{expected} a name that is there twice")
        if not any(field.name in names for field in self.fields):
            raise Unreadable(f"{expected} none of them")
        return names

    def _block(self, block: Block, names: list[str]) -> Iterator[Taken | Refused]:
        """Rows of cells; those that are not stand between the others as they came."""
        starts: list[int] = []
        spans: list[bytes] = []
        table: list[Cells] = []
        for start, span in self._joined.cut(block) if self._joined else block:
            try:
                cells = self._cells.of(span.decode())
                why = "" if len(cells) == len(names) else f"expected {len(names)} cells, found {len(cells)}"
            except UnicodeDecodeError:
                why = "expected a row in UTF-8, found other bytes"
            if not why:
                starts.append(start)
                spans.append(span)
                table.append(cells)
                continue
            if table:
                yield self._taken(starts, spans, table, names)
                starts, spans, table = [], [], []
            yield refused_row(start, span, why)
        if table:
            yield self._taken(starts, spans, table, names)

    def _taken(self, starts: list[int], spans: list[bytes], table: list[Cells], names: list[str]) -> Taken:
        by_name: dict[str, Cells] = dict(zip(names, zip(*table, strict=True), strict=True))
        reasons: dict[int, list[Reason]] = {}
        columns = []
        for field in self.fields:
            cells = by_name.pop(field.name, None)
            columns.append([None] * len(table) if cells is None else self._column(field, cells, reasons))
        rows = list(starmap(self._row, zip(*columns, strict=True))) if columns else [self.empty] * len(table)
        judged: dict[int, Judgement] = {}
        for place in range(len(rows)) if by_name else reasons:
            found = reasons.get(place, [])
            judged[place] = Judgement(rows[place], found, [reason.column for reason in found])
            if by_name:
                unknown = {name: msgspec.Raw(_json(cells[place])) for name, cells in by_name.items()}
                keep_unknown(unknown, (), self._reject, judged[place])
        return Taken(starts, spans, rows, judged)

    def _column(self, field: Field, cells: Cells, reasons: dict[int, list[Reason]]) -> Sequence[Any]:
        """Values of one field's cells; where one is none, NULL, with a reason by its place."""
        if field.type.kind == "string":
            return cells
        # All at once, as one JSON array: what a cell cannot be is told by the number of elements or of nulls.
        text = f"[{','.join(['null' if cell is None else cell for cell in cells])}]"
        try:
            values: list[Any] = list_decoder(field.type).decode(text)
            if len(values) == len(cells) and values.count(None) == cells.count(None):
                return values
        except FAULTS:
            pass
        values = []
        for place, cell in enumerate(cells):
            value = self._value(field.name, field.type, cell)
            if isinstance(value, Reason):
                reasons.setdefault(place, []).append(value)
                value = None
            values.append(value)
        return values

    def _value(self, name: str, type_: SparkType, cell: str | None) -> Any:
        text = (cell or "").strip(_BLANKS)
        if not text or text == self._csv.null_text:
            return None
        if not _TOKEN(text):
            return Reason(WRONG_TYPE, name, f"expected {wanted(type_)}, found text")
        found = Found()
        value = found.read(type_, text.encode(), name, name)
        return found.reasons[0] if found.reasons else value


class _Cells:
    """Cuts a sound row into its cells; None is a cell that is NULL."""

    def __init__(self, csv: Csv) -> None:
        self._quote, self._delimiter, self._null = csv.quote, csv.delimiter, csv.null_text
        quote, delimiter = re.escape(csv.quote or '"'), re.escape(csv.delimiter)
        self._cell = re.compile(
            f"(?:^|{delimiter})(?:{quote}((?:[^{quote}]++|{quote}{quote})*+){quote}|([^{delimiter}]*+))"
        )

    def of(self, row: str) -> list[str | None]:
        """Every cell, without its quotes."""
        null = self._null
        if not self._quote or self._quote not in row:
            return [None if not cell or cell == null else cell for cell in row.split(self._delimiter)]
        cells: list[str | None] = []
        for found in self._cell.finditer(row):
            if found.lastindex == 1:
                cells.append(found[1].replace(self._quote * 2, self._quote))
            else:
                cells.append(None if not found[2] or found[2] == null else found[2])
        return cells
