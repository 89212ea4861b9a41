"""Charts: columns as high as their values, on a scale that holds them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.views.charts import BOTTOM, HEIGHT, LABELS_AT_MOST, TOP, WIDTH, Point, columns, scale


@given(st.floats(min_value=0.01, max_value=1e7))
def test_a_scale_holds_the_highest_value_with_a_few_round_lines(highest: float) -> None:
    top, step = scale(highest)

    assert top >= highest * 0.999
    assert 1 <= round(top / step) <= 6
    assert math.isclose(top % step, 0, abs_tol=1e-6) or math.isclose(top % step, step, rel_tol=1e-6)


def test_nothing_at_all_still_has_a_scale() -> None:
    assert scale(0) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 500), st.none() | st.integers(0, 500)), max_size=60))
def test_bars_stand_inside_and_are_as_high_as_their_values(pairs: list[tuple[int, int | None]]) -> None:
    points = [Point(str(place), pair) for place, pair in enumerate(pairs)]

    chart = columns("x", "Title", "Description", series=[("good", "a"), ("bad", "b")], points=points)

    top, _ = scale(max((one + (other or 0) for one, other in pairs), default=0))
    heights = [float(bar.height) for bar in chart.bars]
    values = [value for pair in pairs for value in pair if value]
    assert len(heights) == len(values)
    for height, value in zip(heights, values, strict=True):
        assert height == pytest.approx(value / top * (HEIGHT - BOTTOM - TOP), abs=0.11)
    for bar in chart.bars:
        assert 0 <= float(bar.x) <= float(bar.x) + float(bar.width) <= WIDTH
        assert TOP - 0.1 <= float(bar.y) <= HEIGHT - BOTTOM
    assert len(chart.labels) <= LABELS_AT_MOST


def test_columns_of_several_series_stand_on_each_other() -> None:
    chart = columns("x", "T", "D", series=[("good", "a"), ("bad", "b")], points=[Point("Jan", (3, 1))])

    lower, upper = chart.bars
    assert float(upper.y) + float(upper.height) == pytest.approx(float(lower.y), abs=0.11)
    assert [mark.words for mark in chart.values] == ["4"]
