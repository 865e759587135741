"""One writer per dataset: a lease in storage, with a fence that only grows.

Each holder has a file `lease/<fence>` that was made by an exclusive put; the highest fence is the holder. The holder
rewrites its file at every heartbeat and marks it released at the end. Another run takes over with the next fence when

- the file is marked released, or
- the holder ran on this very machine and its process is gone, or
- the file has not changed for `seconds` on the taker's own monotonic clock (clocks of other machines prove nothing).

A lease alone is no fence: a stopped process may wake up after it was taken over. So `check()` is called right before
every commit, and every commit is put-if-absent on exactly the next version (see `commit`).
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType

from sluice.errors import DatasetBusyError, LeaseLostError, SluiceError
from sluice.runtime.storage import StoredObject, join, storage_for

_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Holder:
    """Who holds the lease: enough to tell, on the same machine, whether that process still lives."""

    run_id: str
    host: str
    machine: str
    pid: int
    started: str

    @staticmethod
    def this_process(run_id: str) -> Holder:
        return Holder(run_id, socket.gethostname(), _machine(), os.getpid(), _process_start(os.getpid()))

    def is_gone(self) -> bool:
        """True only where it is certain: the same boot and process namespace, and no such process any more."""
        return bool(self.machine) and self.machine == _machine() and _process_start(self.pid) != self.started

    def is_alive(self) -> bool:
        """True only where it is certain that the process is there (it may be stopped)."""
        return bool(self.machine) and self.machine == _machine() and _process_start(self.pid) == self.started


def _machine() -> str:
    """This boot and process namespace, in which a process number means something; empty where that cannot be told."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return f"{stream.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _process_start(pid: int) -> str:
    """When process `pid` started, in ticks since boot; "gone" where there is none (a zombie counts as gone)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
        return "gone" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return "gone"


class Lease:
    """Held from `acquire` until `release`; a daemon thread keeps the heartbeat at a fifth of `seconds`."""

    def __init__(self, folder: str, fence: int, holder: Holder, seconds: float) -> None:
        self.fence, self._folder, self._holder, self._seconds = fence, folder, holder, seconds
        self._uri = _file(folder, fence)
        self._storage = storage_for(folder)
        self._beats = 0
        self._stop = threading.Event()
        self._beater = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)

    @staticmethod
    def acquire(
        folder: str, run_id: str, seconds: float = 300.0, tell: Callable[[str], None] = lambda _: None
    ) -> Lease:
        """The lease on the dataset whose lease folder this is; DatasetBusyError where another run holds it."""
        holder = Holder.this_process(run_id)
        fence = 0
        current = _highest(folder)
        if current is not None:
            fence = int(current.uri.rsplit("/", 1)[1])
            _wait_until_free(folder, current, seconds, tell)
        lease = Lease(folder, fence + 1, holder, seconds)
        if not storage_for(folder).put(lease._uri, lease._content(), if_absent=True):
            raise DatasetBusyError(
                f"{folder}: another run took the lease at the same moment; run again when it has ended"
            )
        lease._beater.start()
        return lease

    def check(self) -> None:
        """Raise LeaseLostError unless this lease is still the highest."""
        current = _highest(self._folder)
        if current is None or current.uri.rsplit("/", 1)[1] != self._uri.rsplit("/", 1)[1]:
            found = "no lease" if current is None else f"lease {current.uri.rsplit('/', 1)[1]}"
            raise LeaseLostError(
                f"{self._folder}: expected to hold lease {self.fence}, found {found}; another run has taken over "
                "and finishes the work, this one changes nothing any more"
            )

    def release(self) -> None:
        """Let the next run start at once; files of older leases go, the highest stays so that fences only grow."""
        self._stop.set()
        if self._beater.is_alive():
            self._beater.join(timeout=30)
        try:
            self.check()
        except LeaseLostError:
            return
        self._storage.put(self._uri, self._content(released=True))
        for stored in list(self._storage.list(self._folder)):
            name = stored.uri.rsplit("/", 1)[1]
            if name.isdigit() and int(name) < self.fence:
                self._storage.delete(stored.uri)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except SluiceError:
            if error is None:
                raise

    def _content(self, released: bool = False) -> bytes:
        return json.dumps(
            {**vars(self._holder), "seconds": self._seconds, "beat": self._beats, "released": released}
        ).encode()

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 5):
            self._beats += 1
            try:
                # A lost lease must not be written again, or its file would look alive to whoever cleans up.
                self.check()
                self._storage.put(self._uri, self._content())
            except LeaseLostError:
                return
            except SluiceError:
                continue  # the next beat tries again; check() before a commit decides


def _file(folder: str, fence: int) -> str:
    return join(folder, f"{fence:020d}")


def _highest(folder: str) -> StoredObject | None:
    files = [s for s in storage_for(folder).list(folder) if s.uri.rsplit("/", 1)[1].isdigit()]
    return max(files, key=lambda s: s.uri, default=None)


def _wait_until_free(folder: str, current: StoredObject, seconds: float, tell: Callable[[str], None]) -> None:
    """Return once the lease `current` may be taken over; DatasetBusyError as soon as it shows life."""
    content = json.loads(storage_for(folder).read(current.uri))
    if content["released"]:
        return
    holder = Holder(**{key: content[key] for key in ("run_id", "host", "machine", "pid", "started")})
    if holder.is_gone():
        return
    seconds = max(seconds, float(content.get("seconds", 0)))  # its heart beats at the pace it was told
    beat = datetime.now(UTC) - current.modified_at
    if holder.is_alive() and timedelta(0) <= beat < timedelta(seconds=2 * seconds / 5):
        raise _busy(folder, holder)
    tell(f"the dataset is held by run {holder.run_id} on {holder.host}; watching it for up to {seconds:.0f} s")
    watched_from = time.monotonic()
    while time.monotonic() - watched_from < seconds:
        time.sleep(min(_LOOK_SECONDS, seconds / 10))
        seen = _highest(folder)
        if seen is None or (seen.uri, seen.etag) != (current.uri, current.etag):
            raise _busy(folder, holder)


def _busy(folder: str, holder: Holder) -> DatasetBusyError:
    return DatasetBusyError(
        f"{folder}: run {holder.run_id} on {holder.host} holds this dataset and is at work; run again when it has ended"
    )
