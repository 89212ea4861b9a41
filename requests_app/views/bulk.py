"""Several tickets at once: first what would become of each, then, on a second press, what became of it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from requests_app.engine import lookup
from requests_app.enums import Verb
from requests_app.forms.list import NOBODY, BulkForm
from requests_app.models import StreamApp, Ticket
from requests_app.models.ticket import REFERENCE
from requests_app.queries import ticket_page
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access, bulk
from requests_app.workflow import plan as plans
from requests_app.workflow.sightings import Sighting

# Calls to Stream before several tickets are sent to the DPO, a hundred accounts with each.
LOOKS = 5


@page
@form_only("ticket-list")
def ticket_bulk(request: HttpRequest) -> HttpResponse:
    """Show which of the chosen tickets take part; with `confirm`, do it."""
    chosen, form = _chosen(request), BulkForm(request.POST)
    if not chosen or len(chosen) > bulk.AT_MOST or not form.is_valid():
        form.is_valid()
        return _show(request, form, [], trouble=_trouble(chosen), status=422)
    act, now, actor = form.cleaned_data["act"], timezone.now(), actor_of(request)
    if "confirm" not in request.POST:
        return _show(request, form, bulk.preview(chosen, act, actor=actor, now=now))
    owner = _person(form.cleaned_data["owner"])
    seen = _seen(chosen) if act == Verb.SUBMIT else {}
    results = bulk.run(chosen, act, actor=actor, now=now, owner=owner, note=form.cleaned_data["note"], seen=seen)
    return _show(request, form, results, over=True)


def _chosen(request: HttpRequest) -> list[Ticket]:
    """The chosen tickets that exist for this person, one more than may be at once."""
    matches = [REFERENCE.fullmatch(text) for text in request.POST.getlist("ticket")]
    numbers = {int(match[1]) for match in matches if match}
    found = access.visible_tickets(actor_of(request)).filter(pk__in=sorted(numbers)[: bulk.AT_MOST + 1])
    return list(found.select_related("stream_app", "owner").defer("stream_app__api_secret").order_by("due_on", "pk"))


def _seen(chosen: list[Ticket]) -> dict[int, Sighting]:
    """What Stream shows of the chosen tickets' accounts, read with few calls before any of them is sent to the DPO."""
    apps = StreamApp.objects.in_bulk({ticket.stream_app_id for ticket in chosen})
    wanted = [(apps[ticket.stream_app_id], plans.from_json(ticket.plan)) for ticket in chosen]
    seen = lookup.look_at_all(wanted, now=timezone.now(), calls=LOOKS)
    return {ticket.pk: sighting for ticket, sighting in zip(chosen, seen, strict=True)}


def _trouble(chosen: list[Ticket]) -> str:
    if not chosen:
        return "Choose at least one ticket of the list."
    return f"Choose at most {bulk.AT_MOST} tickets at once." if len(chosen) > bulk.AT_MOST else ""


def _person(value: str) -> AbstractUser | None:
    return None if value in {"", NOBODY} else get_user_model().objects.get(pk=int(value))


def _show(
    request: HttpRequest,
    form: BulkForm,
    results: list[bulk.Result],
    *,
    over: bool = False,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    act = form.data.get("act", "")
    context = {
        "form": form,
        "act": act,
        "act_label": bulk.ACTS.get(act, "Nothing"),
        "lines": [(result, ticket_page.subject(result.ticket, clear=True)) for result in results],
        "parts": sum(result.done for result in results),
        "over": over,
        "trouble": trouble,
    }
    return render(request, "tickets/several.html", context, status=status)
