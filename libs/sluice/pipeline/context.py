"""What the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.lake.lease import Lease
from sluice.lake.ledger import Ledger
from sluice.lake.places import Places
from sluice.lake.transitions import LedgerSource, Transition
from sluice.pipeline.evolution import Evolution
from sluice.pipeline.gate import Gates
from sluice.pipeline.options import Options
from sluice.pipeline.terms import Terms
from sluice.quality.model import Suite
from sluice.raw.source import SourceObject
from sluice.runtime.progress import Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Context:
    """A run that holds the lease: where it works, under which terms, and with what.

    `terms` are those of the day: the contract as it is given, with the fields that have evolved until now.
    """

    places: Places
    suite: Suite | None
    evolution: Evolution
    options: Options
    run_id: str
    code_version: str
    lease: Lease
    ledger: Ledger
    progress: Progress
    session: Callable[[], SparkSession]
    gates: Gates

    @property
    def terms(self) -> Terms:
        """What the next batch follows."""
        return Terms(self.evolution.contract, self.suite)

    def check(self) -> None:
        """LeaseLostError unless this run still holds the dataset."""
        self.lease.check()

    @property
    def spark_version(self) -> str:
        """The Spark on this machine, without starting it."""
        import pyspark

        return pyspark.__version__

    def transition(self, before: Transition | None) -> Transition:
        """The next row of the ledger, carrying on what the newest one tells of the dataset."""
        from datetime import UTC, datetime

        base = before or Transition(0, datetime.now(UTC), "", 0, "", 0, "planned")
        newest = self.ledger.last
        return base.next(
            run_id=self.run_id,
            fence=self.lease.fence,
            code_version=self.code_version,
            spark_version=self.spark_version,
            last_sequence=newest.last_sequence if newest else 0,
            watermark=newest.watermark if newest else "",
            full_listing_at=newest.full_listing_at if newest else None,
        )


def to_ledger(sources: list[SourceObject]) -> tuple[LedgerSource, ...]:
    """Listed source objects as the ledger keeps them."""
    return tuple(LedgerSource(s.path, s.size_bytes, s.etag or "", s.modified_at) for s in sources)


def from_ledger(sources: tuple[LedgerSource, ...]) -> list[SourceObject]:
    """Source objects of a planned batch as the reader takes them."""
    return [SourceObject(s.path, s.size_bytes, s.etag or None, s.modified_at) for s in sources]
