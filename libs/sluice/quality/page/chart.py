"""A chart laid out: bars of stacked parts as rectangles, upright over time or lying with their labels."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.quality.page.model import Chart
from sluice.quality.page.words import number

_WIDTH, _HEIGHT = 640.0, 170.0
_ROW, _LABELS, _FIGURES = 24.0, 190.0, 80.0


@dataclass(frozen=True)
class Box:
    """One part of one bar; `tone` names its colour."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Label:
    """A text at its place; `end`: the place is where it ends."""

    x: float
    y: float
    text: str
    end: bool = False


@dataclass(frozen=True)
class DrawnChart:
    chart: Chart
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]
    height: float
    width: float = _WIDTH

    @property
    def rows(self) -> list[tuple[str, tuple[str, ...]]]:
        """The same in numbers, for the table beside the picture."""
        return [(bar.label, tuple(number(part) for part in bar.parts)) for bar in self.chart.bars]


def draw_chart(chart: Chart) -> DrawnChart:
    """A chart's rectangles; one without any height where all is nothing."""
    most = max((sum(bar.parts) for bar in chart.bars), default=0.0) or 1.0
    return _upright(chart, most) if chart.across else _lying(chart, most)


def _upright(chart: Chart, most: float) -> DrawnChart:
    step = _WIDTH / max(len(chart.bars), 1)
    boxes = []
    for place, bar in enumerate(chart.bars):
        y = _HEIGHT
        for part, tone in zip(bar.parts, chart.tones, strict=True):
            height = _HEIGHT * part / most
            y -= height
            boxes.append(Box(round(place * step, 2), round(y, 2), round(step * 0.86, 2), round(height, 2), tone))
    ends = (chart.bars[0].label, chart.bars[-1].label) if chart.bars else ("", "")
    labels = (Label(0, _HEIGHT + 18, ends[0]), Label(_WIDTH, _HEIGHT + 18, ends[1], True))
    return DrawnChart(chart, tuple(boxes), labels if len(chart.bars) > 1 else labels[:1], _HEIGHT + 24)


def _lying(chart: Chart, most: float) -> DrawnChart:
    room = _WIDTH - _LABELS - _FIGURES
    boxes, labels = [], []
    for place, bar in enumerate(chart.bars):
        x, y = _LABELS, place * _ROW
        labels.append(Label(_LABELS - 8, y + 15, bar.label[:28], True))
        for part, tone in zip(bar.parts, chart.tones, strict=True):
            width = room * part / most
            boxes.append(Box(round(x, 2), y + 3, round(width, 2), _ROW - 8, tone))
            x += width
        labels.append(Label(round(x + 6, 2), y + 15, bar.note or number(sum(bar.parts))))
    return DrawnChart(chart, tuple(boxes), tuple(labels), max(_ROW * len(chart.bars), _ROW))
