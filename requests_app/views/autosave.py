"""The form of a request saves itself while one types, and when one leaves the page."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import FormDraft, Ticket
from requests_app.views.concurrent_edit import DIFFERS, STILL_TO_CHOOSE, undecided
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.views.ticket_form import form_of, revision_of
from requests_app.workflow import access, autosave
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict

# Fields of the form that say nothing of the request.
_AROUND = {"csrfmiddlewaretoken", "action", "session", "draft", "revision", "preset", DIFFERS}


@page
@form_only("ticket-new")
def ticket_keep(request: HttpRequest) -> HttpResponse:
    """Save the form as a draft where it is complete enough, else keep it for the person; say which, and when."""
    actor, now, session = actor_of(request), timezone.now(), request.POST.get("session", "")
    if not request.POST.get("kind"):
        return HttpResponse(status=204)
    kept = autosave.of_session(session, actor)
    own = kept.ticket if kept and kept.ticket else None
    ticket = own or access.visible_tickets(actor).with_reference(request.POST.get("draft", "")).first()
    form, trouble, status = form_of(request, ticket), "", 200
    shown = autosave.own_revision(kept, ticket, revision_of(request)) if ticket else None
    is_valid = form.is_valid()
    must_choose = ticket is not None and bool(undecided(request, form, ticket))
    if must_choose:
        trouble = str(STILL_TO_CHOOSE)
    elif is_valid:
        try:
            saved = autosave.save(session, form.intake(), actor=actor, now=now, ticket=ticket, revision=shown)
        except NotPermitted as reason:
            raise PermissionDenied(str(reason)) from None
        except Conflict as reason:
            trouble, status = str(reason), 409
        except UnableTo as reason:
            trouble = str(reason)
        else:
            return _said(request, saved, new=ticket is None)
        ticket = access.visible_tickets(actor).filter(pk=ticket.pk).first() if ticket else None
    what = {name: str(value) for name, value in request.POST.items() if name not in _AROUND}
    known = _known_revision(request, kept, ticket, undecided=must_choose) if ticket else None
    autosave.keep(session, what, actor=actor, now=now, ticket=ticket, revision=known)
    return _said(request, ticket, words=_kept_words(trouble), trouble=bool(trouble), status=status)


def _known_revision(request: HttpRequest, kept: FormDraft | None, ticket: Ticket, *, undecided: bool) -> int | None:
    """The newest that the page knows: of its own last save, or what it showed; whoever must still choose knows less."""
    if undecided:
        return ticket.revision - 1
    known = max(kept.revision or 0 if kept else 0, revision_of(request) or 0)
    return min(known, ticket.revision) or None


def _kept_words(trouble: str) -> str:
    time = f"{timezone.localtime():%H:%M}"
    if trouble:
        return _("Not saved: %(trouble)s What you typed is kept for you since %(time)s.") % {
            "trouble": trouble,
            "time": time,
        }
    return _("Kept for you %(time)s. It becomes a draft once it is complete.") % {"time": time}


def _said(
    request: HttpRequest,
    ticket: Ticket | None,
    *,
    new: bool = False,
    words: str = "",
    trouble: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The words beside the buttons, with what the page must know to go on saving."""
    saved = not words
    context = {
        "draft": ticket.reference if ticket else request.POST.get("draft", ""),
        # Where nothing was saved the page still shows what it showed: another's change must not pass for seen.
        "revision": ticket.revision if ticket and saved else request.POST.get("revision", ""),
        "words": words or _("Saved %(time)s") % {"time": f"{timezone.localtime():%H:%M}"},
        "trouble": trouble,
        "session": request.POST.get("session", ""),
    }
    answer = render(request, "tickets/_saved.html", context, status=status)
    if new and ticket and request.headers.get("HX-Request"):
        answer["HX-Replace-Url"] = reverse("ticket-edit", args=[ticket.reference])
    return answer


@page
@form_only("ticket-new")
def ticket_forget(request: HttpRequest) -> HttpResponse:
    """Throw away what is kept of an unfinished form; a ticket stays as it is."""
    actor, session = actor_of(request), request.POST.get("session", "")
    kept = autosave.of_session(session, actor)
    autosave.forget(session, actor=actor)
    if kept and kept.ticket:
        return redirect("ticket-edit", reference=kept.ticket.reference)
    return redirect("ticket-new")
