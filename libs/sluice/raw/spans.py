"""The rule that cuts a source object's bytes into records, and the one place that follows it.

Bytes are taken in order. White space (JSON's four) and UTF-8 byte-order marks between records are nothing.

**Sequence mode.** At `{`: the strict JSON object there is a record, `{}` too. At `[`: the strict JSON array there is
one row, `not_an_object`. Anything else, or no strict value, is damage.

**Array mode**, when the first byte that is something is `[`: brackets of that array and commas are nothing as well. At
`{`: a record as above. At anything else: the strict JSON value there (a number as far as its characters go) is one row,
`not_an_object`; no value is damage. The closing `]` ends array mode for good; sequence mode follows.

**Damage** goes on, from its first byte, up to the next `{` behind that byte whose previous byte that is no white space
is none of `:`, `,` and `[` (in array mode: is not `:`), and from which a strict JSON object with at least one member is
read; or to the end. What lies between, without white space and byte-order marks at its end, is one row: `not_an_object`
where it is one strict JSON value that is no object, else `malformed_json`. Its first 1 MiB is kept; its length and hash
are of the whole.

**Strict** is RFC 8259 in UTF-8, whole surrogate pairs, arrays and objects at most `max_nesting` deep, and at most
`max_record_bytes` long. What goes beyond is damage with a message that says so.

The fast way: within a window, pieces are cut wherever white space (in array mode a comma, too) is all there is between
`}` and `{`. A piece that starts where a record must start and that a strict decoder takes whole **is** the record,
since no JSON object is the beginning of another; a cut inside a string makes the piece fail. What fails is scanned,
exactly, and the fast way goes on at the next cut that is a record's start. The result is the same for every size of
windows.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sluice.raw.damage import Damage, Refused
from sluice.raw.fields import FAULTS
from sluice.raw.scan import BYTE_ORDER_MARK, CANDIDATE, NUMBER_FIRST, Scan, Verdict, is_text

WINDOW_BYTES = 2 << 20
PIECES = 1024

_CUT = re.compile(rb"\}[ \t\r\n]*+(?=\{)")
_CUT_IN_ARRAY = re.compile(rb"\}[ \t\r\n]*+(?:,[ \t\r\n]*+)?(?=\{)")
_NOTHING = re.compile(rb"(?:[ \t\r\n]++|\xef\xbb\xbf)*+").match
_NOTHING_IN_ARRAY = re.compile(rb"(?:[ \t\r\n,]++|\xef\xbb\xbf)*+").match


@dataclass(frozen=True, slots=True)
class Taken:
    """Records that the fast way took: `rows` as decoded, `spans` their bytes, `starts` their places in the stream.

    `judged` holds, by their index, those that the decoder refused and the judge took, with what it said; their row is
    None.
    """

    starts: list[int]
    spans: list[bytes]
    rows: list[Any]
    judged: dict[int, Any]


@dataclass(frozen=True, slots=True)
class Exact:
    """A strict JSON object that was scanned, since it was cut wrongly or straddles windows; not decoded yet."""

    start: int
    span: bytes


class Splitter:
    """Cuts one stream of bytes into records by the rule above.

    `read(size)` gives the next bytes, about `size` of them, and b"" at the end. `decode` is the fast way: bytes of one
    strict JSON object -> row, raising one of FAULTS where it is not sure; `judge` then has a look: what it finds in one
    strict JSON object, None where it is not sure either.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        decode: Callable[[bytes], Any],
        judge: Callable[[bytes], Any],
        max_record_bytes: int,
        max_nesting: int,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._read, self._decode, self._judge = read, decode, judge
        self._longest, self._deepest, self._window = max_record_bytes, max_nesting, window_bytes
        self._data, self._base, self._ended = b"", 0, False
        self._in_array = self.began_with_array = False
        # Cuts of the present window, in places of the stream; known up to `_cut_to`.
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        self._cut_to = 0
        # The last scan that failed: what it left open need not be read again.
        self._failed: Scan | None = None

    def events(self) -> Iterator[Taken | Exact | Refused]:
        """All that is in the stream, in its order."""
        at = self._pass_nothing(0)
        if self._byte(at) == ord("["):
            self._in_array = self.began_with_array = True
            at += 1
        while (byte := self._byte(at := self._pass_nothing(at))) is not None:
            if byte == ord("{"):
                taken = self._fast(at)
                if taken is not None:
                    yield taken
                    at = taken.starts[-1] + len(taken.spans[-1])
                    continue
            elif byte == ord("]") and self._in_array:
                self._in_array, at, self._cut_to = False, at + 1, 0
                continue
            at = yield from self._exact(at, byte)

    # -- bytes

    def _more(self, keep: int) -> bool:
        """Read on, keeping the bytes from the place `keep`; False at the end."""
        if self._ended:
            return False
        kept = self._data[keep - self._base :]
        # At least as much as is kept, so that growing a record to its limit copies it a few times only.
        read = self._read(max(self._window, min(len(kept), self._longest)))
        self._ended = not read
        self._data, self._base = kept + read, keep
        return not self._ended

    def _byte(self, at: int) -> int | None:
        """The byte at `at`; None at the end of the stream."""
        if at - self._base >= len(self._data) and not self._more(at):
            return None
        return self._data[at - self._base]

    def _pass_nothing(self, at: int) -> int:
        nothing = _NOTHING_IN_ARRAY if self._in_array else _NOTHING
        while True:
            found = nothing(self._data, at - self._base)
            at = self._base + (found.end() if found else 0)
            left = self._data[at - self._base : at - self._base + 3]
            if len(left) == 3 or left not in (b"", BYTE_ORDER_MARK[:1], BYTE_ORDER_MARK[:2]) or not self._more(at):
                return at

    # -- the fast way

    def _fast(self, at: int) -> Taken | None:
        """The records from `at` on that the decoder takes; None where it takes none."""
        if at >= self._cut_to:
            self._cut(at)
        first = bisect_left(self._starts, at)
        if first == len(self._starts) or self._starts[first] != at:
            return None
        rows: list[Any] = []
        judged: dict[int, Any] = {}
        todo = map(self._decode, islice(self._pieces, first, None))
        while True:
            try:
                rows.extend(todo)
                break
            except FAULTS:
                # extend() keeps what it got before the decoder raised, and the map goes on behind it.
                verdict = self._judge(self._pieces[first + len(rows)])
                if verdict is None:
                    break
                judged[len(rows)] = verdict
                rows.append(None)
        last = first + len(rows)
        return Taken(self._starts[first:last], self._pieces[first:last], rows, judged) if rows else None

    def _cut(self, at: int) -> None:
        data, base = self._data, self._base
        cuts = (_CUT_IN_ARRAY if self._in_array else _CUT).finditer(data, at - base)
        self._starts, self._pieces = [], []
        for cut in islice(cuts, PIECES):
            stop, following = cut.span()
            self._starts.append(at)
            self._pieces.append(data[at - base : stop + 1])
            at = base + following
        self._cut_to = at if len(self._pieces) == PIECES else base + len(data)
        if len(data) > self._longest:
            self._pieces = [piece if len(piece) <= self._longest else b"" for piece in self._pieces]

    # -- the exact way

    def _exact(self, at: int, byte: int) -> Generator[Exact | Refused, None, int]:
        """One record, refused value or damage at `at`; returns the place behind it."""
        verdict, end = self._value(at) if self._in_array or byte in b"{[" else (Verdict.WRONG, at)
        if verdict is Verdict.ENDS:
            span = self._data[at - self._base : end - self._base]
            yield Exact(at, span) if byte == ord("{") else Refused.value(at, span)
            return end
        damage = Damage(at, verdict, self._longest, self._deepest)
        resumed = self._next_object(damage)
        yield damage.refused()
        if resumed is None:
            return self._base + len(self._data)
        start, end = resumed
        yield Exact(start, self._data[start - self._base : end - self._base])
        return end

    def _value(self, at: int) -> tuple[Verdict, int]:
        """Read the value at `at`: ENDS and the place behind it, or why there is none; the window keeps it whole."""
        scan = (self._failed and self._failed.within(at)) or Scan(at)
        while True:
            # One byte more than the longest record, to tell it from a longer one.
            end = min(len(self._data), at - self._base + self._longest + 1)
            verdict = scan.run(self._data, self._base, end, self._deepest)
            if verdict is Verdict.ENDS and self._may_go_on(at, scan.at) and self._more(at):
                scan = Scan(at)
                continue
            if verdict is not Verdict.MORE:
                break
            if self._base + end - at > self._longest:
                verdict = Verdict.LONG
                break
            if not self._more(at):
                verdict = Verdict.CUT
                break
        if verdict is not Verdict.ENDS:
            self._failed = scan
        elif scan.at - at > self._longest:
            verdict = Verdict.LONG
        elif not is_text(self._data[at - self._base : scan.at - self._base]):
            verdict = Verdict.TEXT
        return verdict, scan.at

    def _may_go_on(self, at: int, behind: int) -> bool:
        """Whether what ends at the end of the window is a number, whose next digit may follow."""
        return behind == self._base + len(self._data) and self._data[at - self._base] in NUMBER_FIRST

    def _next_object(self, damage: Damage) -> tuple[int, int] | None:
        """Feed `damage` up to the object that ends it; that object's place and the place behind it, None at the end."""
        taken, look = damage.start, damage.start + 1
        forbidden = b":" if self._in_array else b":,["
        while True:
            found = CANDIDATE.search(self._data, look - self._base)
            candidate = self._base + (found.start() if found else len(self._data))
            damage.take(self._data[taken - self._base : candidate - self._base])
            taken = candidate
            if found is None:
                if not self._more(taken):
                    return None
                look = taken
                continue
            if damage.last not in forbidden:
                verdict, end = self._value(candidate)
                if verdict is Verdict.ENDS and CANDIDATE.match(self._data, candidate - self._base):
                    return candidate, end
            look = candidate + 1
