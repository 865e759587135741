"""Cuts the messages into source objects and puts them under the keys that Firehose would give them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from threading import Thread

from isal import igzip

from landing.arguments import Order
from landing.arrival import Arrivals, blocks, plan_arrivals
from landing.messages import Messages
from landing.records import CHUNK, Counts, Records
from landing.tables import build_tables
from landing.tweets import Tweets
from landing.twitter import build_tweets
from sluice.errors import StorageError
from sluice.runtime.storage import join, storage_for

# A little above what a record takes, so that the last object of a block is not a sliver.
_RECORD_BYTES = {"app_messages": 300, "tweets": 3200}
_BLOCK_BYTES = 32 << 20
_TASK_BYTES = 15_000_000


@dataclass
class Delivered:
    """What was delivered so far: counts by fate, source objects, bytes as stored and before compression."""

    counts: Counts = field(default_factory=Counts)
    messages: int = 0
    source_objects: int = 0
    stored_bytes: int = 0
    raw_bytes: int = 0

    def add(self, other: Delivered) -> None:
        self.counts.add(other.counts)
        self.messages += other.messages
        self.source_objects += other.source_objects
        self.stored_bytes += other.stored_bytes
        self.raw_bytes += other.raw_bytes


class Landing:
    """One delivery of one order; `number` counts the deliveries of the same messages, 0 being the first."""

    def __init__(self, order: Order, number: int) -> None:
        self.order, self.number = order, number
        self.arrivals = plan_arrivals(order.seed, order.messages, order.start_ms, order.span_ms)
        self.records = _records(order, self.arrivals)

    def pieces(self, first: int, end: int, counts: Counts) -> Iterator[list[bytes]]:
        """The pieces of a range of messages, in order, some thousands at a time."""
        while first < end:
            until = min(end, (first // CHUNK + 1) * CHUNK)
            yield self.records.made(first, until, counts)
            first = until

    def deliver(self, first: int, end: int) -> Delivered:
        """Write the source objects of one block: a new object wherever the next piece would go over the buffer."""
        done = Delivered(messages=end - first)
        began = first
        held: list[bytes] = []
        held_bytes = 0
        for pieces in self.pieces(first, end, done.counts):
            for piece in pieces:
                if held_bytes + len(piece) > self.order.object_bytes and held:
                    self._put(began, held, held_bytes, done)
                    began += len(held)
                    held, held_bytes = [], 0
                held.append(piece)
                held_bytes += len(piece)
        if held:
            self._put(began, held, held_bytes, done)
        return done

    def _put(self, first: int, pieces: list[bytes], raw_bytes: int, done: Delivered) -> None:
        data = b"".join(pieces)
        if self.order.compression == "gzip":
            data = igzip.compress(data, compresslevel=2, mtime=0)
        uri = join(self.order.lake, "raw", self.order.dataset, self.key(first))
        # What a killed run left under this key has these very bytes; a reader may know it already, so it stays.
        storage_for(uri).put(uri, data, if_absent=True)
        done.source_objects += 1
        done.stored_bytes += len(data)
        done.raw_bytes += raw_bytes

    def key(self, first: int) -> str:
        """YYYY/MM/DD/HH/<stream>-1-yyyy-MM-dd-HH-mm-ss-<uuid>[.gz]: the time is the arrival of the oldest record."""
        at = datetime.fromtimestamp(self.arrivals.at(first) // 1000, UTC)
        delivery = f"{self.order.content()} {self.order.delivery()} {self.number} {first}"
        name = uuid.UUID(bytes=blake2b(delivery.encode(), digest_size=16).digest(), version=4)
        suffix = ".gz" if self.order.compression == "gzip" else ""
        return f"{at:%Y/%m/%d/%H}/{self.order.stream}-1-{at:%Y-%m-%d-%H-%M-%S}-{name}{suffix}"


def _records(order: Order, arrivals: Arrivals) -> Records:
    how = arrivals, order.shares, int(order.late_days * 86_400_000), order.newline
    if order.dataset == "tweets":
        return Tweets(order.seed, build_tweets(order.seed, order.start_ms), *how)
    return Messages(order.seed, build_tables(order.seed), *how)


def tasks_of(landing: Landing) -> list[list[tuple[int, int]]]:
    """Ranges of messages that begin source objects, grouped so that a task is worth sending to another process."""
    order, each = landing.order, _RECORD_BYTES[landing.order.dataset]
    most = max(order.object_bytes, _BLOCK_BYTES // order.object_bytes * order.object_bytes) // each
    found: list[list[tuple[int, int]]] = [[]]
    size = 0
    for first, end in blocks(landing.arrivals, order.object_seconds * 1000, max(1, most)):
        if size * each >= _TASK_BYTES:
            found.append([])
            size = 0
        found[-1].append((first, end))
        size += end - first
    return found


def deliver_all(landing: Landing) -> Iterator[Delivered]:
    """Deliver every message, by as many processes as asked for; yields what each finished task delivered."""
    tasks = tasks_of(landing)
    workers = min(landing.order.workers, len(tasks))
    if workers == 1:
        for task in tasks:
            yield _run(landing, task)
        return
    context = get_context("spawn")  # a fork would share the parent's connections
    with ProcessPoolExecutor(workers, context, _start_worker, (landing.order, landing.number)) as pool:
        waiting = iter(tasks)
        running: set[Future[Delivered]] = {pool.submit(_run_in_worker, task) for task in islice(waiting, workers * 2)}
        try:
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(_run_in_worker, task) for task in islice(waiting, len(finished))}
                for future in finished:
                    yield future.result()
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker process was killed (out of memory?); run again with fewer --workers"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _run(landing: Landing, task: Iterable[tuple[int, int]]) -> Delivered:
    done = Delivered()
    for first, end in task:
        done.add(landing.deliver(first, end))
    return done


_worker: Landing | None = None


def _start_worker(order: Order, number: int) -> None:
    global _worker
    _worker = Landing(order, number)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task forever."""
    parent = parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _run_in_worker(task: list[tuple[int, int]]) -> Delivered:
    if _worker is None:
        raise StorageError(f"process {os.getpid()} was not set up; run again")
    return _run(_worker, task)
