"""What format an object has, told by its first bytes; where they do not surely tell, it is named `text` or `binary`."""

from __future__ import annotations

import codecs
import csv
import re
import zlib
from collections import Counter
from dataclasses import dataclass

from sluice.catalog.findings import CsvDialect
from sluice.raw.layout import GZIP, HEAD_BYTES, foreign

SNIFFED_BYTES = 64 << 10

_BEGINS_JSON = re.compile(rb'(?:\xef\xbb\xbf|[ \t\r\n])*(?:\{\s*(?:"|\}|\Z)|\[\s*(?:[{\["\]0-9-]|true|false|null|\Z))')
# An object that begins a line, in text that begins otherwise: a stream with damage at its head.
_LATER_JSON = re.compile(rb'^\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:', re.MULTILINE)
_SHORT_NAMES = {"framed Snappy": "snappy", "Hadoop Snappy": "snappy", "Zstandard": "zstd"}
# Of equally good ones the first: numbers with a decimal comma are in files of semicolons.
_DELIMITERS = "\t;|,"
_LEAST_ROWS, _SURE = 2, 0.9
_NUMBER_OR_TIME = re.compile(r"\s*(?:[-+]?[0-9][0-9.,:eE+/ TZ-]*|true|false)\s*", re.IGNORECASE)
_LIKE_A_NAME = re.compile(r"[^\W\d][\w .()/%#-]{0,63}")
# In Windows' and ISO's encodings of one byte a letter, none of these is a letter, or they are rare ones.
_ODD_IN_TEXT = re.compile(rb"[\x7f\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{4}")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Sniffed:
    """`format` is json, csv, parquet, text, text-not-utf8, binary, empty, or another's name; `csv` is for csv alone."""

    format: str
    compression: str = "none"
    csv: CsvDialect | None = None


def sniff(head: bytes, *, whole: bool) -> Sniffed:
    """By the first SNIFFED_BYTES as stored; `whole` tells whether that is all."""
    if not head:
        return Sniffed("empty")
    name = foreign(head[:HEAD_BYTES])
    if name is not None:
        return Sniffed(_named(name))
    if not head.startswith(GZIP):
        return _of_text(head, "none", whole=whole)
    try:
        inflater = zlib.decompressobj(31)
        inner = inflater.decompress(head, SNIFFED_BYTES)
    except zlib.error:
        return Sniffed("binary", "gzip")
    if not inner:
        return Sniffed("empty" if inflater.eof or not whole else "binary", "gzip")
    name = "gzip" if inner.startswith(GZIP) else foreign(inner[:HEAD_BYTES])
    # What is not read inside gzip is no Parquet either: a reader needs its footer.
    return Sniffed(f"{_named(name)} in gzip", "gzip") if name else _of_text(inner, "gzip", whole=inflater.eof)


def _named(name: str) -> str:
    return _SHORT_NAMES.get(name) or ("text" if name.endswith("text") else name.split(maxsplit=1)[0].lower())


def _of_text(data: bytes, compression: str, *, whole: bool) -> Sniffed:
    if _BEGINS_JSON.match(data):
        return Sniffed("json", compression)
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data, whole)
    except UnicodeDecodeError:
        # Such bytes among printable ones are letters of an older encoding.
        other = "binary" if _CONTROL.search(data) or _ODD_IN_TEXT.search(data) else "text-not-utf8"
        return Sniffed("json" if _mostly_json(data) else other, compression)
    if _mostly_json(data):
        return Sniffed("json", compression)
    if _CONTROL.search(data):
        return Sniffed("binary", compression)
    if not text.strip():
        return Sniffed("empty", compression)
    dialect = csv_dialect(text, whole=whole)
    return Sniffed("csv", compression, dialect) if dialect else Sniffed("text", compression)


def _mostly_json(data: bytes) -> bool:
    lines = data.count(b"\n") + 1
    return len(_LATER_JSON.findall(data)) > lines / 2


def csv_dialect(text: str, *, whole: bool) -> CsvDialect | None:
    """The dialect of what is surely CSV: at least two rows, the first and nine in ten with as many cells."""
    if not whole:
        text = text[: text.rfind("\n") + 1]
    best: tuple[float, int] = (0.0, 0)
    found: tuple[str, str, list[list[str]]] | None = None
    for delimiter in _DELIMITERS:
        for quote in ('"', ""):
            rows = _rows(text, delimiter, quote)
            if rows is None or len(rows) < _LEAST_ROWS or any(map(_is_rule, rows)):
                continue
            (width, often), *_ = Counter(map(len, rows)).most_common(1)
            share = often / len(rows)
            # A quote that is one gives the same width more often; commas of prose seldom give any.
            if len(rows[0]) == width >= 2 and share >= _SURE and (share, width) > best:
                best, found = (share, width), (delimiter, quote, [row for row in rows if len(row) == width])
    if found is None or _is_prose(found[2]):
        return None
    delimiter, quote, rows = found
    return CsvDialect(delimiter, _has_header(rows), quote)


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]] | None:
    """The rows, None where quotes are not where RFC 4180 has them."""
    how = {"quotechar": '"', "quoting": csv.QUOTE_MINIMAL} if quote else {"quoting": csv.QUOTE_NONE}
    lines = text.splitlines(keepends=True)
    rows = csv.reader(lines, delimiter=delimiter, strict=bool(quote), **how)
    try:
        found = [row for row in rows if row]
    except csv.Error:
        return None
    if quote and any('"' in cell and not _was_quoted(text, cell) for row in found for cell in row):
        return None
    return found


def _was_quoted(text: str, cell: str) -> bool:
    """Whether a cell with a quote in it was written as one in quotes, each of them doubled."""
    return '"' + cell.replace('"', '""') + '"' in text


def _is_rule(row: list[str]) -> bool:
    """Whether a row is the line below the head of a table in Markdown."""
    return all(not cell.strip(" :-") for cell in row) and any("--" in cell for cell in row)


def _is_prose(rows: list[list[str]]) -> bool:
    """Whether what looks like cells is sentences: two columns of words that a comma happens to be between."""
    cells = [cell for row in rows for cell in row]
    wordy = sum(cell.startswith(" ") and len(cell.split()) > 2 for cell in cells)
    return len(rows[0]) == 2 and wordy > len(cells) / 4


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: words, each once, where cells below are numbers, times, or no words."""
    first, below = rows[0], rows[1:]
    names = [cell.strip() for cell in first]
    if len(set(names)) < len(names) or not all(_LIKE_A_NAME.fullmatch(name) for name in names):
        return False
    columns = list(zip(*below, strict=True))
    typed = [all(not cell or _NUMBER_OR_TIME.fullmatch(cell) for cell in column) and any(column) for column in columns]
    if any(typed):
        return True
    # All text: names are identifiers that are no values.
    return all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names) and not any(
        name in column for name, column in zip(names, columns, strict=True)
    )
