"""The pointer's list in forms that catalogs read: Redshift Spectrum's manifest, and Hive's symlink text.

::

    manifests/redshift/all.manifest                                every file of one version: LOCATION of a table
    manifests/redshift/partitions/<column>=<value>/.../manifest    LOCATION of a partition
    manifests/symlink/<column>=<value>/.../manifest                its folder is LOCATION of a partition

Each is one object, replaced whole after the pointer, on condition of what was read: so a partition is seen as it was or
as it is. All partitions change at one instant only for readers of the pointer and of `all.manifest`.
Forms: docs.aws.amazon.com/redshift, "CREATE EXTERNAL TABLE" (`meta.content_length` is required);
docs.delta.io/presto-integration.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from sluice.errors import LeaseLostError, UsageError
from sluice.export.pointer import CopyFile, Pointer
from sluice.export.snapshot import Key
from sluice.runtime.storage import is_s3, join, storage_for
from sluice.runtime.swap import look, replace

KINDS = ("redshift", "symlink")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = {chr(c) for c in range(1, 32)} | set("\"#%'*/:=?\\{[]^\x7f")  # Hive's own list; blanks are not in it


def wanted_kinds(asked: str, location: str, before: Sequence[str]) -> list[str]:
    """`redshift`, `symlink`, both with a comma, or `none` -> kinds; nothing asked leaves what is there.

    Raises UsageError for other words, and where Redshift could not reach the copy.
    """
    if not asked.strip():
        return list(before)
    kinds = sorted({word.strip() for word in asked.split(",")} - {"none"})
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(f"--manifest {asked}: expected redshift, symlink, both with a comma, or none")
    if "redshift" in kinds and not is_s3(location):
        raise UsageError(f"--manifest redshift: expected a copy in S3, found {location}, which Redshift cannot read")
    return kinds


def write_manifests(
    pointer: Pointer, changed: Collection[Key], before: Sequence[str], check: Callable[[], None]
) -> None:
    """Bring manifests up to `pointer`: of the `changed` partitions, or all of a kind that was not there `before`.

    Raises LeaseLostError where another run changed one meanwhile.
    """
    by_key: dict[Key, list[CopyFile]] = defaultdict(list)
    for file in pointer.files:
        by_key[file.key()].append(file)
    for kind in pointer.manifests:
        keys = set(changed) | (set() if kind in before else set(by_key))
        if kind == "redshift":
            uri = join(pointer.location, "manifests/redshift/all.manifest")
            _put(uri, _redshift(pointer.location, pointer.files), check)
        for key in keys:
            if not key and kind == "redshift":
                continue  # a table without partitions has the one manifest
            uri = partition_manifest(pointer, kind, key)
            form = _redshift if kind == "redshift" else _symlink
            if by_key.get(key):
                _put(uri, form(pointer.location, by_key[key]), check)
            else:
                check()
                storage_for(uri).delete(uri)
    for kind in set(before) - set(pointer.manifests):
        folder = join(pointer.location, "manifests", kind)
        check()
        for stored in list(storage_for(folder).list(folder)):
            storage_for(folder).delete(stored.uri)


def partition_manifest(pointer: Pointer, kind: str, key: Key) -> str:
    """Where the manifest of a partition lies."""
    below = ["manifests", kind, "partitions"] if kind == "redshift" else ["manifests", kind]
    names = [f"{_hive(n)}={_hive(v)}" for n, v in zip(pointer.partition_columns, key, strict=True)]
    return join(pointer.location, *below, *names, "manifest")


def _hive(text: str | None) -> str:
    if text is None:
        return _NO_VALUE
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in text)


def _redshift(location: str, files: Iterable[CopyFile]) -> bytes:
    entries = [
        {"url": join(location, file.path), "mandatory": True, "meta": {"content_length": file.size_bytes}}
        for file in files
    ]
    return json.dumps({"entries": entries}, indent=1).encode()


def _symlink(location: str, files: Iterable[CopyFile]) -> bytes:
    base = location if is_s3(location) else f"file://{location}"
    return "".join(f"{join(base, file.path)}\n" for file in files).encode()


def _put(uri: str, data: bytes, check: Callable[[], None]) -> None:
    seen = look(uri)
    if seen is not None and seen.data == data:
        return
    check()  # after the look: who is overtaken from here on finds another token
    if not replace(uri, data, seen):
        raise LeaseLostError(f"{uri}: another run has replaced it meanwhile; this one changes nothing any more")
