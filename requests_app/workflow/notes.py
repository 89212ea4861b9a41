"""Notes on a ticket, and whom they mention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.urls import reverse
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import MailKind
from requests_app.models import Mention, Note, Profile, Ticket
from requests_app.workflow import mentions, outbox, policies, staff


def write(ticket: Ticket, text: str, *, actor: Actor, now: datetime, app_id: int | None = None) -> Note | None:
    """Put a text on the ticket, if there is one, in the caller's transaction; the caller records it.

    `app_id` is the Stream app where the ticket is about to move to one: it is that one's people who read the note.

    Whoever it mentions finds the ticket in their work until they open it, and gets a mail once. Raises `UnableTo`
    (field `note`) where a mention names nobody who works on tickets: whoever only reviews does not read notes.
    """
    text = text.strip()
    if not text:
        return None
    named = mentions.candidates(text)
    readers = staff.caseworkers(app_id=app_id or ticket.stream_app_id)
    people = list(readers.filter(username__in=named)) if named else []
    ids = {person.get_username(): person.pk for person in people}
    stranger = mentions.unknown(text, ids)
    if stranger:
        raise policies.UnableTo(
            _(
                "Nobody who works on tickets of this app is called @%(name)s. "
                "Choose somebody of the list, or leave the @ out."
            )
            % {"name": stranger},
            field="note",
        )
    note = Note.objects.create(ticket=ticket, written_by_id=actor.person_id, written_at=now, text=text)
    meant = {part.name for part in mentions.parts(text, ids) if part.name}
    Mention.objects.bulk_create(Mention(note=note, ticket=ticket, person_id=ids[name]) for name in sorted(meant))
    _mail(note, [person for person in people if person.get_username() in meant], actor=actor, now=now)
    return note


def _mail(note: Note, people: Sequence[AbstractUser], *, actor: Actor, now: datetime) -> None:
    """Tell by mail whoever has an address and wants it, once for each note: who wrote and where, not what."""
    pks = [person.pk for person in people if person.email and person.pk != actor.id]
    quiet = set(Profile.objects.filter(person__in=pks, mentions=False).values_list("person", flat=True)) if pks else ()
    reference = note.ticket.reference
    subject = _("%(who)s mentioned you on %(reference)s") % {"who": actor.name, "reference": reference}
    link = f"{settings.PORTAL_URL}{reverse('ticket-detail', args=[reference])}" if settings.PORTAL_URL else ""
    closing = _("You get this where a note mentions you. Switch it off in your profile.")
    body = "\n\n".join(part for part in (f"{subject}.", link, closing) if part) + "\n"
    for person in people:
        if person.pk in pks and person.pk not in quiet:
            key = f"mention:{note.pk}:{person.pk}"
            outbox.queue(MailKind.REMINDER, key=key, recipient=person.email, subject=subject, body=body, now=now)


def seen(ticket: Ticket, *, actor: Actor, now: datetime) -> None:
    """The person opened the ticket: what mentioned them there waits no longer."""
    Mention.objects.filter(ticket=ticket, person_id=actor.id, seen_at__isnull=True).update(seen_at=now)
