"""What was read of one source object, told once for all its rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from sluice.raw.judge import Judgement
from sluice.raw.layout import Layout

UNKNOWN_NAMES = 100


class Account:
    """The counts that `raw.reader` tells of; `layout_name` is given where it is not told by the records' places."""

    def __init__(self) -> None:
        self.records = self.refused = self.rescued = self.bytes = self.stored_bytes = 0
        self.compression = "none"
        self.changed = False
        self.layout = Layout()
        self.layout_name = ""
        self._unknown: Counter[str] = Counter()

    def add(self, starts: Sequence[int], spans: Sequence[bytes]) -> None:
        """Records, sound or refused for what is in them."""
        self.records += len(starts)
        if not self.layout_name and not self.layout.full:
            self.layout.add(starts, spans)

    def judge(self, judged: Judgement) -> None:
        """What the judge said of one of the records."""
        self.refused += bool(judged.reasons)
        self.rescued += judged.rescued is not None
        for name in judged.unknown:
            known = name in self._unknown or len(self._unknown) < UNKNOWN_NAMES
            self._unknown[name if known else "..."] += 1

    def json(self) -> str:
        """The account as JSON text."""
        return json.dumps(
            {
                "records": self.records,
                "refused": self.refused,
                "rescued": self.rescued,
                "unknown": dict(self._unknown),
                "bytes": self.bytes,
                "stored_bytes": self.stored_bytes,
                "compression": self.compression,
                "layout": self.layout_name or self.layout.name,
                "changed": self.changed,
            },
            ensure_ascii=False,
        )
