"""What was answered before counts by the day on which its case was closed, as the log has it."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from requests_app.models import Ticket
from requests_app.workflow import closing
from tests import factories
from tests.people import actor

pytestmark = pytest.mark.django_db
migration = import_module("requests_app.migrations.0032_answered_by_closing")


def test_the_day_of_an_answer_is_that_of_the_closing_in_the_log() -> None:
    closed, untold = (factories.refused(factories.soft_plan(user_id)) for user_id in ("u_1", "u_2"))
    closing.answer(factories.told(closed), actor=actor("ben"), now=timezone.now())
    Ticket.objects.update(answered_on=date(2026, 1, 2))

    migration.note_closings(apps, None)

    assert Ticket.objects.get(pk=closed.pk).answered_on == timezone.localdate()
    assert Ticket.objects.get(pk=untold.pk).answered_on is None
