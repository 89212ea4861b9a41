"""A ticket that moves to another Stream app, and a role that no longer holds in one: nothing of the old app lingers."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from requests_app.models import Preview, StreamApp, Ticket
from requests_app.workflow import approval, previews, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.previews import AccountSeen, Sight
from tests import factories
from tests.functional.test_app_roles import other as other
from tests.people import actor

pytestmark = pytest.mark.django_db

USER_ID = "only-in-chat-test"


def moved(ticket: Ticket, app: StreamApp, **changes: Any) -> Ticket:
    """The same request, but of that app."""
    intake = factories.intake(plans.from_json(ticket.plan), app, **changes)
    return tickets.edit_ticket(ticket, intake, actor=actor("ada"), now=timezone.now())


def test_a_preview_of_one_app_counts_for_no_approval_in_another(other: StreamApp) -> None:
    ticket, now = factories.submitted(factories.erase_plan(USER_ID)), timezone.now()
    sight = Sight((AccountSeen(True, name="Priya Raman"),))
    preview = previews.keep(ticket, sight, actor=actor("dora"), now=now)
    assert previews.fresh(ticket, now=now) == preview
    tickets.take_back(ticket, actor=actor("ada"), now=now)
    moved(ticket, other)
    tickets.submit(ticket, actor=actor("ada"), now=now)

    assert previews.fresh(ticket, now=now) is None
    assert Preview.objects.get().names == ""
    with pytest.raises(UnableTo, match="Look at the preview again"):
        approval.approve(
            ticket,
            actor=actor("dora"),
            now=now,
            confirm_user_id=USER_ID,
            plan_digest=ticket.plan_digest,
            revision=ticket.revision,
            preview_digest=preview.digest,
        )
