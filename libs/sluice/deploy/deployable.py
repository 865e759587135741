"""A release as deploying sees it: where its files are or will be, and that they are all there."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

from sluice.contract.problems import did_you_mean
from sluice.deploy.release import MANIFEST, Function, Lane, Manifest, decoded
from sluice.errors import SourceMissing, StorageError, UsageError
from sluice.runtime.storage import join, storage_for

_RANGE = re.compile(r"(.+-)(\d+)\.(\d+) to (\d+)\.(\d+)")


class Deployable(msgspec.Struct, frozen=True):
    """A release at `uri`, where it will be or is."""

    uri: str
    manifest: Manifest

    @property
    def version(self) -> str:
        return self.manifest.version

    def at(self, path: str) -> str:
        """The URI of one of its files; UsageError where it has no such file."""
        paths = [each.path for each in self.manifest.files]
        if path not in paths:
            raise UsageError(
                f"release {self.version}: expected the file {path}, found none{did_you_mean(path, paths)}; "
                "mend the environment file, or build the release anew"
            )
        return join(self.uri, path)

    def script(self, name: str) -> str:
        """The URI of jobs/<name>.py."""
        return self.at(f"jobs/{name}.py")

    @property
    def wheel(self) -> str:
        """The URI of the library's own wheel."""
        return self.at(self.manifest.wheel)

    @property
    def function(self) -> Function:
        """The delivery stream's function; UsageError where the release has none."""
        if self.manifest.delivery is None:
            raise UsageError(f"release {self.version}: has no function for delivery streams; build it anew, all lanes")
        return self.manifest.delivery

    def lane_for(self, runtime: str) -> Lane:
        """The lane that runs on `runtime`, such as `Glue 6.0` or `emr-7.13.0`; UsageError where none does."""
        for lane in self.manifest.lanes.values():
            if any(_covers(said, runtime) for said in lane.runs_on):
                return lane
        known = ", ".join(said for lane in self.manifest.lanes.values() for said in lane.runs_on)
        raise UsageError(f"release {self.version}: runs on {known}, and not on {runtime}; choose one of these")

    def environment_of(self, runtime: str) -> str:
        """The URI of the archive with Python and all dependencies for `runtime`; UsageError where there is none."""
        path = self.lane_for(runtime).environment
        if path is None:
            raise UsageError(
                f"release {self.version}: has no environment archive for {runtime}, which cannot install wheels; "
                "build the release where one can be built (scripts/build --help)"
            )
        return self.at(path)


def release_uri(artifacts: str, version: str) -> str:
    """Where the release `version` lies below the artifacts' prefix."""
    return join(artifacts, "sluice", version)


def deployed(artifacts: str, version: str) -> Deployable:
    """The uploaded release `version`. Raises UsageError where there is none, or where it is not complete."""
    uri = release_uri(artifacts, version)
    found = Deployable(uri, read_manifest(uri))
    if found.version != version:
        raise UsageError(f"{uri}/{MANIFEST}: expected release {version}, found {found.version}; upload it anew")
    sizes = {each.uri.removeprefix(uri + "/"): each.size_bytes for each in storage_for(uri).list(uri)}
    wrong = [each.path for each in found.manifest.files if sizes.get(each.path) != each.size_bytes]
    if wrong:
        named = ", ".join(wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        raise UsageError(
            f"{uri}: is not complete: {len(wrong)} of {len(found.manifest.files)} files are missing or of another size "
            f"({named}); upload it again"
        )
    return found


def versions(artifacts: str) -> list[str]:
    """The releases whose manifest is there, in the order of their names."""
    root = join(artifacts, "sluice")
    return sorted(
        PurePosixPath(each.uri).parent.name
        for each in storage_for(root).list(root)
        if re.fullmatch(re.escape(root) + r"/[^/]+/" + re.escape(MANIFEST), each.uri)
    )


def read_manifest(uri: str) -> Manifest:
    """The manifest of the release at `uri`, a folder or s3://...; UsageError where it is missing or no manifest."""
    place = join(uri, MANIFEST)
    try:
        data = storage_for(place).read(place)
    except SourceMissing as error:
        raise UsageError(
            f"{uri}: expected a release, found no {MANIFEST}; upload it first, or choose another"
        ) from error
    except FileNotFoundError as error:
        raise StorageError(f"{place}: cannot be read") from error
    return decoded(data, place)


def _covers(said: str, runtime: str) -> bool:
    """`emr-7.12 to 7.14` covers `emr-7.13.0`; `emr-spark-8.1.0` and `Glue 6.0` cover themselves."""
    if said == runtime:
        return True
    found, asked = _RANGE.fullmatch(said), re.fullmatch(r"(.+-)(\d+)\.(\d+)\.\d+", runtime)
    if not found or not asked or found[1] != asked[1]:
        return False
    first, last = (int(found[2]), int(found[3])), (int(found[4]), int(found[5]))
    return first <= (int(asked[2]), int(asked[3])) <= last
