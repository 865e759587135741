"""The lease: one holder, fences that only grow, and a takeover only of what has shown no life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from sluice.errors import DatasetBusyError, LeaseLostError
from sluice.lake import lease as leases
from sluice.lake.lease import Holder, Lease
from sluice.runtime.storage import join, storage_for


@pytest.fixture(params=["local", "s3"])
def folder(request: pytest.FixtureRequest) -> str:
    lake: str = request.getfixturevalue("lake" if request.param == "local" else "s3_lake")
    return join(lake, "_sluice", "visits", "lease")


def fences(folder: str) -> list[int]:
    return [int(stored.uri.rsplit("/", 1)[1]) for stored in storage_for(folder).list(folder)]


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are taken as if by a process of another machine, of which nothing but the file can be seen."""
    monkeypatch.setattr(
        Holder, "this_process", staticmethod(lambda run_id: Holder(run_id, "far", "far/1", os.getpid(), "1"))
    )


def stopped(lease: Lease) -> None:
    """The holder's process is stopped: no heartbeat any more, and no release."""
    lease._stop.set()
    lease._beater.join()


def test_fences_only_grow_and_one_file_stays(folder: str) -> None:
    found = []
    for number in range(3):
        with Lease.acquire(folder, f"run {number}") as lease:
            found.append(lease.fence)
            lease.check()
        assert fences(folder) == [lease.fence]
    assert found == [1, 2, 3]


def test_a_released_lease_is_taken_at_once(folder: str) -> None:
    with Lease.acquire(folder, "one", 300):
        pass
    started = time.monotonic()
    with Lease.acquire(folder, "two", 300):
        assert time.monotonic() - started < 5


def test_a_second_run_is_refused_as_soon_as_the_first_shows_life(folder: str) -> None:
    with Lease.acquire(folder, "one", 2.0) as lease:
        started = time.monotonic()
        with pytest.raises(DatasetBusyError, match=r"run one on .* holds this dataset and is at work") as caught:
            Lease.acquire(folder, "two", 2.0)
        assert caught.value.exit_code == 4
        assert time.monotonic() - started < 2.0
        lease.check()
    assert fences(folder) == [1]


def test_a_heartbeat_keeps_a_lease_longer_than_its_seconds(folder: str) -> None:
    with Lease.acquire(folder, "one", 1.0) as lease:
        for _ in range(2):
            with pytest.raises(DatasetBusyError):
                Lease.acquire(folder, "two", 1.0)
            time.sleep(0.7)
        lease.check()


def test_a_holder_on_another_machine_is_watched_for_as_long_as_a_lease_lasts(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch)
    first = Lease.acquire(folder, "one", 1.5)
    stopped(first)
    started = time.monotonic()
    with Lease.acquire(folder, "two", 1.5) as second:
        assert time.monotonic() - started >= 1.5
        assert second.fence == 2
        with pytest.raises(LeaseLostError, match="expected to hold lease 1, found lease 00000000000000000002"):
            first.check()
        second.check()


def test_an_overtaken_run_neither_beats_nor_releases_any_more(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch)
    first = Lease.acquire(folder, "one", 1.0)
    stopped(first)
    with Lease.acquire(folder, "two", 1.0) as second:
        before = storage_for(folder).read(join(folder, f"{1:020d}"))
        first._stop.clear()
        first._beat()  # ends by itself, since the lease is lost
        first.release()
        assert storage_for(folder).read(join(folder, f"{1:020d}")) == before
        second.check()
    assert fences(folder) == [2]


def test_of_two_that_take_over_at_once_one_is_refused(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lease.acquire(folder, "one"):
        pass
    original, seconds = leases._wait_until_free, []

    def overtaken(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        if not seconds:
            seconds.append(None)
            seconds[0] = Lease.acquire(folder, "faster")  # type: ignore[call-overload]

    monkeypatch.setattr(leases, "_wait_until_free", overtaken)
    with pytest.raises(DatasetBusyError, match="took the lease at the same moment"):
        Lease.acquire(folder, "slower")
    assert fences(folder)[-1] == 2
    seconds[0].release()  # type: ignore[attr-defined]


def test_a_holder_whose_process_of_this_machine_is_gone_is_taken_over_at_once(lake: str) -> None:
    folder = join(lake, "lease")
    code = "import os,sys; from sluice.lake.lease import Lease; Lease.acquire(sys.argv[1], 'gone', 300); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, folder], check=False).returncode == 9
    started = time.monotonic()
    with Lease.acquire(folder, "next", 300) as lease:
        assert time.monotonic() - started < 2
        assert lease.fence == 2


def test_a_living_process_of_this_machine_is_not_gone_and_one_with_its_number_but_another_start_is(lake: str) -> None:
    ours = Holder.this_process("x")
    assert not ours.is_gone()
    assert Holder("x", ours.host, ours.machine, ours.pid, "1").is_gone()
    assert not Holder("x", ours.host, "", ours.pid, "1").is_gone()
    assert not Holder("x", ours.host, "far/1", ours.pid, "1").is_gone()


def test_a_lease_file_says_who_holds_it(lake: str) -> None:
    folder = join(lake, "lease")
    with Lease.acquire(folder, "me", 300):
        content = json.loads(storage_for(folder).read(join(folder, f"{1:020d}")))
        assert (content["run_id"], content["pid"], content["released"]) == ("me", os.getpid(), False)
    assert json.loads(storage_for(folder).read(join(folder, f"{1:020d}")))["released"]
