"""Deployments that are killed at any call, or race: a job names one complete release, before, between and after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from control_planes import Glue
from environment_files import built, environment
from forks import Forks, forks
from glue_server import glue_server
from sluice.deploy import pointer, templates
from sluice.deploy.deployable import deployed
from sluice.deploy.environments import Environment
from sluice.runtime.storage import storage_for
from support.s3 import S3Server

pytestmark = pytest.mark.lane("spark-4.1")

JOB = "curate-app-messages"
NAME = f"sluice-dev-{JOB}"
KILLED = -9


@dataclass
class Account:
    """A bucket and a Glue behind ports, and processes that deploy there."""

    own: Environment
    glue: Glue
    forks: Forks
    folder: Path

    def words(self, target: str, version: str) -> list[str]:
        folder = self.folder / version
        if not folder.exists():
            built(folder, version)
        return ["--target", target, "--env", str(self.folder / "dev.yaml"), "--release", str(folder)]

    def named(self, target: str) -> str | None:
        """The one release that the job names, which is there whole; None where it names none."""
        of_emr = target == "emr"
        definition = templates.current(self.own, "emr")[0] if of_emr else self.glue.jobs.get(NAME)
        if definition is None:
            return None
        versions = set(re.findall(rf"{self.own.artifacts}/sluice/([^/]+)/", json.dumps(definition)))
        assert len(versions) == 1
        [version] = versions
        assert deployed(self.own.artifacts, version).version == version
        return str(version)

    def unlock(self, target: str) -> bool:
        """As the message says, where the killed one held the lock."""
        lock = f"{pointer.place(self.own.artifacts, 'dev', target)}/lock.json"  # type: ignore[arg-type]
        if storage_for(lock).head(lock) is None:
            return False
        storage_for(lock).delete(lock)
        return True


@pytest.fixture
def cloud(s3_lake: str, s3_service: S3Server, tmp_path: Path) -> Iterator[Account]:
    own = environment(artifacts=f"{s3_lake}/artifacts", lake=f"{s3_lake}/lake", region="us-east-1")
    (tmp_path / "dev.yaml").write_text(yaml.safe_dump(own.model_dump(by_alias=True)), encoding="utf-8")
    glue = Glue()
    with glue_server(glue) as endpoint, _processes(s3_service, endpoint) as running:
        yield Account(own, glue, running, tmp_path)


@contextmanager
def _processes(server: S3Server, glue: str) -> Iterator[Forks]:
    with forks({**server.environment(), "AWS_ENDPOINT_URL_GLUE": glue}) as running:
        yield running


@pytest.mark.parametrize("target", ["glue", "emr"])
def test_killed_at_any_call_a_deployment_leaves_a_job_that_names_one_complete_release(
    cloud: Account, target: str
) -> None:
    assert cloud.forks.run((cloud.words(target, "1.0.0"), None))[0][0] == 0
    was, seen = cloud.named(target), []
    # From the 10th to the 16th files are put, one like the other; what comes before the lock is the same for both.
    for call in (*range(1 if target == "glue" else 5, 11), *range(16, 100)):
        version = f"1.{call}.0"
        [(code, told)] = cloud.forks.run((cloud.words(target, version), call))
        now = cloud.named(target)
        if code == 0:
            break
        assert code == KILLED, told
        assert now in (was, version)
        seen.append((now == version, cloud.unlock(target)))
        was = now
    assert code == 0
    assert now == version
    # Some were killed before the job was pointed, with and without the lock, and some after.
    assert {(False, False), (False, True), (True, True)} <= set(seen)
    assert [pointed for pointed, _ in seen] == sorted(pointed for pointed, _ in seen)


def test_after_a_kill_the_next_deployment_says_who_held_the_lock_and_then_finishes(cloud: Account) -> None:
    words = cloud.words("glue", "1.0.0")
    assert cloud.forks.run((words, 12))[0][0] == KILLED
    assert cloud.named("glue") is None
    [(code, told)] = cloud.forks.run((words, None))
    assert code == 1
    assert re.search(
        r"another deployment is at work: \S+@\S+ since .* If it was killed, deploy again in 15 minutes", told
    )
    assert cloud.unlock("glue")
    assert cloud.forks.run((words, None))[0][0] == 0
    assert cloud.named("glue") == "1.0.0"


@pytest.mark.parametrize("target", ["glue", "emr"])
def test_of_deployments_at_once_one_is_done_and_the_others_are_told(cloud: Account, target: str) -> None:
    for turn in range(2):
        versions = [f"{turn + 1}.{each}.0" for each in range(3)]
        ends = cloud.forks.run(*((cloud.words(target, version), None) for version in versions))
        done = [version for version, (code, _) in zip(versions, ends, strict=True) if code == 0]
        assert cloud.named(target) in done
        for code, told in ends:
            assert code == 0 or (
                code == 1 and re.search(r"another deployment|somebody else|run again", told) and "Traceback" not in told
            ), told
        assert not cloud.unlock(target)
