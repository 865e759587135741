"""What a source object is, told by its first bytes and its first records; names mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import add, contains, eq, gt

# As many bytes as the longest test below looks at.
HEAD_BYTES = 64
LAYOUT_RECORDS = 1000

GZIP = b"\x1f\x8b\x08"
# Formats whose first bytes may be text.
SPELT = ("Parquet", "ORC", "Hadoop Snappy")

# UTF-32 before UTF-16, whose mark begins the same.
_MAGIC = (
    (b"\x1f\x8b", "gzip with an unknown method"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"PK\x07\x08", "ZIP"),
    (b"\xff\x06\x00\x00sNaPpY", "framed Snappy"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"PAR1", "Parquet"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")


def foreign(head: bytes) -> str | None:
    """The name of a format that is not read here, by the first HEAD_BYTES; None for gzip and for what may be text."""
    if head.startswith(GZIP):
        return None
    if head.startswith(b"BZh") and head[4:10] in _BZIP2_BLOCKS:
        return "bzip2"
    if _is_hadoop_snappy(head):
        return "Hadoop Snappy"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _is_hadoop_snappy(head: bytes) -> bool:
    """Hadoop's block codec has no magic: two lengths, big-endian, then raw Snappy that begins with a length again."""
    whole, part = int.from_bytes(head[:4]), int.from_bytes(head[4:8])
    if len(head) < 10 or not 0 < whole < 1 << 28 or not 0 < part <= 32 + whole + whole // 6:
        return False
    length = shift = 0
    for byte in head[8:13]:
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            # No text that happens to begin so: Snappy never makes much more of a part than it was.
            return 0 < length <= whole and part <= 32 + length + length // 6
    return False


class Layout:
    """Tells how records are laid out, by the first 1,000 of them; the answer does not depend on how they were read.

    back-to-back: nothing between them; newline: something between them, in all likelihood a line each; pretty: records
    over several lines; array: one top-level array; empty: no record; mixed: none of these throughout.
    """

    def __init__(self) -> None:
        self.in_array = False
        self._seen = 0
        self._lined = 0
        self._touching = 0
        self._pretty = 0
        self._behind: int | None = None

    @property
    def full(self) -> bool:
        """Whether enough was seen."""
        return self._seen >= LAYOUT_RECORDS

    def add(self, starts: Sequence[int], spans: Sequence[bytes]) -> None:
        """The next records, by their places in the stream."""
        missing = LAYOUT_RECORDS - self._seen
        starts, spans = starts[:missing], spans[:missing]
        ends = list(map(add, starts, map(len, spans)))
        # Where the record before ended; the very first has none.
        behind = [starts[0] + 1 if self._behind is None else self._behind, *ends]
        self._touching += sum(map(eq, starts, behind))
        self._lined += sum(map(gt, starts, behind))
        self._pretty += sum(map(contains, spans, repeat(b"\n")))
        self._behind = ends[-1]
        self._seen += len(starts)

    @property
    def name(self) -> str:
        """The layout, after the last record."""
        between = self._seen - 1
        if self.in_array:
            return "array"
        if not self._seen:
            return "empty"
        if self._pretty == self._seen:
            return "pretty"
        if not self._pretty and self._touching == between:
            return "back-to-back" if between else "newline"
        return "newline" if not self._pretty and self._lined == between else "mixed"
