"""One build, from the commit to the manifest."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from building import archives, locks
from building.arguments import Order
from building.delivery import ZIP, function
from building.sbom import Part, bill
from building.source import Source, export
from building.wheel import build_wheel
from building.wheels import Store, Wheel, sha256_of
from sluice.deploy.release import MANIFEST, SBOM
from sluice.errors import LocationError


def build(order: Order) -> dict[str, Any]:
    """Make the release that `order` describes and return the summary; the folder appears whole or not at all.

    Raises UsageError before anything is written to it.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-build-") as work:
        source = export(order.root, Path(work, "source"), allow_dirty=order.allow_dirty or order.lock)
        out = _target(order, source)
        draft = Path(work, "release")
        draft.mkdir()
        wheel = build_wheel(source, draft, Path(work, "wheel"))
        own = Wheel(wheel, sha256_of(wheel))
        if order.lock:
            return _lock(order, own)
        parts = [part for lane in order.lanes for part in _parts(order, source, own, lane)]
        with ThreadPoolExecutor(2) as pool:
            entries = pool.map(lambda lane: _lane(order, own, lane, parts, draft), order.lanes)
            lanes = dict(zip(order.lanes, entries, strict=True))
        for script in sorted((source.folder / "jobs").glob("*.py")):
            _copy(script, draft / "jobs" / script.name)
        _write(draft / SBOM, bill(source, own, parts))
        delivery = function(source, parts, order.runtimes, draft)
        manifest = _manifest(source, own, lanes, draft) | ({"delivery": delivery} if delivery else {})
        _write(draft / MANIFEST, manifest)
        _settle(draft, out)
    total = sum(file["bytes"] for file in manifest["files"])
    told = {
        lane: sum(f["bytes"] for f in manifest["files"] if f["path"].startswith(f"lanes/{lane}/")) for lane in lanes
    }
    return {
        "job": "build", "status": "built", "version": source.version, "commit": source.commit, "release": str(out),
        "files": len(manifest["files"]), "bytes": total, "lane_bytes": told, "delivery_bytes": _size(manifest, ZIP),
    }  # fmt: skip


def _size(manifest: dict[str, Any], path: str) -> int:
    return sum(file["bytes"] for file in manifest["files"] if file["path"] == path)


def _lock(order: Order, own: Wheel) -> dict[str, Any]:
    store, left, made = _store(order), set(order.runtimes["release"]["left_to_spark"]), {}
    for lane in order.lanes:
        for target in locks.targets(order.runtimes, lane):
            _say(f"{lane}: choosing wheels for Python {target.python}")
            pins = locks.pinned(order.root, lane, target)
            wheels = locks.resolve(own, pins, left, store, target)
            locks.check(own, wheels, pins, left, target, f"{lane}, Python {target.python}")
            locks.write_lock(order.root, lane, target, wheels)
            made[str(locks.lock_path(order.root, lane, target).relative_to(order.root))] = len(wheels)
    return {"job": "build", "status": "locked", "locks": made}


def _parts(order: Order, source: Source, own: Wheel, lane: str) -> list[Part]:
    """The lane's wheels by interpreter, fetched and found to fit."""
    found, left = [], set(order.runtimes["release"]["left_to_spark"])
    for target in locks.targets(order.runtimes, lane):
        wheels = _store(order).locked(locks.read_lock(source.folder, lane, target), target)
        where = str(locks.lock_path(source.folder, lane, target).relative_to(source.folder))
        locks.check(own, wheels, locks.pinned(source.folder, lane, target), left, target, where)
        found.append(Part(lane, target, wheels))
    return found


def _lane(order: Order, own: Wheel, lane: str, all_parts: Sequence[Part], draft: Path) -> dict[str, Any]:
    """Write lanes/<lane>/ and return its entry of the manifest; `wheels` are those that Glue lacks."""
    parts = [part for part in all_parts if part.lane == lane]
    base = draft / "lanes" / lane
    for wheel in {wheel.sha256: wheel for part in parts for wheel in part.wheels}.values():
        _copy(wheel.path, base / "wheels" / wheel.path.name)
    first = parts[0]
    theirs = locks.only_through(own, first.wheels, order.runtimes["release"]["preinstalled"], first.target)
    lacking = [wheel for wheel in first.wheels if wheel.name not in theirs]
    archives.wheels_zip(base / "wheels.gluewheels.zip", lacking, archives.FIXED_AT)
    by_python = {part.target.python: list(part.wheels) for part in parts}
    kept = order.cache / "environments" / f"{archives.environment_key(by_python)}.tar.gz"
    if not kept.exists():
        _say(f"{lane}: packing the environment for Python {', '.join(by_python)}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        archives.environment(kept, by_python)
    _copy(kept, base / "environment.tar.gz")

    def place(wheel: Wheel) -> str:
        return f"lanes/{lane}/wheels/{wheel.path.name}"

    return {
        "runs_on": list(order.runtimes["lanes"][lane]["runs_on"]),
        "python": first.target.python,
        "wheelhouse": f"lanes/{lane}/wheels.gluewheels.zip",
        "wheels": [place(wheel) for wheel in lacking],
        "preinstalled": [f"{wheel.name}=={wheel.version}" for wheel in first.wheels if wheel.name in theirs],
        "environment": f"lanes/{lane}/environment.tar.gz",
        "all_wheels": {part.target.python: [place(wheel) for wheel in part.wheels] for part in parts},
    }


def _manifest(source: Source, own: Wheel, lanes: dict[str, Any], draft: Path) -> dict[str, Any]:
    paths = sorted(path for path in draft.rglob("*") if path.is_file())
    return {
        "form": 1,
        "name": "sluice",
        "version": source.version,
        "commit": source.commit,
        "built_from": source.built_from,
        "python_requires": str(own.metadata.requires_python),
        "lanes": lanes,
        "files": [
            {"path": path.relative_to(draft).as_posix(), "sha256": sha256_of(path), "bytes": path.stat().st_size}
            for path in paths
        ],
    }


def _target(order: Order, source: Source) -> Path:
    """Where the release goes; LocationError where something else is there."""
    out = (order.out or order.root / "dist" / "sluice" / source.version).absolute()
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file())):
        raise LocationError(
            f"{out}: expected an earlier release or nothing, found something else; choose another --out"
        )
    return out


def _settle(draft: Path, out: Path) -> None:
    """Puts the finished folder in its place, whose file system may be another."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        shutil.move(draft, beside / "new")
        if out.exists():
            out.rename(beside / "old")
        (beside / "new").rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _store(order: Order) -> Store:
    return Store(order.cache / "wheels")


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=False, ensure_ascii=False) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    print(f"[build] {text}", file=sys.stderr, flush=True)
