"""What a batch follows, whole: its contract and its suite, as they were when the batch was planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from sluice.contract.model import Contract
from sluice.lake.transitions import Transition
from sluice.quality.model import Suite


@dataclass(frozen=True)
class Terms:
    """A contract, and the suite of its dataset where there is one: without it no gate runs."""

    contract: Contract
    suite: Suite | None = None

    @property
    def suite_fingerprint(self) -> str:
        """Empty where there is no suite."""
        return self.suite.fingerprint if self.suite else ""

    def followed_by(self, row: Transition) -> bool:
        """Whether the batch of a ledger row was planned under these very terms."""
        found = (row.contract_fingerprint, row.suite_fingerprint)
        return found == (self.contract.fingerprint, self.suite_fingerprint)


def recorded(terms: Terms) -> dict[str, Any]:
    """What a planned row keeps of the terms: enough to follow them again when the files have changed."""
    return {
        "contract_version": terms.contract.version,
        "contract_fingerprint": terms.contract.fingerprint,
        "contract_text": msgspec.json.encode(terms.contract).decode(),
        "suite_fingerprint": terms.suite_fingerprint,
        "suite_text": terms.suite.text if terms.suite else "",
    }


def terms_of(planned: Transition) -> Terms:
    """The terms that a planned row recorded."""
    from sluice.quality.load import recorded_suite

    contract = msgspec.json.decode(planned.contract_text, type=Contract)
    suite = recorded_suite(contract.dataset, planned.suite_text) if planned.suite_text else None
    return Terms(contract, suite)
