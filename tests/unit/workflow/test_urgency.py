"""Late, urgent, soon: the rule for one date and the bounds for queries say the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from requests_app.workflow.urgency import Urgency, last_late, last_soon, last_urgent, urgency

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, Urgency.LATE),
        (0, Urgency.URGENT),
        (3, Urgency.URGENT),
        (4, Urgency.SOON),
        (5, Urgency.SOON),
        (6, Urgency.CALM),
    ],
)
def test_the_due_date_itself_is_in_time(days: int, expected: Urgency) -> None:
    assert urgency(TODAY + timedelta(days=days), TODAY) is expected


def test_the_bounds_are_the_last_days_of_each() -> None:
    for last, kind in ((last_late, Urgency.LATE), (last_urgent, Urgency.URGENT), (last_soon, Urgency.SOON)):
        assert urgency(last(TODAY), TODAY) is kind
        assert urgency(last(TODAY) + timedelta(days=1), TODAY) < kind
