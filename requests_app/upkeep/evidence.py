"""What showed who asks is not needed once the decision is made (Art. 5(1)(c), (e) GDPR): its files are taken away."""

from __future__ import annotations

from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.enums import Purpose
from requests_app.models import Attachment
from requests_app.workflow import attachments, retention

# Files in one run; the chore comes back.
AT_ONCE = 100


def remove_decided(actor: Actor, now: datetime) -> int:
    """Take the evidence of decided tickets away, an entry each; returns how many files.

    Where a legal hold is on an account of the ticket they stay until it is lifted.
    """
    kept = Attachment.objects.kept().filter(purpose=Purpose.EVIDENCE.value, ticket__in=retention.decided().values("pk"))
    found = list(kept.select_related("ticket").order_by("pk")[:AT_ONCE])
    for one in found:
        attachments.remove(one, actor=actor, now=now, why="The decision is made: nobody has to be identified any more.")
    return len(found)
