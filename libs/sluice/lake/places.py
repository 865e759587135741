"""Where everything of a dataset lies in a lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.runtime.storage import is_s3, join


@dataclass(frozen=True)
class Places:
    """The folders of one dataset in one lake; all are URIs without a trailing slash.

    `quarantines` is where refused records are kept, since they hold personal data as received: by default in the lake.
    `zone` is the folder that the table for people is in: `analytics` where the dataset is an analysis.
    """

    lake: str
    dataset: str
    quarantines: str = ""
    zone: str = "curated"

    @property
    def raw(self) -> str:
        return join(self.lake, "raw")

    @property
    def landing(self) -> str:
        """The dataset's raw prefix: what the stream delivered; never changed by us."""
        return join(self.raw, self.dataset)

    @property
    def curated(self) -> str:
        """The table that people read."""
        return join(self.lake, self.zone, self.dataset)

    @property
    def quarantine(self) -> str:
        return join(self.quarantines or join(self.lake, "quarantine"), self.dataset)

    @property
    def state(self) -> str:
        return join(self.lake, "_sluice", self.dataset)

    @property
    def ledger(self) -> str:
        return join(self.state, "ledger")

    @property
    def checks(self) -> str:
        return join(self.state, "checks")

    @property
    def evolved(self) -> str:
        """The evolved raw schema's documents, see `lake.evolved`."""
        return join(self.state, "evolved")

    @property
    def docs(self) -> str:
        """The dataset's pages: `runs/`, `data_docs/` and an index."""
        return join(self.lake, "docs", self.dataset)

    @property
    def lease(self) -> str:
        return join(self.state, "lease")


def attempt_folder(batch_id: str, attempt: int) -> str:
    """The folder, below a table's, that the files of one attempt at a batch are in for good."""
    return f"batch={batch_id}/{attempt}"


def partition_text(value: Any) -> str | None:
    """A partition value as the Delta protocol spells it in a log: one spelling, since partitions are told by it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ")).split("+")[0] if hasattr(value, "hour") else str(value.isoformat())
    return str(value)


def spark_uri(uri: str) -> str:
    """`uri` as Spark's file systems want it: S3 through S3A, local folders as they are."""
    return "s3a://" + uri.split("://", 1)[1] if is_s3(uri) else uri
