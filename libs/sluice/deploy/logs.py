"""The end of a driver's log in CloudWatch, line by line as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sluice.deploy.calls import call, call_or_none
from sluice.runtime.aws import client


class Tail:
    """Lines of the streams of `group` that begin with `prefix` and that `wanted` takes; each line is told once."""

    def __init__(self, group: str, prefix: str, wanted: Callable[[str], bool]) -> None:
        self._group, self._prefix, self._wanted = group, prefix, wanted
        self._tokens: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        """What came since the last call; nothing as long as there is no such group or stream."""
        api, what = client("logs"), f"log group {self._group}"
        request: dict[str, Any] = {"logGroupName": self._group, "logStreamNamePrefix": self._prefix}
        streams = call_or_none(api, "describe_log_streams", what, **request)
        for stream in sorted(each["logStreamName"] for each in (streams or {}).get("logStreams", ())):
            if self._wanted(stream):
                yield from self._stream(api, what, stream)

    def _stream(self, api: Any, what: str, stream: str) -> Iterator[str]:
        request: dict[str, Any] = {"logGroupName": self._group, "logStreamName": stream, "startFromHead": True}
        while True:
            token = self._tokens.get(stream)
            answer = call(api, "get_log_events", what, **request, **({"nextToken": token} if token else {}))
            for event in answer.get("events", ()):
                yield from str(event.get("message", "")).rstrip("\n").split("\n")
            following = answer.get("nextForwardToken")
            # The same token again is how CloudWatch says that this is the end for now.
            if following is None or following == token:
                return
            self._tokens[stream] = following
