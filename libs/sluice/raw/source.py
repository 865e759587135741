"""What the plan knows of one source object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SourceObject:
    """A file in the landing zone, as it was listed.

    `path` is the path below the lake's raw/ folder; `size_bytes` is as stored; `modified_at` is an instant in UTC.
    """

    path: str
    size_bytes: int
    etag: str | None
    modified_at: datetime
