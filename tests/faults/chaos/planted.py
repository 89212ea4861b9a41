"""A fault on purpose in the engine, to see that the rounds find it: a harness that finds nothing proves nothing."""

from __future__ import annotations

from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import reconcile
from requests_app.enums import AttemptOutcome
from requests_app.models import Attempt
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change


def send_again_without_a_look() -> None:
    """A call whose worker died is taken for one that was never sent."""

    def adopt(context: Context) -> int:
        now = context.now()
        steps = claims.claim_abandoned(now=now)
        never_sent = {"next_at": now, "detail": ""}
        written = write.write_held_now([Change(step, StepEvent.NOT_SENT, never_sent) for step in steps], now=now)
        Attempt.objects.filter(steps__in=written, outcome=AttemptOutcome.OPEN.value).update(
            outcome=AttemptOutcome.UNKNOWN.value, answered_at=now
        )
        return len(steps)

    reconcile.adopt_abandoned = adopt


FAULTS = {"send-again": send_again_without_a_look}
