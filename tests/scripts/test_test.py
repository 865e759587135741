"""scripts/test: one line at the end, which is never better than the lanes were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from checks import tests as runner


@pytest.mark.parametrize(
    ("lanes", "last_line", "code"),
    [
        ({"spark-4.1": (5, 0, 1, 0), "spark-3.5": (4, 0, 2, 0)}, "9 passed, 0 failed, 3 skipped", 0),
        ({"spark-4.1": (5, 0, 0, 0), "spark-3.5": (4, 2, 0, 1)}, "9 passed, 2 failed, 0 skipped", 1),
        ({"spark-4.1": (5, 0, 0, 0), "spark-3.5": (0, 0, 0, 4)}, "5 passed, 1 failed, 0 skipped", 1),
        ({"spark-4.1": (5, 0, 0, 0), "spark-3.5": (0, 0, 0, 5)}, "5 passed, 1 failed, 0 skipped", 1),
        ({"spark-4.1": (0, 0, 3, 0), "spark-3.5": (0, 0, 3, 0)}, "0 passed, 0 failed, 6 skipped", 1),
    ],
)
def test_the_last_line_adds_the_lanes_up_and_the_exit_code_follows_the_worst(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lanes: Mapping[str, tuple[int, int, int, int]],
    last_line: str,
    code: int,
) -> None:
    def ended(lane: str, _: object) -> tuple[Counter[str], int]:
        return Counter(dict(zip(("passed", "failed", "skipped"), lanes[lane][:3], strict=True))), lanes[lane][3]

    monkeypatch.setattr(runner, "run_lane", ended)
    assert runner.main([]) == code
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == last_line
    assert sum(line == last_line for line in printed) == 1
