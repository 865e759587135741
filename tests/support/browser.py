"""A real browser without a window, for the length of a `with`: what a page asks for, says, and shows.

It is driven over the browser's own debugging pipe (the DevTools protocol), which needs no port, no driver that fits the
browser's version, and no package.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless --remote-debugging-pipe --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage"
    " --no-first-run --no-default-browser-check --disable-background-networking --disable-component-update"
    " --disable-sync --disable-extensions --disable-default-apps --hide-scrollbars --lang=en-US"
).split()
# The browser reads commands from descriptor 3 and answers on 4. Set by a process between, since the one that runs the
# tests has threads and must not run Python between fork and exec.
_LAUNCH = """
import os, sys
commands, answers = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2]))
high = [os.dup(commands), os.dup(answers)]
while min(high) < 10: high = [os.dup(fd) for fd in high]
os.dup2(high[0], 3); os.dup2(high[1], 4)
os.closerange(5, 256)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """Commands go out, answers and events come in; `events` keeps those of a page until it is asked for them."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer, self._last = b"", 0
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """The result of a command. Raises RuntimeError where the browser refuses it or does not answer in a minute."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            found = self._next(deadline)
            if found.get("id") == self._last:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return dict(found["result"])
            self.events.append(found)

    def wait_until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            if time.monotonic() > deadline:
                raise RuntimeError("waited a minute for what did not happen")
            time.sleep(0.05)

    def wait_for(self, event: str, session: str) -> None:
        deadline = time.monotonic() + 60
        while not any(one.get("method") == event and one.get("sessionId") == session for one in self.events):
            self.events.append(self._next(deadline))

    def open(self, url: str, *, width: int, height: int = 900, dark: bool = False) -> Page:
        """Loads `url` in a new tab that is `width` wide; narrow ones behave as on a phone."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable", session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", session, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", session, features=[scheme])
        gone_wrong = self.ask("Page.navigate", session, url=url).get("errorText")
        if gone_wrong:
            raise RuntimeError(f"expected to open {url}, found: {gone_wrong}")
        self.wait_for("Page.loadEventFired", session)
        time.sleep(0.2)  # what a page does after it has loaded
        return Page(self, session, width)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(deadline - time.monotonic(), 0))
            more = os.read(self._answers, 1 << 16) if ready else b""
            if not more:
                raise RuntimeError("expected the browser to answer, found that it " + ("ended" if ready else "hangs"))
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


@dataclass(frozen=True)
class Heard:
    """A thing in the accessibility tree: its role, its name, and all text inside it."""

    role: str
    name: str
    texts: str


class Page:
    """An open page of a browser."""

    def __init__(self, browser: Browser, session: str, width: int) -> None:
        self._browser, self._session, self.width = browser, session, width

    def _of(self, event: str) -> list[dict[str, Any]]:
        self.run("0")  # all that happened until now has been told when this is answered
        found = [one for one in self._browser.events if one.get("sessionId") == self._session]
        return [one["params"] for one in found if one["method"] == event]

    @property
    def requests(self) -> list[str]:
        """Every address that the page asked for, its own among them; a `data:` one leaves no machine."""
        asked = [one["request"]["url"] for one in self._of("Network.requestWillBeSent")]
        return [url for url in asked if not url.startswith("data:")]

    @property
    def complaints(self) -> list[str]:
        """What the browser has against the page: errors, warnings, violations, things refused."""
        logged = [one["entry"]["text"] for one in self._of("Log.entryAdded")]
        thrown = [one["exceptionDetails"]["text"] for one in self._of("Runtime.exceptionThrown")]
        return logged + thrown + [str(one["args"]) for one in self._of("Runtime.consoleAPICalled")]

    def run(self, script: str) -> Any:
        """The value of a script run in the page."""
        answer = self._browser.ask("Runtime.evaluate", self._session, expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def heard(self) -> list[Heard]:
        """Everything that a screen reader meets, in order."""
        nodes = self._browser.ask("Accessibility.getFullAXTree", self._session)["nodes"]
        by_id = {one["nodeId"]: one for one in nodes}

        def walk(node: dict[str, Any]) -> Iterator[Heard]:
            below = [found for child in node.get("childIds", []) if child in by_id for found in walk(by_id[child])]
            if not node.get("ignored"):
                name = str(node.get("name", {}).get("value", ""))
                texts = " ".join(one.name for one in below if one.role == "StaticText")
                yield Heard(str(node["role"]["value"]), name, texts)
            yield from below

        return list(walk(nodes[0]))

    def screenshot(self, path: Path) -> None:
        """The whole page, top to bottom, as PNG."""
        taken = self._browser.ask("Page.captureScreenshot", self._session, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """Starts `program` with an empty profile, and ends it with all its processes whatever happens."""
    with tempfile.TemporaryDirectory(prefix="sluice-browser-", ignore_cleanup_errors=True) as profile:
        commands_in, commands_out = os.pipe()
        answers_in, answers_out = os.pipe()
        launch = [sys.executable, "-IS", "-c", _LAUNCH, str(commands_in), str(answers_out)]
        process = subprocess.Popen(
            [*launch, program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands_in, answers_out), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands_in)
        os.close(answers_out)
        try:
            yield Browser(commands_out, answers_in)
        finally:
            os.close(commands_out)  # it ends when nobody is left to command it
            os.close(answers_in)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
