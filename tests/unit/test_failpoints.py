"""The points at which the storms kill and stop processes are still there."""

from __future__ import annotations

import pytest

from tests.faults.chaos.failpoints import POINTS, Failpoint, trap


@pytest.mark.parametrize("point", POINTS, ids=[point.name for point in POINTS])
def test_each_point_names_what_is_there(point: Failpoint) -> None:
    trap(point, passes=1, meet=lambda: None)
