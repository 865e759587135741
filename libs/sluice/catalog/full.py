"""All objects of a dataset read: the same reading as for a sample, in Spark's tasks where it is much."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sluice.catalog.datasets import Dataset
from sluice.catalog.findings import CsvDialect
from sluice.catalog.objects import look_into
from sluice.catalog.partial import Limits, Partial, join
from sluice.raw.listing import task_groups
from sluice.raw.source import SourceObject
from sluice.runtime.storage import StoredObject

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Below this a session takes longer to start than the reading.
WORTH_SPARK_BYTES = 32 << 20
_TASK_BYTES = 64 << 20
_MERGED_AT_ONCE = 16


def read_all(one: Dataset, spark: Callable[[], SparkSession] | None) -> Partial:
    """What all objects of the dataset's format hold; of others no more than their format."""
    sources = [stored for lot in one.lots for stored in lot.all or ()]
    if spark is None or sum(stored.size_bytes for stored in sources) < WORTH_SPARK_BYTES:
        return look_into(sources, Limits(), one.format, one.partial.dialect)
    context = spark().sparkContext
    plain = [SourceObject(stored.uri, stored.size_bytes, stored.etag, stored.modified_at) for stored in sources]
    groups = task_groups(plain, context.defaultParallelism, _TASK_BYTES)
    look = looking_for(one.format, one.partial.dialect)
    depth = 1 if len(groups) <= _MERGED_AT_ONCE else 2
    partial: Partial = context.parallelize(groups, len(groups)).map(look).treeReduce(join, depth)
    return partial


def looking_for(format_: str, dialect: CsvDialect | None) -> Callable[[list[SourceObject]], Partial]:
    """The function of a task: source objects, whose paths are URIs -> what is in them."""

    def look(group: list[SourceObject]) -> Partial:
        stored = (StoredObject(one.path, one.size_bytes, one.etag or "", one.modified_at) for one in group)
        return look_into(stored, Limits(), format_, dialect)

    return look
