"""What the log says about one Stream user id, found by its pseudonyms. Sent as a form: no id stands in a URL."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from requests_app.forms.retention import PersonForm
from requests_app.queries import audit
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.views.unmasking import opened
from requests_app.workflow import access


@page
@form_only("audit-list")
def audit_person(request: HttpRequest) -> HttpResponse:
    """The newest entries about the user id. Looking is an entry of its own, which names it as the log does."""
    form = PersonForm(request.POST, auto_id="person_%s")
    if not form.is_valid():
        return render(request, "audit/person.html", {"form": form, "shown": audit.PERSON}, status=422)
    actor, now = actor_of(request), timezone.now()
    entries, names = audit.about(form.cleaned_data["user_id"])
    lines = audit.newest(entries, actor, audit.PERSON, opened=opened(request))
    access.record_search(actor=actor, now=now, facts={"by_user_id": True}, subjects=names if lines else ())
    return render(request, "audit/person.html", {"form": form, "lines": lines, "asked": True, "shown": audit.PERSON})
