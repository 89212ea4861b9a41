"""Texts from before the keys of tickets are sealed under them, and all of it goes back again, with nothing lost."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from requests_app.audit.texts import kept
from requests_app.models import Account, AuditText, TicketKey
from requests_app.models.sealed import unseal
from requests_app.queries.audit import check_chain
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

steps: Any = import_module("requests_app.migrations.0009_seal_under_ticket_keys")


def texts() -> list[tuple[int, str, str | None]]:
    return [(one.seq, one.salt, one.text) for one in kept(AuditText.objects.all())]


def test_there_and_back() -> None:
    factories.refused(note="Confirmed by phone.")
    before, subjects = texts(), set(Account.objects.values_list("subject", flat=True))

    with connection.schema_editor() as editor:
        steps.unseal_texts(apps, editor)
    assert {unseal(row.sealed) for row in AuditText.objects.all()} == {"Confirmed by phone.", "Not the owner."}
    assert not AuditText.objects.filter(ticket_id__isnull=False).exists()
    assert texts() == before

    TicketKey.objects.all().delete()
    Account.objects.update(subject="")
    with connection.schema_editor() as editor:
        steps.give_keys(apps, editor)
        steps.seal_texts(apps, editor)
        steps.name_accounts(apps, editor)
    assert not AuditText.objects.filter(ticket_id__isnull=True).exists()
    assert texts() == before
    assert set(Account.objects.values_list("subject", flat=True)) == subjects
    assert check_chain().intact
