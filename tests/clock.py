"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from requests_app.execution.sweep import Swept, sweep_once


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
        """Sweep again and again while time passes."""
        passed = 0.0
        while passed <= seconds:
            self.sweep()
            self.forward(seconds=step)
            passed += step
