"""What an operator may set for a run."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Bounds of a batch in stored bytes and source objects; arrival hours as `YYYY/MM/DD/HH`, `until` excluded.

    `release_held` names a held batch to publish all the same, for a `reason`, which the ledger keeps with who asked.
    `quarantine` is a URI to keep refused records below, in place of the lake's `quarantine/`.
    """

    max_batch_bytes: int = 4 << 30
    max_batch_files: int = 100_000
    since: str = ""
    until: str = ""
    target_file_bytes: int = 128 << 20
    lease_seconds: float = 300.0
    full_listing_hours: float = 24.0
    dry_run: bool = False
    quarantine: str = ""
    release_held: str = ""
    reason: str = ""
    released_by: str = ""

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise UsageError(f"--since {self.since} is not before --until {self.until}: no hour lies between them")
        if bool(self.release_held) != bool(self.reason.strip()):
            raise UsageError(
                "--release-held BATCH and --reason TEXT go together: the ledger keeps why a held batch was published"
            )
