"""What each job's script does to storage and catalog, as far as a role has to allow it.

A new script of jobs/ needs an entry in `SCRIPTS`; `scripts/policies` refuses a job whose script has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sluice.contract.problems import did_you_mean
from sluice.deploy.environments import Environment
from sluice.errors import UsageError
from sluice.runtime.storage import join

Place = tuple[str, str]
"""(a folder's URI, a pattern of objects below it)."""


@dataclass(frozen=True)
class Script:
    """Folders of a lake; `{}` stands for the dataset, `<>` for the analysis, or for all where a job names none.

    `listed` is seen by name alone, `read` is listed and read, `written` is both and written; `deleted` are patterns.
    `everything` takes the place of `read` where the job names no dataset.
    """

    listed: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()
    registers: bool = False


_ZONES = ("curated", "quarantine", "_sluice", "analytics")
_TABLES = ("curated/{}", "quarantine/{}", "_sluice/{}/checks", "analytics/<>", "_sluice/<>/checks")
_LOGS = tuple(f"{table}/_delta_log" for table in _TABLES)
_COPIES = ("parquet/{}", "parquet/{}_quarantine", "parquet/{}_checks", "parquet/<>", "parquet/<>_checks")
_OWN = ("_sluice/{}", "docs/{}", "quarantine/{}")
_LEASES = ("_sluice/{}/lease/*", "quarantine/{}/batch=*")

SCRIPTS: Mapping[str, Script] = {
    "analyze": Script(
        read=("curated/{}",),
        written=("analytics/<>", "_sluice/<>", "docs/<>"),
        deleted=("analytics/<>/batch=*", "_sluice/<>/lease/*"),
    ),
    # Deleted are staged files of attempts that no commit names, and leases; no log, no ledger, nothing in raw.
    "curate": Script(read=("raw/{}",), written=("curated/{}", *_OWN), deleted=("curated/{}/batch=*", *_LEASES)),
    "crawl": Script(read=("raw/{}",), everything=("raw",)),
    "export": Script(listed=_ZONES, read=_TABLES, written=_COPIES, deleted=tuple(f"{copy}/*" for copy in _COPIES)),
    "query": Script(listed=_ZONES, read=_TABLES),
    "register": Script(listed=_ZONES, read=(*_LOGS, "raw/{}"), registers=True),
}
# Arguments of a job that name a place of their own.
_READ_FOLDERS, _WRITTEN_FOLDERS, _WRITTEN_OBJECTS = ("location",), ("to",), ("report",)


@dataclass(frozen=True)
class Access:
    """The same as places: `listed` are folders' URIs."""

    listed: frozenset[str] = frozenset()
    read: frozenset[Place] = frozenset()
    written: frozenset[Place] = frozenset()
    deleted: frozenset[Place] = frozenset()
    registers: bool = False


def access(environment: Environment, name: str) -> Access:
    """What the job `name` does. Raises UsageError where nobody has said what its script does."""
    job = environment.jobs[name]
    script = SCRIPTS.get(job.script)
    if script is None:
        known = ", ".join(SCRIPTS)
        raise UsageError(
            f"jobs.{name}: no permissions are known for the script {job.script}, but for {known}"
            f"{did_you_mean(job.script, SCRIPTS)}; correct it, or say in libs/sluice/deploy/access.py what it does"
        )
    datasets = (job.dataset,) if job.dataset else environment.datasets
    analysis = job.arguments.get("analysis")
    places = _Places(environment, datasets, (analysis,) if analysis else environment.analyses)
    read = script.read if job.dataset or not script.everything else script.everything
    given = {key: value.rstrip("/") for key, value in job.arguments.items() if value.startswith("s3://")}
    if "location" in given:
        read = ()
    named = {each: [(given[key], "*") for key in each if key in given] for each in (_READ_FOLDERS, _WRITTEN_FOLDERS)}
    reads = {*places.below(read), *named[_READ_FOLDERS]}
    writes = {*places.below(script.written), *named[_WRITTEN_FOLDERS]}
    return Access(
        frozenset({*places.folders(script.listed), *(uri for uri, _ in (*reads, *writes))}),
        frozenset(reads),
        frozenset(writes | {_parent(given[key]) for key in _WRITTEN_OBJECTS if key in given}),
        frozenset({*places.objects(script.deleted), *named[_WRITTEN_FOLDERS]}),
        script.registers,
    )


def together(each: Iterable[Access]) -> Access:
    """What one role needs that several jobs have; what another place holds already is not said twice."""
    all_ = tuple(each)
    written = _widest({place for one in all_ for place in one.written})
    read = _widest({place for one in all_ for place in one.read} | written) - written
    listed = _widest({(uri, "*") for one in all_ for uri in one.listed})
    deleted = _widest({place for one in all_ for place in one.deleted})
    return Access(frozenset(uri for uri, _ in listed), read, written, deleted, any(one.registers for one in all_))


def _widest(places: Iterable[Place]) -> frozenset[Place]:
    """`places` without those that lie below another, whole one."""
    all_ = frozenset(places)
    whole = {uri for uri, pattern in all_ if pattern == "*"}
    return frozenset(
        (uri, pattern)
        for uri, pattern in all_
        if not any(f"{uri}/{pattern}".startswith(f"{other}/") and (uri, pattern) != (other, "*") for other in whole)
    )


@dataclass(frozen=True)
class _Places:
    environment: Environment
    datasets: tuple[str, ...]
    analyses: tuple[str, ...]

    def folders(self, patterns: Iterable[str]) -> list[str]:
        return [join(*self._root(each)).rstrip("/") for pattern in patterns for each in self._filled(pattern)]

    def below(self, patterns: Iterable[str]) -> list[Place]:
        return [(folder, "*") for folder in self.folders(patterns)]

    def objects(self, patterns: Iterable[str]) -> list[Place]:
        return [self._root(each) for pattern in patterns for each in self._filled(pattern)]

    def _filled(self, pattern: str) -> list[str]:
        for sign, names in (("{}", self.datasets), ("<>", self.analyses)):
            if sign in pattern:
                return [pattern.replace(sign, name) for name in names]
        return [pattern]

    def _root(self, path: str) -> Place:
        """(where it lies, the path below that): quarantine may lie apart from the lake."""
        zone, _, rest = path.partition("/")
        if zone == "quarantine" and self.environment.quarantine:
            return self.environment.quarantine, rest
        return self.environment.lake, path


def _parent(uri: str) -> Place:
    folder, _, name = uri.rpartition("/")
    return folder, name
