"""Lakes for the tests of analyses: a small source table, written as anybody may write one, and what to expect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lakes import quiet
from sluice.analytics.analyze import Asked, analyze, places_of
from sluice.analytics.definition import Analysis, load_analysis
from sluice.lake.commit import open_table
from sluice.lake.places import Places
from sluice.pipeline.options import Options
from sluice.runtime.job import Run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2017, 11, 26, 23, 59, 30, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        *[("event_time", pa.timestamp("us", "UTC")), ("event_date", pa.date32()), ("name", pa.string())],
        *[("message", pa.string()), ("country", pa.string()), ("latitude", pa.float64()), ("longitude", pa.float64())],
        *[("sentiment", pa.string()), ("sentiment_value", pa.float64()), ("channel", pa.string())],
        *[("_record_hash", pa.binary()), ("_rescued", pa.string())],
    ]
)
Message = tuple[float, int]
"""Seconds after `START`, and a number that decides everything else."""


def message(at: float, number: int) -> dict[str, Any]:
    """One curated message; `number` decides country, channel and sentiment."""
    instant = START + timedelta(seconds=at)
    value = round(((number * 37) % 21 - 10) / 10 + number / 1e7, 7)
    word = "positive" if value > 0 else "negative" if value < 0 else "neutral"
    country = ("Chile", "Fiji", "Qatar")[number % 3]
    return {
        "event_time": instant, "event_date": instant.date(), "name": f"n{number}", "message": "m", "country": country,
        "latitude": float(number % 3), "longitude": 1.5, "sentiment": word, "sentiment_value": value,
        "channel": f"c{number % 13}", "_record_hash": number.to_bytes(16, "big"), "_rescued": None,
    }  # fmt: skip


def source_of(lake: str) -> str:
    return Places(lake, "app_messages").curated


def rows(messages: Iterable[Message]) -> pa.Table:
    return pa.Table.from_pylist([message(*one) for one in messages], schema=SCHEMA)


def arrive(lake: str, messages: Iterable[Message]) -> None:
    """Append messages to the source, in one commit."""
    write_deltalake(source_of(lake), rows(messages), mode="append", partition_by=["event_date"])


def go(lake: str, predicate: str) -> None:
    """Take rows out of the source, as a newer version of theirs would: files written again without them."""
    DeltaTable(source_of(lake)).delete(predicate)


def optimize(uri: str) -> None:
    """Put all rows of each partition in one file."""
    DeltaTable(uri).optimize.compact()


def analysis(name: str = "sentiment_by_country", folder: str | None = None) -> Analysis:
    return load_analysis(name, "app_messages", None, folder)


def run_of(spark: SparkSession) -> Run:
    run = Run("analyze", quiet())
    run.__dict__["spark"] = spark
    return run


def analyzed(
    spark: SparkSession, lake: str, of: Analysis | None = None, full: bool = False, **options: Any
) -> Mapping[str, Any]:
    """One run; its summary."""
    asked = Asked(Options(**{"lease_seconds": 30.0, **options}), full)
    return analyze(run_of(spark), lake, of or analysis(), asked)


def table_of(lake: str, name: str = "sentiment_by_country") -> str:
    return places_of(lake, name).curated


def found(lake: str, name: str = "sentiment_by_country") -> list[dict[str, Any]]:
    """All rows of an analysis, as delta-rs reads them, sorted."""
    table = open_table(table_of(lake, name))
    return [] if table is None else sorted(table.to_pyarrow_table().to_pylist(), key=repr)


def expected(messages: Sequence[Message], size: int = 30, slide: int = 5) -> list[dict[str, Any]]:
    """`sentiment_by_country` in plain Python: the definition, without Spark."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for one in (message(*given) for given in messages):
        at = one["event_time"].timestamp()
        first = int((at - size) // slide) + 1
        for number in range(first, int(at // slide) + 1):
            groups.setdefault((number * slide, one["country"]), []).append(one)
    made = []
    for (start, country), ones in groups.items():
        begins = datetime.fromtimestamp(start, UTC)
        counts = {word: sum(one["sentiment"] == word for one in ones) for word in ("positive", "neutral", "negative")}
        mean = sum(round(one["sentiment_value"] * 1e12) for one in ones) / 1e12 / len(ones)
        made.append(
            {
                "window_start": begins, "window_end": begins + timedelta(seconds=size), "window_date": begins.date(),
                "country": country, "latitude": min(one["latitude"] for one in ones),
                "longitude": min(one["longitude"] for one in ones), **counts, "total": len(ones),
                "mean_sentiment": mean,
            }
        )  # fmt: skip
    return sorted(made, key=repr)


def definitions(folder: Path, **changes: str) -> str:
    """A copy of the analysis' files in `folder`; `changes` are texts by file name, `sql` and `yaml`."""
    root = Path(__file__).parents[2]
    for name in ("app_messages", "sentiment_by_country", "channels_by_hour"):
        target = folder / "schemas" / name
        target.mkdir(parents=True, exist_ok=True)
        for file in (root / "schemas" / name).iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    (folder / "expectations").mkdir(exist_ok=True)
    for kind, text in changes.items():
        (folder / "schemas" / "sentiment_by_country" / f"v1.{kind}").write_text(text, encoding="utf-8")
    return str(folder)


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
