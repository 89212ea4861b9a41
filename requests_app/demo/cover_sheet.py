"""The cover sheet of the demo's app, so that its exports can be approved."""

from __future__ import annotations

from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.models import StreamApp
from requests_app.workflow import cover_sheets

ANSWERS = {
    "purposes": "Chat and feeds between members of the demo, and help from its support.",
    "categories": "Profile, messages, reactions, followed feeds, uploaded files, times of use.",
    "recipients": "Other members of the same channels and feeds; Stream.io, Inc. as a processor.",
    "storage": "While the account exists, and 30 days after it is closed.",
    "rights": "Ask privacy@example.org for rectification, erasure or restriction, or object to the processing.",
    "complaint": "Berlin Commissioner for Data Protection and Freedom of Information, mailbox@example.org.",
    "source": "From you, and from members who mention you. There is no other source.",
    "automated": "No decision is made by machines alone, and no profile is built.",
    "transfers": "Stream processes data in the United States under standard contractual clauses (Art. 46(2)(c)).",
}


def keep_cover_sheet(app: StreamApp, dpo: Actor) -> None:
    """Fill the sheet in, once."""
    if cover_sheets.in_force(app) is None:
        cover_sheets.save(app, ANSWERS, based_on=0, actor=dpo, now=timezone.now())
