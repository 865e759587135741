"""A location -> what is there: datasets with their formats, partitions, counts and fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluice.catalog.datasets import Dataset, by_folder, name_all
from sluice.catalog.delta_table import look_at_table
from sluice.catalog.discover import Landscape, Lot, split, survey
from sluice.catalog.findings import Found
from sluice.catalog.full import read_all
from sluice.catalog.globs import matcher
from sluice.catalog.likely import likely_keys, likely_times, take_names_for_data
from sluice.catalog.objects import look_into
from sluice.catalog.partial import READ, Limits, Partial, join
from sluice.catalog.remarks import athena, problems
from sluice.errors import LocationError, SourceMissing, StorageDenied
from sluice.runtime.aws import AT_ONCE
from sluice.runtime.storage import StoredObject, is_s3, normal_uri, storage_for
from sluice.runtime.storage import join as join_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# So many loose objects in one folder are looked at one by one, since each may be a dataset of its own.
_LOOSE = 20
# Records of one object at most, so that a sample is of several; objects that give no record, before a lot is given up.
_RECORDS_OF_ONE, _FRUITLESS = 500, 20


@dataclass(frozen=True)
class Options:
    """`sample` is records a dataset, `sample_bytes` the most of one object (without compression); `full` reads all.

    `exclude` are globs below the location, `types` formats to tell of (all, where empty). `seed` chooses the objects.
    `lake` takes each folder of the location for one dataset per format, as a lake's raw/ has them.
    """

    sample: int = 10_000
    sample_bytes: int = 4 << 20
    seed: int = 0
    full: bool = False
    exclude: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    lake: bool = False


def crawl(
    location: str,
    options: Options | None = None,
    spark: Callable[[], SparkSession] | None = None,
    tell: Callable[[str, str], None] = lambda _step, _detail: None,
) -> list[Found]:
    """The datasets at `location` (a folder, a prefix, or one object), by name; objects that are not read are named.

    `spark` is asked for a session only where all is to be read and is much; `tell` hears of each step. LocationError
    where nothing is there, it may not be looked at, or there is nothing but what cannot be read.
    """
    options = options or Options()
    base = normal_uri(location)
    tell("listing", base)
    landscape = _landscape(base, options)
    tell("sampling", f"{landscape.objects} objects listed")
    lots = [part for lot in landscape.lots for part in split(lot, _LOOSE)]
    sampled = [(lot, partial) for lot, partial in _sampled(lots, options, base) if partial.format != "empty"]
    datasets = by_folder(sampled, top_only=options.lake)
    for table in landscape.deltas:
        datasets.append(Dataset(table, [], Partial(), "delta"))
    name_all(datasets, base, by_folders=options.lake)
    if options.lake:
        _tell_of_moves(datasets)
    datasets = [one for one in datasets if not options.types or one.format in options.types]
    if options.full:
        tell("reading all", f"{sum(one.objects for one in datasets)} objects")
        for one in datasets:
            if one.format in ("json", "csv", "parquet"):
                one.partial = read_all(one, spark)
    shared = Counter(one.folder for one in datasets)
    found = [_found(one, base, landscape, options, shared[one.folder] > 1) for one in datasets]
    _refuse_nothing(found, base, landscape, options)
    return sorted(found, key=lambda one: (one.format not in READ, one.name))


def _landscape(base: str, options: Options) -> Landscape:
    excluded = matcher(options.exclude)
    try:
        single = storage_for(base).head(base) if not base.endswith("/") else None
        folder = base.rsplit("/", 1)[0] if single is not None else base
        listing: Iterator[StoredObject] = iter([single]) if single is not None else storage_for(base).list(base)
        return survey(listing, folder, excluded, options.seed, keep_all=options.full)
    except (StorageDenied, SourceMissing, OSError) as error:
        raise LocationError(f"{base}: expected a location that can be listed; {error}") from error


def _sampled(lots: Sequence[Lot], options: Options, base: str) -> list[tuple[Lot, Partial]]:
    """A sample of each lot; in S3, where reading a little is mostly waiting, of several at once."""
    if not is_s3(base):
        return [(lot, _sample(lot, options)) for lot in lots]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(zip(lots, threads.map(lambda lot: _sample(lot, options), lots), strict=True))


def _sample(lot: Lot, options: Options) -> Partial:
    """What some objects of a lot hold, up to the number of records asked for; objects that are not read are told."""
    chosen = lot.sample()
    share = max(_RECORDS_OF_ONE, -(-options.sample // len(chosen)))
    partial = Partial()
    for source in chosen:
        left = options.sample - partial.records
        if left <= 0 or (not partial.records and sum(partial.formats.values()) >= _FRUITLESS):
            break
        limits = Limits(min(share, left), options.sample_bytes)
        dialect = partial.dialect
        try:
            partial = join(partial, look_into([source], limits, dialect=dialect))
        except StorageDenied as error:
            raise LocationError(f"{error}; leave it out with --exclude, or grant the permission") from error
    return partial


def _tell_of_moves(datasets: Sequence[Dataset]) -> None:
    """In a lake a folder is a dataset: what cannot go by its folder's name has to be moved before it is curated."""
    for one in datasets:
        if one.format in READ and one.folder != (one.name,):
            lies = f"lies in the folder {'/'.join(one.folder)!r}" if one.folder else "lies in no folder of its own"
            one.beside.append(f"{lies}: to curate it, move it to raw/{one.name}/")


def _found(one: Dataset, base: str, landscape: Landscape, options: Options, shared: bool) -> Found:
    """The finding; `shared` tells whether another dataset lies in the same folder."""
    location = join_uri(base, *one.folder) if one.folder else base
    if one.format == "delta":
        found = look_at_table(location, one.name)
        found.hidden, found.left_out = landscape.hidden[one.folder], landscape.left_out[one.folder]
        return found
    partial = one.partial
    found = Found(one.name, location, one.format)
    if shared and one.objects == 1 and not one.lots[0].keys:
        found.location = one.lots[0].sample()[0].uri
    found.layouts, found.compressions = partial.layouts, partial.compressions
    _count(found, one, landscape)
    found.sampled_objects, found.sampled_bytes = partial.objects, partial.bytes
    found.records, found.damaged, found.csv = partial.records, partial.damaged, partial.dialect
    found.full = options.full or (partial.objects >= found.objects and not partial.cut)
    found.root = partial.root
    take_names_for_data(found.root)
    found.keys = likely_keys(found.root, found.records)
    found.times = likely_times(found.root, found.records)
    found.athena = athena(found, partial)
    found.problems = [*one.beside, *problems(found, partial)]
    return found


def _count(found: Found, one: Dataset, landscape: Landscape) -> None:
    largest = max(one.lots, key=lambda lot: lot.objects)
    found.partition_keys = largest.partition_keys()
    if any(lot.keys != largest.keys for lot in one.lots):
        found.problems.append("not all objects lie below the same levels of folders")
    found.objects, found.bytes = one.objects, sum(lot.bytes for lot in one.lots)
    arrivals = [lot.arrivals() for lot in one.lots]
    found.first_arrival_at = min((first for first, _ in arrivals if first is not None), default=None)
    found.last_arrival_at = max((last for _, last in arrivals if last is not None), default=None)
    found.hidden, found.left_out = (
        sum(count for folder, count in counted.items() if folder[: len(one.folder)] == one.folder)
        for counted in (landscape.hidden, landscape.left_out)
    )


def _refuse_nothing(found: Sequence[Found], base: str, landscape: Landscape, options: Options) -> None:
    """LocationError where there is nothing to tell of."""
    hidden, left_out = sum(landscape.hidden.values()), sum(landscape.left_out.values())
    if any(one.format in READ for one in found):
        return
    if not landscape.objects:
        raise LocationError(f"{base}: expected objects, found none; is --location right?")
    kinds = sorted({one.format for one in found})
    if options.types and not found:
        raise LocationError(f"{base}: no dataset of {', '.join(options.types)} among {landscape.objects} objects")
    if kinds:
        told = ", ".join(f"{sum(one.objects for one in found if one.format == kind)} {kind}" for kind in kinds)
        raise LocationError(f"{base}: expected JSON, CSV, Parquet or Delta, found {told} alone")
    raise LocationError(
        f"{base}: expected data, found {landscape.objects} objects that are empty, hidden ({hidden}) or left out "
        f"({left_out})"
    )
