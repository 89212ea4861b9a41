"""A form that came too late, over the ticket as it is now."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from requests_app.forms.list import NOBODY
from requests_app.models import Ticket


def renewed(form: forms.Form, ticket: Ticket) -> forms.Form:
    """What was typed, to be sent again. A confirmation counts for what was read, so that is typed again."""
    now = {
        "plan_digest": ticket.plan_digest,
        "revision": str(ticket.revision),
        "shown": str(ticket.owner_id or NOBODY),
        "confirm_user_id": "",
    }
    data = QueryDict(mutable=True)
    data.update(form.data)
    for field in now.keys() & form.fields.keys():
        data[field] = now[field]
    return type(form)(data, auto_id=form.auto_id)
