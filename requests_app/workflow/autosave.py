"""The form that saves itself: as a ticket once it is complete enough to be a draft, else for the person alone.

Four eyes hold as for any edit: whoever's form saved something into a ticket worked on it. The log is not flooded: an
edit by itself leaves an entry unless the same person's last one is younger than a quarter of an hour; saving, sending
and whatever anybody else does always leave one, with the digest of the plan as it then stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from requests_app.audit.actor import Actor
from requests_app.models import FormDraft, Ticket
from requests_app.workflow import access, tickets
from requests_app.workflow.intake import Intake

_SESSION = re.compile(r"[0-9a-f]{32}")


def is_session(text: str) -> bool:
    """Whether the text can name the session of a page."""
    return _SESSION.fullmatch(text) is not None


def of_session(session: str, actor: Actor) -> FormDraft | None:
    """What is kept of the page of that session, where it is this person's.

    A ticket that they do not see any more never was: nothing may lead there.
    """
    if not is_session(session):
        return None
    found = FormDraft.objects.filter(session=session, person=actor.person_id).select_related("ticket").first()
    if found and found.ticket_id and not access.visible_tickets(actor).filter(pk=found.ticket_id).exists():
        found.ticket = found.revision = None
    return found


def unfinished(actor: Actor, ticket: Ticket | None) -> FormDraft | None:
    """The newest form that this person left unfinished: a new request's, or that of a ticket."""
    found = FormDraft.objects.filter(person=actor.person_id, is_unfinished=True)
    found = found.filter(ticket=ticket) if ticket else found.filter(ticket__isnull=True)
    return next((kept for kept in found if is_for_own_app(kept, actor)), None)


def is_for_own_app(kept: FormDraft, actor: Actor) -> bool:
    """Whether the app that was chosen, if one was, is still one in which the person's role holds."""
    if actor.in_all_apps:
        return True
    app_id = typed(kept).get("stream_app", "")
    return not app_id or (app_id.isascii() and app_id.isdecimal() and actor.holds_in(int(app_id)))


def waiting_note(actor: Actor, ticket: Ticket) -> str:
    """The note that this person typed into the form of the ticket and has not saved by hand yet."""
    kept = FormDraft.objects.filter(person=actor.person_id, ticket=ticket, is_unfinished=False).first()
    return typed(kept).get("note", "") if kept else ""


def typed(kept: FormDraft) -> dict[str, str]:
    """What was typed, by the names of the fields."""
    found: dict[str, str] = json.loads(kept.content) if kept.content else {}
    return found


def keep(
    session: str,
    what: Mapping[str, str],
    *,
    actor: Actor,
    now: datetime,
    ticket: Ticket | None = None,
    revision: int | None = None,
    is_unfinished: bool = True,
) -> None:
    """Keep what was typed for the person alone; nothing of a ticket changes. A session of somebody else is left."""
    if not is_session(session) or FormDraft.objects.filter(session=session).exclude(person=actor.id).exists():
        return
    values = {
        "ticket": ticket,
        "revision": revision,
        "content": json.dumps(dict(what), ensure_ascii=False),
        "is_unfinished": is_unfinished,
        "saved_at": now,
    }
    FormDraft.objects.update_or_create(session=session, person_id=actor.person_id, defaults=values)


def save(
    session: str,
    intake: Intake,
    *,
    actor: Actor,
    now: datetime,
    ticket: Ticket | None = None,
    revision: int | None = None,
) -> Ticket:
    """Save a complete form: as a new draft, or into the ticket. Its note waits until somebody saves it by hand.

    Raises what `open_ticket` and `edit_ticket` raise; then nothing has changed.
    """
    bare, note = replace(intake, note=""), intake.note.strip()
    with transaction.atomic():
        if ticket is None:
            ticket = tickets.open_ticket(bare, actor=actor, now=now)
        else:
            ticket = tickets.edit_ticket(ticket, bare, actor=actor, now=now, revision=revision, automatic=True)
        what = {"note": note} if note else {}
        keep(session, what, actor=actor, now=now, ticket=ticket, revision=ticket.revision, is_unfinished=False)
    return ticket


def own_revision(kept: FormDraft | None, ticket: Ticket, shown: int | None) -> int | None:
    """The revision that the page knows: the one that it showed, or the one that its own last save made."""
    if kept and kept.ticket_id == ticket.pk and kept.revision == ticket.revision:
        return ticket.revision
    return shown


def forget(session: str, *, actor: Actor, ticket: Ticket | None = None) -> None:
    """The form was saved by hand, or thrown away: what was kept of it goes, with this person's of the same ticket."""
    kept = FormDraft.objects.filter(person=actor.person_id)
    kept.filter(session=session).delete()
    if ticket is not None:
        kept.filter(ticket=ticket).delete()
