"""Small releases of a version, whole as scripts/build makes them but for their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def small_release(folder: Path, *, version: str = "1.2.3", text: str = "one", scripts: int = 3) -> Path:
    """A release in `folder` whose scripts hold `text`."""
    lane = "lanes/spark-4.1"
    contents = {
        f"sluice-{version}-py3-none-any.whl": b"the wheel",
        "sbom.json": b"{}",
        f"{lane}/wheels.gluewheels.zip": b"a zip",
        f"{lane}/wheels/numpy-2.4.4-cp313-cp313-manylinux_2_28_x86_64.whl": bytes(3 << 20),
        f"{lane}/environment.tar.gz": b"an archive",
        **{f"jobs/job_{number}.py": f"# {number}, {text}\n".encode() for number in range(scripts)},
    }
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    manifest = {
        "form": 1,
        "name": "sluice",
        "version": version,
        "commit": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        "built_from": "commit",
        "python_requires": ">=3.11",
        "lanes": {
            "spark-4.1": {
                "runs_on": ["Glue 6.0"],
                "python": "3.13",
                "wheelhouse": f"{lane}/wheels.gluewheels.zip",
                "wheels": [path for path in contents if "/wheels/" in path],
                "environment": f"{lane}/environment.tar.gz",
            }
        },
        "files": [
            {"path": path, "sha256": hashlib.sha256(contents[path]).hexdigest(), "bytes": len(contents[path])}
            for path in sorted(contents)
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
