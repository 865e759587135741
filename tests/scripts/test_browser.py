"""How the set-up comes by a browser; that it can install one is seen wherever CI starts on a fresh machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from environment import browser

pytestmark = pytest.mark.lane("spark-4.1")


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH: a machine that has nothing yet."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("SLUICE_BROWSER", raising=False)
    monkeypatch.setattr(browser, "_PLACES", ())
    return tmp_path / "bin"


def test_a_browser_that_only_says_how_to_get_one_is_passed_over(machine: Path) -> None:
    _program(machine / "chromium-browser", "echo 'this command requires the chromium snap'; exit 1")
    assert browser.find() is None
    real = _program(machine / "google-chrome", "echo Google Chrome 153.0")
    assert browser.find() == str(real)


def test_the_browser_that_a_person_names_is_taken_or_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(machine / "chromium", "echo Chromium 153.0")
    own = _program(machine / "own", "echo Chromium 150.0")
    monkeypatch.setenv("SLUICE_BROWSER", str(own))
    assert browser.find() == str(own)
    monkeypatch.setenv("SLUICE_BROWSER", str(machine / "gone"))
    assert browser.find_or_install(machine) is None


def test_without_a_way_to_a_browser_the_set_up_says_why_and_goes_on(
    machine: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.find_or_install(machine.parent) is None
    assert "no browser (Chromium, Chrome, Edge) found, and not root on a system with apt-get" in capfd.readouterr().err

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    _program(machine / "apt-get", "echo 'no network'; exit 100")
    assert browser.find_or_install(machine.parent) is None
    told = capfd.readouterr().err
    assert "apt-get install ended with code 100:\n  no network" in told
    assert "expected a browser after that, found none that starts" in told


def test_as_root_with_apt_get_chromium_is_installed_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    script = f'for last; do :; done; [ "$last" = chromium ] || exit 0\necho x >> "{machine}/calls"\n'
    script += f"printf '#!/bin/sh\\necho Chromium 153\\n' > '{machine}/chromium'\n/bin/chmod 755 '{machine}/chromium'"
    _program(machine / "apt-get", script)
    found = [browser.find_or_install(machine.parent) for _ in range(2)]
    assert found == [str(machine / "chromium")] * 2
    assert (machine / "calls").read_text(encoding="utf-8") == "x\n"
