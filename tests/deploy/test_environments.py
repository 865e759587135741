"""Environment files: what is not right is told, all at once, with its place, and without what may be a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from environment_files import ROOT, environment, file
from sluice.deploy.environments import load_environment, read_environment
from sluice.errors import ProblemsError, UsageError

pytestmark = pytest.mark.lane("spark-4.1")  # no Spark here, so one lane tells it all


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(ProblemsError) as error:
        read_environment(yaml.safe_dump(data), "e.yaml")
    assert str(error.value).startswith("e.yaml: ")
    return sorted(error.value.problems)


def changed(place: str, value: Any, name: str = "dev") -> dict[str, Any]:
    """The example with another value at `a.b.c`."""
    data = file(name)
    *folders, last = place.split(".")
    inner = data
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return data


@pytest.mark.parametrize("path", sorted((ROOT / "environments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_valid_and_named_as_its_file(path: Path) -> None:
    assert load_environment(path).name == path.stem


def test_the_arguments_of_a_job_are_those_of_the_file_and_where_the_lake_is() -> None:
    assert environment("prod").arguments("curate-app-messages") == {
        "lake": "s3://example-sluice-lake/prod",
        "dataset": "app_messages",
        "quarantine": "s3://example-sluice-quarantine/prod",
        "max-batch-bytes": "4g",
    }
    assert "quarantine" not in environment("dev").arguments("curate-app-messages")


def test_numbers_and_booleans_of_yaml_are_texts_where_texts_are_meant() -> None:
    found = read_environment(
        yaml.safe_dump(changed("jobs.curate-app-messages.arguments", {"dry-run": True, "max-batch-files": 7})), "e"
    )
    assert found.jobs["curate-app-messages"].arguments == {"dry-run": "true", "max-batch-files": "7"}
    assert read_environment(yaml.safe_dump(changed("glue.version", 5.1)), "e").glue.version == "5.1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("regoin", "x", "regoin: there is no such setting (did you mean `region`?)"),
        ("glue.workers.cuont", 2, "glue.workers.cuont: there is no such setting (did you mean `count`?)"),
        ("glue.version", "6.1", "glue.version: expected 5.1, 6.0, found '6.1' (did you mean `6.0`?)"),
        ("glue.workers.count", 1, "glue.workers.count: expected greater than or equal to 2, found 1"),
        (
            "lake",
            "s3://b/lake/",
            "lake: expected s3://bucket/prefix without a slash at its end, found 's3://b/lake/'",
        ),
        (
            "emr.release",
            "emr-latest",
            "emr.release: expected a release label such as emr-7.13.0 or emr-spark-8.1.0, found 'emr-latest'",
        ),
        (
            "jobs.curate-app-messages.arguments",
            {"lake": "s3://other/lake"},
            "jobs.curate-app-messages.arguments.lake: is set by the environment or the runtime; leave it out",
        ),
        (
            "lake",
            "s3://example-sluice-artifacts/dev/lake",
            "lake: expected a place apart from artifacts, s3://example-sluice-artifacts/dev, since roles differ",
        ),
        (
            "roles.reader",
            "arn:aws:iam::999999999999:role/r",
            "roles.reader: expected a role of account 111122223333, as roles.job",
        ),
        (
            "kms_key",
            "arn:aws:kms:us-east-1:111122223333:key/1234",
            "kms_key: expected a key in eu-west-1, the environment's region",
        ),
        ("tags.sluice", "mine", "tags.sluice: is not yours to set; leave it out"),
        (
            "glue.spark",
            {"spark.x": "a b"},
            "glue.spark.spark.x: expected a value without blanks and quotes, since it stands on a command line, "
            "found 'a b'",
        ),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_its_place_and_what_was_expected(place: str, value: Any, told: str) -> None:
    assert problems(changed(place, value)) == [told]


def test_all_problems_are_told_at_once() -> None:
    data = changed("glue.version", "4.0")
    del data["region"]
    data["emr"]["clutser"] = "j-1"
    assert [line.split(":")[0] for line in problems(data)] == ["emr.clutser", "glue.version", "region"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("jobs.curate-app-messages.arguments", {"db-password": "hunter2"}),
        ("jobs.curate-app-messages.arguments", {"source": "AKIAIOSFODNN7EXAMPLE"}),
        ("jobs.curate-app-messages.arguments", {"x": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}),
        ("glue.spark", {"spark.hadoop.fs.s3a.secret.key": "hunter2"}),
        ("tags", {"note": "https://me:hunter2@example.com"}),
        ("aws_secret_access_key", "hunter2"),
        ("region", "AKIAIOSFODNN7EXAMPLE"),
    ],
)
def test_what_looks_like_a_secret_is_refused_and_never_shown(place: str, value: Any) -> None:
    told = problems(changed(place, value))
    assert any("looks like a secret" in line for line in told)
    secrets = list(value.values()) if isinstance(value, dict) else [value]
    assert not any(secret in line for secret in secrets for line in told)
    assert not any("hunter2" in line for line in told)


def test_no_example_value_is_taken_for_a_secret_by_mistake() -> None:
    data = changed("kms_key", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
    data["emr"]["cluster"] = "j-2AXXXXXXGAPLF"
    assert read_environment(yaml.safe_dump(data), "e").emr.cluster == "j-2AXXXXXXGAPLF"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: expected an environment (form, name, region, ...), found no mapping"),
        ("name: [", "line 1, column 8: not YAML: expected the node content, but found '<stream end>'"),
        ("name: a\nname: b\n", "line 2, column 1: not YAML: key `name` is there twice"),
    ],
)
def test_a_file_that_is_no_environment_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ProblemsError) as error:
        read_environment(text, "e.yaml")
    assert error.value.problems == (told,)


def test_a_misspelt_file_name_is_answered_with_the_file_there_is() -> None:
    with pytest.raises(UsageError, match=r"found none \(did you mean `prod.yaml`\?\)"):
        load_environment(ROOT / "environments" / "prd.yaml")


def test_an_environment_without_a_target_deploys_nothing() -> None:
    data = {key: value for key, value in file().items() if key not in ("glue", "emr", "emr-serverless")}
    assert problems(data) == ["line 1: expected a section `glue:`, `emr:` or `emr-serverless:`, found none"]
    with pytest.raises(UsageError, match="has no section `emr:`"):
        environment("prod").section("emr")
