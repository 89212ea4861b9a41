"""Columns for a chart that the server draws: plain geometry, no colours and no words of its own. Knows no request.

The numbers stand in a table beside each chart; the chart shows them and is never the only place of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# In units of the drawing, which is as wide as a small screen.
WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 4, 16, 24
# More labels than these would run into each other.
LABELS_AT_MOST = 12
_NICE = (1, 2, 5, 10)


@dataclass(frozen=True)
class Point:
    """One column: its label and a value for each series, from the bottom up; None leaves it out."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Bar:
    """A rectangle; `tone` is the class that colours it."""

    x: str
    y: str
    width: str
    height: str
    tone: str


@dataclass(frozen=True)
class Mark:
    """A text and where it stands."""

    x: str
    y: str
    words: str


@dataclass(frozen=True)
class Chart:
    """What the template draws. `series` pairs the class of each series with its words."""

    name: str
    title: str
    description: str
    series: Sequence[tuple[str, str]]
    bars: Sequence[Bar]
    values: Sequence[Mark]
    labels: Sequence[Mark]
    ticks: Sequence[Mark]
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    left: int = LEFT
    right: int = WIDTH - RIGHT


def columns(
    name: str, title: str, description: str, *, series: Sequence[tuple[str, str]], points: Sequence[Point]
) -> Chart:
    """Stacked columns over a scale that begins at nothing and ends at a round number."""
    top, step = scale(max((_height(point) for point in points), default=0))
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(points))
    width = min(slot * 0.64, 36)
    every = math.ceil(len(points) / LABELS_AT_MOST)
    bars, values, labels = [], [], []
    for place, point in enumerate(points):
        middle, level = LEFT + slot * (place + 0.5), 0.0
        for (tone, _), value in zip(series, point.values, strict=True):
            if value:
                upper = _y(level + value, top)
                bars.append(
                    Bar(_text(middle - width / 2), _text(upper), _text(width), _text(_y(level, top) - upper), tone)
                )
                level += value
        if every == 1 and level:
            values.append(Mark(_text(middle), _text(_y(level, top) - 4), f"{level:g}"))
        if place % every == 0:
            labels.append(Mark(_text(middle), _text(HEIGHT - 8), point.label))
    ticks = [Mark(_text(LEFT - 6), _text(_y(value, top)), f"{value:g}") for value in _steps(top, step)]
    return Chart(name, title, description, series, bars, values, labels, ticks)


def scale(highest: float) -> tuple[float, float]:
    """The end of an axis that holds the highest value, and the distance of its lines: about four, round numbers."""
    if highest <= 0:
        return 1, 1
    rough = highest / 4
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, next(nice * power for nice in _NICE if nice * power >= rough * 0.999))
    return math.ceil(highest / step - 1e-9) * step, step


def _height(point: Point) -> float:
    return sum(value or 0 for value in point.values)


def _steps(top: float, step: float) -> list[float]:
    return [place * step for place in range(round(top / step) + 1)]


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _text(number: float) -> str:
    """Numbers as SVG reads them, whatever the language of the page."""
    return f"{number:.1f}"
