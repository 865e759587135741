"""Lambda functions as they are, against how they should be; and making them so."""

from __future__ import annotations

import time
from typing import Any

from sluice.deploy import lambda_requests
from sluice.deploy.calls import call, call_or_none
from sluice.deploy.deployable import Deployable
from sluice.deploy.environments import OWNER_TAG, Environment
from sluice.deploy.plan import Item, item
from sluice.errors import SluiceError, UsageError
from sluice.runtime.aws import client

# A changed function takes no other change until it is ready, which takes seconds.
_WAITS_SECONDS = (0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8)
_CODE = ("CodeSha256", "Architectures")


def planned(environment: Environment, release: Deployable) -> list[Item]:
    """What would change, one item a function. UsageError for one of that name that is not this environment's."""
    return [_item(environment, release, name) for name in sorted(lambda_requests.section(environment).functions)]


def apply(environment: Environment, release: Deployable, shown: list[Item]) -> None:
    """Make the functions as planned; SluiceError where one is not any more what the plan was made of.

    An update is two calls, settings before code: between them the old code runs, as sound as before.
    """
    api = client("lambda")
    for function, was in zip(sorted(lambda_requests.section(environment).functions), shown, strict=True):
        name = environment.full_name(function)
        if was.kind == "unchanged":
            continue
        if _item(environment, release, function) != was:
            raise SluiceError(f"{_what(name)}: was changed by somebody else since the plan was made; run again")
        places = [change.place.partition(".")[0].partition("[")[0] for change in was.changes]
        if was.kind == "create":
            call(api, "create_function", _what(name), **lambda_requests.create_function(environment, release, function))
            _wait(name)
        else:
            if set(places) - {*_CODE, "Tags"}:
                request = lambda_requests.update_configuration(environment, release, function)
                call(api, "update_function_configuration", _what(name), **request)
                _wait(name)
            if set(places) & set(_CODE):
                request = lambda_requests.update_code(environment, release, function)
                call(api, "update_function_code", _what(name), **request)
                _wait(name)
            if "Tags" in places:
                arn = _arn(environment, name)
                call(api, "tag_resource", _what(name), Resource=arn, Tags=environment.all_tags())
        if _item(environment, release, function).kind != "unchanged":
            raise SluiceError(
                f"{_what(name)}: is not what was sent; somebody else deploys, or edits it. Run with --plan"
            )


def _item(environment: Environment, release: Deployable, function: str) -> Item:
    wanted = {
        **lambda_requests.configuration(environment, release, function),
        "CodeSha256": lambda_requests.code_sha256(release),
        "Architectures": [release.function.architecture],
        "Tags": environment.all_tags(),
    }
    name = environment.full_name(function)
    return item(_what(name), _present(environment, name, wanted), wanted)


def _present(environment: Environment, name: str, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The function's settings, of those that we set; None where there is none."""
    answer = call_or_none(client("lambda"), "get_function", _what(name), FunctionName=name)
    if answer is None:
        return None
    tags = answer.get("Tags", {})
    owner = tags.get(OWNER_TAG)
    if owner != environment.name:
        whose = f"environment {owner}'s" if owner else f"not sluice's (it has no tag `{OWNER_TAG}`)"
        raise UsageError(
            f"{_what(name)}: exists and is {whose}; rename the function or the environment in the environment file, "
            "or delete that function if nobody needs it"
        )
    told = {key: value for key, value in answer["Configuration"].items() if key in wanted and value}
    return {**told, "Tags": {key: value for key, value in tags.items() if key in wanted["Tags"]}}


def _wait(name: str) -> None:
    """Until the last change has taken hold; SluiceError where it fails or takes longer than a minute."""
    for seconds in _WAITS_SECONDS:
        found = call(client("lambda"), "get_function", _what(name), FunctionName=name)["Configuration"]
        status = found.get("LastUpdateStatus", "Successful")
        if found.get("State", "Active") not in ("Pending",) and status != "InProgress":
            if status == "Failed" or found.get("State") == "Failed":
                reason = found.get("LastUpdateStatusReasonCode") or found.get("StateReasonCode") or "no reason told"
                raise SluiceError(f"{_what(name)}: did not take the change ({reason}); mend that and run again")
            return
        time.sleep(seconds)
    raise SluiceError(f"{_what(name)}: is still being changed after a minute; run again")


def _arn(environment: Environment, name: str) -> str:
    return f"arn:{environment.partition}:lambda:{environment.region}:{environment.account}:function:{name}"


def _what(name: str) -> str:
    return f"Lambda function {name}"
