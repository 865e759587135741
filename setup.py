"""The wheel of the library. What it needs at run time is a range here and a pin per lane in requirements/.

Contracts and suites live in schemas/ and expectations/, for people; the wheel carries them inside the package.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (ROOT / "libs/sluice/__init__.py").read_text(encoding="utf-8"), re.MULTILINE
)


class BuildWithData(build_py):
    """Copies the folders of data into the package while it is built, so that git holds them once."""

    def run(self) -> None:
        super().run()
        for folder, patterns in (("schemas", ("*.yaml", "*.sql")), ("expectations", ("*.json",))):
            target = Path(self.build_lib, "sluice", folder)
            shutil.rmtree(target, ignore_errors=True)  # build/ may hold what was deleted since
            for source in sorted(path for pattern in patterns for path in (ROOT / folder).rglob(pattern)):
                if ".draft." in source.name:  # what a crawl leaves beside a file that was edited
                    continue
                copy = target / source.relative_to(ROOT / folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


setup(
    name="sluice",
    version=VERSION[1] if VERSION else "0",
    description="Raw Firehose JSON to curated Delta tables, exactly once, on a laptop, AWS Glue and EMR",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    package_dir={"": "libs"},
    packages=find_packages("libs"),
    package_data={"sluice": ["py.typed"], "sluice.quality.page": ["templates/*.html.j2"], "sluice.enrich": ["data/*"]},
    cmdclass={"build_py": BuildWithData},
    python_requires=">=3.11",
    # Neither Spark nor Delta for Spark: every runtime brings its own, and a second one beside it breaks it.
    install_requires=[
        "boto3>=1.40",
        "deltalake>=1.6.6,<1.7",  # the publish protocol leans on what this version does
        "isal>=1.7",
        "msgspec>=0.19",
        "numpy>=2.0",
        "open-data-contract-standard>=3.1,<4",
        "pyarrow>=22",
        "pydantic>=2.10",
        "pyyaml>=6",
        "rich>=14",
        "sqlglot>=27",
        "vadersentiment==3.3.2",  # what it gives is named with its version
    ],
    extras_require={
        "spark": ["pyspark>=3.5.6,<4.2", "delta-spark>=3.3.2,<5"],
        "query": ["duckdb>=2.0,<2.1"],  # not for clusters, where jobs/query.py asks Spark
        "quality": ["great-expectations>=1.24.1,<2", "jinja2>=3.1"],
    },
    classifiers=["Programming Language :: Python :: 3", "Programming Language :: Python :: 3.11", "Typing :: Typed"],
)
