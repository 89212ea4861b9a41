"""Whether mail goes out: how much waits, and since when. For whoever watches the site; nobody is named."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone

from requests_app.enums import MailState
from requests_app.models import Mail

# The third attempt is made within six minutes: what waits longer than this meets a server that does not take it.
STUCK_AFTER = timedelta(minutes=30)


def by_state() -> dict[str, int]:
    """How many mails stand in each state."""
    counted = dict(Mail.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in MailState}


def oldest_wait(now: datetime) -> timedelta:
    """How long the mail that was queued first waits; nothing where none does."""
    first = Mail.objects.filter(state=MailState.WAITING.value).aggregate(first=Min("queued_at"))["first"]
    return max(timedelta(0), now - first) if first else timedelta(0)


def check() -> tuple[bool, str]:
    """The mails' part of the readiness answer. A mail server that is down never takes the portal out of service."""
    age = oldest_wait(timezone.now())
    if age < STUCK_AFTER:
        return True, "No mail is stuck."
    minutes = int(age.total_seconds() // 60)
    return True, f"Mail is stuck: the oldest waits for {minutes} min. Look at EMAIL_URL and at the mail server."
