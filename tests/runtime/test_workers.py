"""What Spark's Python workers need of their process."""

from __future__ import annotations

import importlib
import sys
import zipfile
import zipimport
from pathlib import Path

import pytest

from sluice.runtime.workers import forget_archives


def test_what_is_in_an_archive_can_be_imported_after_its_finders_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "things.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipped_things/__init__.py", "")
        packed.writestr("zipped_things/one.py", "number = 1")
        packed.writestr("zipped_things/two.py", "number = 2")
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module("zipped_things.one").number == 1
    assert any(isinstance(finder, zipimport.zipimporter) for finder in sys.path_importer_cache.values())
    forget_archives()
    assert not any(isinstance(finder, zipimport.zipimporter) for finder in sys.path_importer_cache.values())
    assert importlib.import_module("zipped_things.two").number == 2
