"""JSON in all layouts -> rows: records cut and decoded on the fast way, and judged where that is not sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sluice.contract.model import Contract
from sluice.raw.account import Account
from sluice.raw.damage import Refused
from sluice.raw.decoding import Decoding
from sluice.raw.fields import Field
from sluice.raw.inflate import JSON
from sluice.raw.spans import Taken
from sluice.raw.text import Opened, TextSource


class JsonFormat:
    """Reads source objects of JSON text; see `raw.spans` for what a record is."""

    def __init__(self, contract: Contract, window_bytes: int) -> None:
        self._decoding = Decoding(contract, window_bytes)
        self.fields: Sequence[Field] = self._decoding.fields
        self.empty: Any = self._decoding.empty

    def events(self, opened: Opened, account: Account) -> Iterator[Taken | Refused]:
        """All that is in one source object, in its order."""
        text = TextSource(opened, account, JSON)
        splitter = self._decoding.splitter(text.read)
        yield from text.whole(self._decoding.events(splitter))
        account.layout.in_array = splitter.began_with_array
