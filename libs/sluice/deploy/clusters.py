"""EMR clusters and EMR Serverless applications: found, compared with the environment, made to fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.deploy import serverless
from sluice.deploy.calls import call
from sluice.deploy.environments import OWNER_TAG, Environment
from sluice.deploy.plan import Item, item
from sluice.deploy.sections import Emr
from sluice.errors import ProblemsError, SluiceError, UsageError
from sluice.runtime.aws import client

_GONE = {"TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"}
_CHANGEABLE = {"CREATED", "STOPPED"}


def check_cluster(environment: Environment, cluster: str) -> None:
    """UsageError where the cluster is gone, of another release, or started without Delta."""
    emr = environment.section("emr")
    assert isinstance(emr, Emr)
    what = f"cluster {cluster}"
    found = call(client("emr"), "describe_cluster", what, ClusterId=cluster)["Cluster"]
    state = found.get("Status", {}).get("State")
    problems = []
    if state in _GONE:
        problems.append(f"is {state}; start one, and name it")
    if found.get("ReleaseLabel") != emr.release:
        problems.append(
            f"expected release {emr.release}, found {found.get('ReleaseLabel')}; change emr.release, or the cluster"
        )
    if not any(
        each.get("Classification") == "delta-defaults" and each.get("Properties", {}).get("delta.enabled") == "true"
        for each in found.get("Configurations", ())
    ):
        problems.append(
            'has no Delta; start it with the classification {"Classification": "delta-defaults", '
            '"Properties": {"delta.enabled": "true"}}'
        )
    if problems:
        raise ProblemsError(what, problems)


def application(environment: Environment) -> dict[str, Any] | None:
    """The environment's application, found by name; None where there is none. UsageError where it is a foreign one."""
    name = serverless.section(environment).application
    named = [each for each in _applications() if each.get("name") == name and each.get("state") != "TERMINATED"]
    if not named:
        return None
    if len(named) > 1:
        ids = ", ".join(str(each["id"]) for each in named)
        raise UsageError(f"{_what(name)}: expected one of that name, found {len(named)} ({ids}); delete the others")
    found = call(client("emr-serverless"), "get_application", _what(name), applicationId=named[0]["id"])["application"]
    if found.get("tags", {}).get(OWNER_TAG) != environment.name:
        raise UsageError(
            f"{_what(name)}: exists and is not this environment's (tag `{OWNER_TAG}` is not {environment.name}); "
            "name another one in the environment file"
        )
    return dict(found)


def planned(environment: Environment) -> Item:
    """What would change at the application."""
    name = serverless.section(environment).application
    wanted = {**serverless.application(environment), "tags": environment.all_tags()}
    found = application(environment)
    return item(_what(name), None if found is None else _comparable(found, wanted), wanted)


def apply(environment: Environment, shown: Item) -> None:
    """Create or update the application as planned; UsageError where it must be stopped first."""
    if shown.kind == "unchanged":
        return
    api, name = client("emr-serverless"), serverless.section(environment).application
    if planned(environment) != shown:
        raise SluiceError(f"{_what(name)}: was changed by somebody else since the plan was made; run again")
    token = hashlib.sha256(json.dumps([environment.name, repr(shown)]).encode()).hexdigest()[:32]
    if shown.kind == "create":
        call(api, "create_application", _what(name), **serverless.create_application(environment, token))
        return
    found = application(environment)
    assert found is not None
    if any(not change.place.startswith("tags.") for change in shown.changes):
        if found["state"] not in _CHANGEABLE:
            raise UsageError(
                f"{_what(name)}: is {found['state']}, and only a stopped one can be changed; wait until it stops "
                f"by itself, or: aws emr-serverless stop-application --application-id {found['applicationId']}"
            )
        request = serverless.update_application(environment, found["applicationId"], token)
        call(api, "update_application", _what(name), **request)
    if any(change.place.startswith("tags.") for change in shown.changes):
        call(api, "tag_resource", _what(name), resourceArn=found["arn"], tags=environment.all_tags())


def _comparable(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of what the service tells the settings that UpdateApplication takes, and of the tags ours."""
    told = {key: found[key] for key in {*wanted, "networkConfiguration"} if found.get(key)}
    told["tags"] = {key: value for key, value in found.get("tags", {}).items() if key in wanted["tags"]}
    capacity = told.get("maximumCapacity", {})
    # The service answers "64 GB" for "64GB", and adds a disk where none was asked for.
    own = wanted["maximumCapacity"]
    told["maximumCapacity"] = {
        key: own[key] if key in own and _plain(own[key]) == _plain(value) else value
        for key, value in capacity.items()
        if key in own
    }
    return told


def _plain(text: str) -> str:
    return text.replace(" ", "").lower()


def _applications() -> Iterator[dict[str, Any]]:
    api, token = client("emr-serverless"), None
    while True:
        answer = call(
            api, "list_applications", "EMR Serverless applications", **({"nextToken": token} if token else {})
        )
        yield from answer.get("applications", ())
        token = answer.get("nextToken")
        if not token:
            return


def _what(name: str) -> str:
    return f"EMR Serverless application {name}"
