"""One deployment: what is there, what would change, and making it so under a lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sluice.deploy import clusters, jobs, lambda_functions, templates
from sluice.deploy.calls import code
from sluice.deploy.deployable import Deployable, deployed, read_manifest, release_uri, versions
from sluice.deploy.environments import Environment, Target
from sluice.deploy.plan import Item, Plan
from sluice.deploy.pointer import locked, place
from sluice.deploy.release import MANIFEST, read_release
from sluice.deploy.sections import Emr
from sluice.errors import SluiceError, UsageError
from sluice.runtime.aws import client, ours
from sluice.runtime.s3 import split
from sluice.runtime.storage import join, storage_for

Upload = Callable[[Path, str], object]
"""Brings a release's folder to a prefix, its manifest last; refuses where the prefix holds other bytes."""


@dataclass(frozen=True)
class Source:
    """The release to deploy; `folder` where it may have to be uploaded."""

    release: Deployable
    folder: Path | None
    uploaded: bool


def uploaded_release(environment: Environment, version: str) -> Source:
    """An earlier release; UsageError, naming those that are there, where it is not among them."""
    known = versions(environment.artifacts)
    if version not in known:
        there = ", ".join(known[-8:]) or "none"
        raise UsageError(f"release {version}: is not at {environment.artifacts}; there are: {there}")
    return Source(deployed(environment.artifacts, version), None, True)


def built_release(environment: Environment, folder: Path) -> Source:
    """A release as scripts/build made it; UsageError where it is not, or another one of its version is there."""
    read_release(folder).verify()
    manifest = read_manifest(str(folder))
    uri = release_uri(environment.artifacts, manifest.version)
    if storage_for(uri).head(join(uri, MANIFEST)) is None:  # the manifest comes last, so without it nothing is there
        return Source(Deployable(uri, manifest), folder, False)
    there = deployed(environment.artifacts, manifest.version)
    if there.manifest != manifest:
        raise UsageError(
            f"{uri}: holds another release {manifest.version} (commit {there.manifest.commit[:12]}, "
            f"not {manifest.commit[:12]}); releases are never replaced: raise the version and build anew"
        )
    return Source(there, folder, True)


def check_bucket(uri: str, region: str) -> None:
    """UsageError where the bucket is missing or in another region: a job there could not or not cheaply read it."""
    bucket, _ = split(uri)
    try:
        answer = client("s3").head_bucket(Bucket=bucket)
        found = answer.get("BucketRegion")
    except Exception as error:
        headers = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPHeaders", {})
        found = headers.get("x-amz-bucket-region")
        if code(error) in ("404", "NoSuchBucket"):
            raise UsageError(
                f"bucket {bucket}: expected a bucket, found none; create it, or correct the name"
            ) from error
        if not found:
            raise ours(error, f"bucket {bucket}") from error
        # Who may list some prefixes only, as the deployer, is refused here and told the region all the same.
    if found and found != region:
        raise UsageError(
            f"bucket {bucket}: is in {found}, and the environment in {region}; choose a bucket in {region}, "
            "or change the environment's region"
        )


def make_plan(environment: Environment, source: Source, target: Target) -> tuple[Plan, str | None]:
    """The plan, and the pointer's ETag where the target has a pointer. Writes nothing."""
    release, etag, items, notes = source.release, None, list[Item](), list[str]()
    environment.section(target)
    if target == "glue":
        items = jobs.planned(environment, release)
    elif target == "delivery":
        items = lambda_functions.planned(environment, release)
    else:
        if target == "emr":
            notes += _cluster_notes(environment)
        else:
            items.append(clusters.planned(environment))
        templated, etag = templates.planned(environment, release, target)
        items.append(templated)
    files = release.manifest.files
    upload = None if source.uploaded else (len(files) + 1, sum(each.size_bytes for each in files))
    return Plan(target, environment.name, release.version, tuple(items), upload, tuple(notes)), etag


def apply(environment: Environment, source: Source, target: Target, shown: Plan, upload: Upload) -> None:
    """Make it so: the release whole first, then what names it. SluiceError where the plan is not true any more."""
    with locked(place(environment.artifacts, environment.name, target)):
        if not source.uploaded:
            assert source.folder is not None
            upload(source.folder, source.release.uri)
        release = deployed(environment.artifacts, source.release.version)
        if release.manifest != source.release.manifest:
            raise SluiceError(f"{release.uri}: is not the release that was planned; run again")
        now, etag = make_plan(environment, Source(release, source.folder, source.uploaded), target)
        if now.items != shown.items:
            raise SluiceError("somebody else deployed since the plan was made; run again, it shows a new plan")
        if target == "glue":
            jobs.apply(environment, release, list(now.items))
            return
        if target == "delivery":
            lambda_functions.apply(environment, release, list(now.items))
            return
        if target == "emr-serverless":
            clusters.apply(environment, now.items[0])
        if now.items[-1].kind != "unchanged":
            templates.apply(environment, release, target, etag)


def _cluster_notes(environment: Environment) -> list[str]:
    emr = environment.section("emr")
    assert isinstance(emr, Emr)
    if emr.cluster is None:
        return ["no cluster is named (emr.cluster); give --cluster when a job is submitted"]
    clusters.check_cluster(environment, emr.cluster)
    return []
