"""CPU and memory of a process and all below it: a Spark job is a Python, a Java and some Python workers."""

from __future__ import annotations

import threading
from collections import defaultdict
from types import TracebackType

import psutil

_EVERY_SECONDS = 0.2
_PSS_EVERY = 5  # reading shares of pages costs more than reading sizes


class Watch:
    """Within the `with`: peaks of resident memory, sampled; after it: CPU seconds, of reaped children too.

    Peaks are sums over the tree at one instant, in bytes, by kind of process and together; pages that forked workers
    share count once each in RSS, and in parts in PSS.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peaks: dict[str, int] = defaultdict(int)
        self.cpu_seconds = 0.0

    def __enter__(self) -> Watch:
        self._began = cpu_seconds(self._root)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu_seconds = cpu_seconds(self._root) - self._began
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """`cpu_seconds`, and `peak_<total|jvm|python>_rss_bytes` and `peak_total_pss_bytes`."""
        return {"cpu_seconds": round(self.cpu_seconds, 2), **{f"peak_{k}_bytes": v for k, v in self.peaks.items()}}

    def _sample(self) -> None:
        beat = 0
        while True:
            now: dict[str, int] = defaultdict(int)
            for process in tree(self._root):
                try:
                    kind = "jvm" if process.name().startswith("java") else "python"
                    resident = process.memory_info().rss
                    now[f"{kind}_rss"] += resident
                    now["total_rss"] += resident
                    if beat % _PSS_EVERY == 0:
                        now["total_pss"] += process.memory_full_info().pss
                except psutil.Error:
                    continue
            for name, value in now.items():
                self.peaks[name] = max(self.peaks[name], value)
            beat += 1
            if self._stop.wait(_EVERY_SECONDS):
                return


def tree(root: psutil.Process) -> list[psutil.Process]:
    """The process and all below it that live."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def cpu_seconds(root: psutil.Process) -> float:
    """User and system seconds of the tree so far, with those of children that ended and were waited for."""
    total = 0.0
    for process in tree(root):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and both of reaped children
        except psutil.Error:
            continue
    return total
