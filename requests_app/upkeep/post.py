"""Sending what waits in the outbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from requests_app.audit.actor import Actor
from requests_app.enums import MailError
from requests_app.upkeep.mailing import deliver
from requests_app.workflow import outbox

# Seconds after which no further mail is begun, and how many are sent in one go at most.
BUDGET = 10.0
AT_ONCE = 100
# The next mail would fare the same: the server is left alone until the next turn.
_NO_USE = frozenset({MailError.UNREACHABLE, MailError.SILENT, MailError.SIGN_IN, MailError.HELD_UP})


def send_due(actor: Actor, now: datetime, *, tick: Callable[[], float] = time.monotonic) -> int:
    """Send what is due, one after another; returns how many were sent. Without a mail server nothing is sent."""
    outbox.give_up_lost(actor=actor, now=now)
    if not settings.MAILS:
        return 0
    begun, sent = tick(), 0

    def current() -> datetime:
        return now + timedelta(seconds=tick() - begun)

    for _ in range(AT_ONCE):
        if tick() - begun >= BUDGET:
            break
        taken = outbox.claim(now=current())
        if taken is None:
            break
        answer = deliver(taken.mail, seconds=outbox.LEASE.total_seconds(), tick=tick)
        outbox.settle(taken, answer.error, actor=actor, now=current(), code=answer.code)
        sent += answer.error is None
        if answer.error in _NO_USE:
            break
    return sent
