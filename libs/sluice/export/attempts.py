"""What a run is about to write, said beforehand, so that the next run can clear up after one that was killed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field

from sluice.export.snapshot import Key
from sluice.runtime.storage import join, storage_for

_FOLDER = "_attempts"


@dataclass(frozen=True)
class Attempt:
    """One run's intent: new files lie in `folder`, manifests of `partitions` change, `expired` files are deleted."""

    run_id: str
    folder: str
    partitions: list[list[str | None]] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)

    def changed(self) -> set[Key]:
        return {tuple(key) for key in self.partitions}


def begin(copy: str, attempt: Attempt) -> None:
    """Say it, before the first file is written."""
    storage_for(copy).put(_uri(copy, attempt.run_id), json.dumps(asdict(attempt)).encode())


def unfinished(copy: str) -> list[Attempt]:
    """What earlier runs began and did not end; whoever asks holds the lease."""
    storage = storage_for(copy)
    documents = [stored.uri for stored in storage.list(join(copy, _FOLDER)) if stored.uri.endswith(".json")]
    return [Attempt(**json.loads(storage.read(uri))) for uri in documents]


def finish(copy: str, attempts: Sequence[Attempt], named: Collection[str]) -> int:
    """Delete what the attempts left and no pointer names (`named`), then forget them; how many files went.

    Only after a pointer of ours is there, so that an attempt that is merely asleep cannot publish any more.
    """
    storage = storage_for(copy)
    count = 0
    for attempt in attempts:
        base = len(copy.rstrip("/")) + 1
        written = [stored.uri[base:] for stored in storage.list(join(copy, attempt.folder))]
        for path in {*written, *attempt.expired} - set(named):
            storage.delete(join(copy, path))
            count += 1
        storage.delete(_uri(copy, attempt.run_id))
    return count


def _uri(copy: str, run_id: str) -> str:
    return join(copy, _FOLDER, f"{run_id}.json")
