"""A clock that stands still until a test moves it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.db.models import Min, Q
from django.utils import timezone

from requests_app.engine.sweep import Swept, sweep_once
from requests_app.models import AppHealth, Step, StreamTask, Ticket

# Every moment at which a row can become something to do. A row whose moment is past waits for one of the others.
_MOMENTS = {
    Step: ("next_at", "look_again_at", "lease_until"),
    StreamTask: ("next_poll_at", "lease_until"),
    Ticket: ("not_before",),
    AppHealth: ("open_until",),
}


class Clock:
    """The engine's time in a test."""

    def __init__(self) -> None:
        self.moment: datetime = timezone.now() + timedelta(seconds=1)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        """Let time pass, in the words of `timedelta`."""
        self.moment += timedelta(**span)

    def sweep(self) -> Swept:
        """One sweep at this moment: works until nothing is due any more."""
        return sweep_once(now=self, linger=0)

    def sweep_for(self, *, seconds: float, step: float = 1.0) -> None:
        """Sweep again and again while time passes, in steps of so many seconds; skips those that would find no work."""
        ends = self.moment + timedelta(seconds=seconds)
        while self.moment <= ends:
            self.sweep()
            self.forward(seconds=step * self._steps_to_work(step))
        self.moment = min(self.moment, ends + timedelta(seconds=step))

    def _steps_to_work(self, step: float) -> int:
        """After how many steps the next row is due; a great many where there is none."""
        due = []
        for model, columns in _MOMENTS.items():
            later = {name: Min(name, filter=Q(**{f"{name}__gt": self.moment})) for name in columns}
            due += [moment for moment in model._default_manager.aggregate(**later).values() if moment]
        if not due:
            return 10**6
        # A lease that ends at this moment still holds.
        seconds = (min(due) - self.moment).total_seconds() + 1e-6
        return max(1, math.ceil(seconds / step))
