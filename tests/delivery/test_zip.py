"""The function's zip is all that the function needs, and has the same bytes whenever it is made of the same files."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from building.delivery import HANDLER, ZIP, function, installed_part
from building.sbom import Part
from building.source import Source
from building.wheels import Target
from sluice.errors import UsageError
from support.machine import ROOT
from test_agreement import ARRIVED_MILLIS

pytestmark = pytest.mark.lane("spark-4.1")  # no Spark here, so one lane tells it all

LANE = "installed"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIMES = {"default_lane": LANE, "delivery": {"datasets": ["app_messages"]}}
# What Lambda does: nothing on the path but the standard library and the unpacked zip.
_CALL = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
began = time.perf_counter()
from importlib import import_module

module, _, name = sys.argv[2].rpartition(".")
handle = getattr(import_module(module), name)
answer = handle(json.load(sys.stdin), None)
print(json.dumps({"answer": answer, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The release's folder with the zip, and its entry of the manifest."""
    folder = tmp_path_factory.mktemp("zip")
    parts = [installed_part(folder)]
    source = Source(ROOT, "1.2.3", "0" * 40, "commit", 0)
    for draft in ("one", "two"):
        (folder / draft).mkdir()
        entry = function(source, parts, RUNTIMES, folder / draft)
    assert (folder / "one" / ZIP).read_bytes() == (folder / "two" / ZIP).read_bytes()
    assert entry is not None
    return folder / "one", entry


def test_the_function_runs_from_its_zip_with_nothing_else_beside_it(
    made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, entry = made
    assert entry == {
        "zip": ZIP, "handler": HANDLER, "python": PYTHON, "architecture": "x86_64", "datasets": ["app_messages"],
    }  # fmt: skip
    zipfile.ZipFile(folder / ZIP).extractall(tmp_path)
    sent = {"message": "I love this", "country": "France", "timestamp": ARRIVED_MILLIS}
    event = {"records": [
        {"recordId": "1", "approximateArrivalTimestamp": ARRIVED_MILLIS, "data": base64.b64encode(data).decode()}
        for data in (json.dumps(sent).encode(), b"{")
    ]}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _CALL, str(tmp_path), HANDLER], input=json.dumps(event),
        env={"SLUICE_DATASET": "app_messages"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    first, second = told["answer"]["records"]
    assert (first["result"], second["result"]) == ("Ok", "ProcessingFailed")
    assert json.loads(base64.b64decode(first["data"]))["sentiment"] == "positive"
    assert not {"pyspark", "pyarrow", "numpy", "sqlglot", "great_expectations", "boto3"} & set(told["modules"])


def test_the_zip_is_small_and_holds_no_room_of_the_batch_job(made: tuple[Path, dict[str, Any]]) -> None:
    archive = made[0] / ZIP
    assert archive.stat().st_size < 4 << 20
    rooms = {name.split("/")[1] for name in zipfile.ZipFile(archive).namelist() if name.startswith("sluice/")}
    assert rooms == {"__init__.py", "contract", "raw", "enrich", "delivery"}


def test_a_release_without_the_wheels_says_which(tmp_path: Path) -> None:
    source = Source(ROOT, "1.2.3", "0" * 40, "commit", 0)
    parts = [Part(LANE, Target(PYTHON, "x86_64", "2.34"), [])]
    with pytest.raises(UsageError, match="expected msgspec among its wheels"):
        function(source, parts, RUNTIMES, tmp_path)
    assert function(source, [], RUNTIMES, tmp_path) is None
