"""One stored object as a file that can be read anywhere in it, a range at a time; for formats with a footer."""

from __future__ import annotations

import io

from sluice.runtime.storage import storage_for


class RangedFile(io.RawIOBase):
    """The object at `uri`, which has `size_bytes`; each read is a request for just these bytes."""

    def __init__(self, uri: str, size_bytes: int) -> None:
        self._storage, self._uri, self._size, self._at = storage_for(uri), uri, size_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._storage.read(self._uri, self._at, wanted) if wanted else b""
        self._at += len(data)
        return data
