"""What Stream and the portal know about the typed user ids, while one types and when the request is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.engine import lookup
from requests_app.forms.ticket import TicketForm
from requests_app.models import StreamApp, Ticket
from requests_app.queries import duplicates
from requests_app.queries.duplicates import Related
from requests_app.stream.wire import RemoteUser
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access, deadlines, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.clock import clock
from requests_app.workflow.sightings import is_somebody_else, somebody_else

# Lines that are shown; Stream is asked about all of them.
SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One user id in words. `tone` is `ok`, `no` or empty; `related` are other tickets and holds of it."""

    user_id: str
    words: str
    tone: str
    related: Related | None = None


@page
@form_only("ticket-new")
def ticket_look_up(request: HttpRequest) -> HttpResponse:
    """The fragment beside the user ids, or beside the new owners where `part` says so."""
    apps = access.visible_apps(actor_of(request))
    form = TicketForm(request.POST, today=timezone.localdate(), clock=clock(), apps=apps)
    form.is_valid()
    if request.POST.get("part") == "owners":
        return render(request, "tickets/_look_up_owners.html", owners_context(form))
    return render(request, "tickets/_look_up.html", accounts_context(request, form))


def accounts_context(request: HttpRequest, form: TicketForm) -> dict[str, object]:
    """What is known of the accounts of a form that was sent; nothing without an app or without ids."""
    app, ids = form.cleaned_data.get("stream_app"), form.typed_ids
    if app is None or not ids:
        return {"findings": [], "typed": bool(ids)}
    look = lookup.look_up(app, ids, now=timezone.now(), unfinished=ids[-1])
    others = duplicates.related(app.pk, ids, actor_of(request), without=_edited(request))
    received_on = form.cleaned_data.get("received_on")
    findings = [_finding(user_id, look, received_on, form.clock, others[user_id]) for user_id in ids]
    # What somebody must look at comes first: the rest may be cut off.
    findings.sort(key=lambda found: found.tone != "no" and not (found.related and found.related.any))
    return {
        "findings": findings[:SHOWN],
        "further": max(0, len(findings) - SHOWN),
        "suggestions": [(user.id, _who(user, form.clock)) for user in look.suggestions],
        "unfinished": ids[-1],
        "trouble": look.trouble,
        "go_on": lookup.GO_ON,
        "typed": True,
    }


def owners_context(form: TicketForm) -> dict[str, object]:
    """The same for the new owners."""
    app, owners = form.cleaned_data.get("stream_app"), form.typed_owners
    if app is None or not owners:
        return {"findings": []}
    last = list(owners.values())[-1]
    look = lookup.look_up(app, owners.values(), now=timezone.now(), unfinished=last)
    findings = [_owner(name, owner, look, form.typed_ids, form.clock) for name, owner in owners.items()]
    return {
        "findings": findings if look.asked else [],
        "suggestions": [(user.id, _who(user, form.clock)) for user in look.suggestions],
        "unfinished": last,
        "into": f"id_{list(owners)[-1]}",
        "trouble": look.trouble,
        "go_on": lookup.GO_ON,
    }


def _edited(request: HttpRequest) -> Ticket | None:
    """The ticket that is being edited, which is no other ticket of its own accounts."""
    return access.visible_tickets(actor_of(request)).with_reference(request.POST.get("draft", "")).first()


def _finding(
    user_id: str, look: lookup.Look, received_on: date | None, clock: deadlines.Clock, related: Related
) -> Finding:
    problem = plans.user_id_problem(user_id)
    if problem:
        return Finding(user_id, problem, "no", related)
    if not look.asked:
        return Finding(user_id, "", "", related)
    user = next((user for user in look.users if user.id == user_id), None)
    if user is None:
        return Finding(user_id, _absent(user_id, look), "no", related)
    if user.created_at and received_on and is_somebody_else(user.created_at, received_on, clock):
        return Finding(user_id, f"{_name(user)}. {somebody_else(user.created_at, received_on, clock)}", "no", related)
    return Finding(user_id, _who(user, clock), "ok", related)


def _absent(user_id: str, look: lookup.Look) -> str:
    twin = next((user.id for user in look.suggestions if user.id.casefold() == user_id.casefold()), "")
    if twin:
        return _("Not on Stream, but “%(twin)s” is: user ids differ by capital letters.") % {"twin": twin}
    return _("Not on Stream: mistyped, gone, or soft-deleted before.")


def _owner(name: str, owner: str, look: lookup.Look, accounts: tuple[str, ...], clock: deadlines.Clock) -> Finding:
    label = plans.LABELS[name].capitalize()
    if owner in accounts:
        words = _("%(label)s: is one of the users to be erased. Name somebody else.")
        return Finding(owner, words % {"label": label}, "no")
    user = next((user for user in look.users if user.id == owner), None)
    if user is None:
        return Finding(owner, _("%(label)s: Stream shows no user of this id.") % {"label": label}, "no")
    return Finding(owner, f"{label}: {_who(user, clock)}", "ok")


def _name(user: RemoteUser) -> str:
    return user.name or _("No name on Stream")


def _who(user: RemoteUser, clock: deadlines.Clock) -> str:
    words = _name(user)
    if user.created_at:
        created = deadlines.spoken(deadlines.receipt_date(user.created_at, clock))
        words += _(", on Stream since %(day)s") % {"day": created}
    if user.deactivated_at:
        words += _(", deactivated")
    return words


def submit_seen(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """Look at the accounts on Stream, then send the ticket to the DPO; a stop by what Stream showed is recorded."""
    seen = lookup.look_at(StreamApp.objects.get(pk=ticket.stream_app_id), plans.from_json(ticket.plan), now=now)
    try:
        return tickets.submit(ticket, actor=actor, now=now, seen=seen)
    except tickets.NotThePerson as reason:
        tickets.record_stopped(reason, actor=actor, now=now, ticket=ticket)
        raise
