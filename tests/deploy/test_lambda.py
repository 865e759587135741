"""The delivery stream's function is deployed as jobs are: planned, compared, made so, and nobody else's is touched."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from control_planes import AwsError, Service
from environment_files import environment, release
from sluice.deploy import lambda_functions, lambda_requests
from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import Environment
from sluice.deploy.policies import policies
from sluice.deploy.release import Function, ReleaseFile
from sluice.errors import ProblemsError, SluiceError, UsageError
from test_definitions import refused

pytestmark = pytest.mark.lane("spark-4.1")

ROLE = "arn:aws:iam::111122223333:role/sluice-dev-delivery"
SECTION = {"role": ROLE, "functions": {"app-messages": {"dataset": "app_messages"}}}
NAME, OTHER_ZIP = "sluice-dev-app-messages", "b" * 64


class Lambda(Service):
    """`functions` by name, as GetFunction tells them; each change takes one more look to take hold."""

    name = "lambda"

    def __init__(self) -> None:
        super().__init__()
        self.functions: dict[str, dict[str, Any]] = {}
        self.zips: dict[str, str] = {}

    def get_function(self, FunctionName: str) -> Any:
        if FunctionName not in self.functions:
            raise AwsError("ResourceNotFoundException", status=404)
        found = self.functions[FunctionName]
        told = {"Configuration": dict(found["Configuration"]), "Tags": dict(found["Tags"])}
        found["Configuration"] |= {"State": "Active", "LastUpdateStatus": "Successful"}
        return told

    def create_function(self, FunctionName: str, Code: dict[str, str], Tags: dict[str, str], **own: Any) -> Any:
        configuration = {**own, "CodeSha256": self.zips[Code["S3Key"]], "State": "Pending"}
        self.functions[FunctionName] = {"Configuration": configuration, "Tags": Tags}
        return {"FunctionName": FunctionName}

    def update_function_configuration(self, FunctionName: str, **own: Any) -> Any:
        self._change(FunctionName, own)

    def update_function_code(self, FunctionName: str, S3Bucket: str, S3Key: str, Architectures: list[str]) -> Any:
        self._change(FunctionName, {"CodeSha256": self.zips[S3Key], "Architectures": Architectures})

    def tag_resource(self, Resource: str, Tags: dict[str, str]) -> None:
        self.functions[Resource.rpartition(":")[2]]["Tags"].update(Tags)

    def _change(self, name: str, own: dict[str, Any]) -> None:
        found = self.functions[name]["Configuration"]
        if found.get("LastUpdateStatus") == "InProgress":
            raise AwsError("ResourceConflictException", status=409)
        found |= {**own, "LastUpdateStatus": "InProgress"}


def with_function(own: Environment, digest: str = "a" * 64) -> Deployable:
    base = release(own)
    made = Function("delivery/function.zip", "sluice.delivery.handler.handle", "3.13", "x86_64", ("app_messages",))
    files = (*base.manifest.files, ReleaseFile(made.zip, digest, 1))
    return Deployable(base.uri, msgspec.structs.replace(base.manifest, files=files, delivery=made))


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    found = Lambda()
    key = "dev/sluice/0.2.0/delivery/function.zip"
    found.zips[key] = lambda_requests.code_sha256(with_function(environment(delivery=SECTION)))
    monkeypatch.setattr(lambda_functions, "client", lambda service: found.client)
    monkeypatch.setattr(lambda_functions, "_WAITS_SECONDS", (0, 0, 0))
    return found


def deploy(own: Environment, made: Deployable) -> list[Any]:
    shown = lambda_functions.planned(own, made)
    lambda_functions.apply(own, made, shown)
    return shown


def test_the_requests_for_a_function_are_valid() -> None:
    own = environment(delivery=SECTION)
    made = with_function(own)
    assert refused("lambda", "CreateFunction", lambda_requests.create_function(own, made, "app-messages")) == ""
    request = lambda_requests.update_configuration(own, made, "app-messages")
    assert refused("lambda", "UpdateFunctionConfiguration", request) == ""
    assert refused("lambda", "UpdateFunctionCode", lambda_requests.update_code(own, made, "app-messages")) == ""


def test_a_function_is_of_the_release_and_for_its_dataset() -> None:
    own = environment(delivery=SECTION)
    request = lambda_requests.create_function(own, with_function(own), "app-messages")
    assert request["Code"] == {
        "S3Bucket": "example-sluice-artifacts", "S3Key": "dev/sluice/0.2.0/delivery/function.zip",
    }  # fmt: skip
    assert request["Environment"] == {"Variables": {"SLUICE_DATASET": "app_messages"}}
    assert (request["Timeout"], request["Runtime"], request["Role"]) == (60, "python3.13", ROLE)


def test_a_deployment_leaves_nothing_to_plan_and_the_next_changes_only_what_differs(plane: Lambda) -> None:
    own = environment(delivery=SECTION)
    made = with_function(own)
    assert [each.kind for each in deploy(own, made)] == ["create"]
    assert [each.kind for each in lambda_functions.planned(own, made)] == ["unchanged"]
    more = environment(
        delivery={**SECTION, "functions": {"app-messages": {"dataset": "app_messages", "memory_mb": 1024}}}
    )
    [shown] = deploy(more, made)
    assert [(each.place, each.old, each.new) for each in shown.changes] == [("MemorySize", "512", "1024")]
    assert plane.asked("UpdateFunctionCode") == []
    plane.zips["dev/sluice/0.2.0/delivery/function.zip"] = lambda_requests.code_sha256(with_function(own, OTHER_ZIP))
    [shown] = deploy(more, with_function(own, OTHER_ZIP))
    assert [each.place for each in shown.changes] == ["CodeSha256"]
    assert len(plane.asked("UpdateFunctionConfiguration")) == 1


def test_a_function_of_somebody_else_is_left_alone(plane: Lambda) -> None:
    own = environment(delivery=SECTION)
    made = with_function(own)
    deploy(own, made)
    plane.functions[NAME]["Tags"]["sluice"] = "prod"
    with pytest.raises(UsageError, match="exists and is environment prod's"):
        lambda_functions.planned(own, made)


def test_a_function_that_does_not_take_a_change_is_told(plane: Lambda) -> None:
    own = environment(delivery=SECTION)
    made = with_function(own)
    deploy(own, made)
    plane.functions[NAME]["Configuration"]["Timeout"] = 90
    shown = lambda_functions.planned(own, made)
    failed = {"LastUpdateStatus": "Failed", "LastUpdateStatusReasonCode": "InvalidSubnet"}
    plane.update_function_configuration = (  # type: ignore[method-assign]
        lambda FunctionName, **_: plane.functions[NAME]["Configuration"].update(failed)
    )
    with pytest.raises(SluiceError, match="InvalidSubnet"):
        lambda_functions.apply(own, made, shown)


def test_a_dataset_that_the_release_was_not_compiled_for_is_refused() -> None:
    own = environment(delivery={**SECTION, "functions": {"tweets": {"dataset": "tweets"}}})
    with pytest.raises(UsageError, match="is compiled for app_messages, not for tweets"):
        lambda_requests.configuration(own, with_function(own), "tweets")
    with pytest.raises(UsageError, match="has no function for delivery streams"):
        lambda_requests.configuration(own, release(own), "tweets")


def test_the_functions_role_is_of_the_environments_account() -> None:
    with pytest.raises(ProblemsError, match="expected a role of account 111122223333"):
        environment(delivery={**SECTION, "role": "arn:aws:iam::999922223333:role/x"})


def test_the_deployer_may_do_what_deploying_a_function_asks_and_the_function_may_write_its_log_alone(
    plane: Lambda,
) -> None:
    own = environment(delivery=SECTION)
    deploy(own, with_function(own))
    plane.functions[NAME]["Configuration"] |= {"MemorySize": 128, "CodeSha256": "x"}
    plane.functions[NAME]["Tags"]["stage"] = "x"
    deploy(own, with_function(own))
    found = policies(own)
    [mine] = [one for one in found["deployer"]["Statement"] if one["Sid"] == "DeliveryFunctions"]
    assert {f"lambda:{operation}" for operation, _ in plane.calls} == set(mine["Action"])
    assert mine["Resource"] == [f"arn:aws:lambda:eu-west-1:111122223333:function:{NAME}"]
    [passed] = [one for one in found["deployer"]["Statement"] if one["Sid"] == "PassDeliveryRole"]
    assert (passed["Resource"], passed["Condition"]) == (
        [ROLE], {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}},
    )  # fmt: skip
    [log] = found["delivery"]["Statement"]
    assert log["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert all(f"/aws/lambda/{NAME}:" in resource for resource in log["Resource"])
    [trust] = found["delivery-trust"]["Statement"]
    assert trust["Principal"] == {"Service": ["lambda.amazonaws.com"]}
