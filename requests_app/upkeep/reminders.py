"""Keeping due dates in front of people by mail: the digest of the morning, what comes near, and what is late.

Nobody has to open a page for it, and each mail is queued once: see workflow/reminding.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from requests_app.audit.actor import Actor
from requests_app.enums import Role
from requests_app.queries import reminders
from requests_app.queries.reminders import Due, Part, Person
from requests_app.workflow import deadlines, reminding
from requests_app.workflow.clock import clock
from requests_app.workflow.urgency import URGENT_DAYS

# Tickets of which people are told in one turn; the rest waits for the next one.
AT_ONCE = 500


def remind(actor: Actor, now: datetime) -> int:
    """Queue what is due; returns how many mails. Without a mail server nothing is noted, so nothing is missed."""
    if not settings.MAILS:
        return 0
    local = now.astimezone(ZoneInfo(clock().time_zone))
    with reminding.one_at_a_time():
        everybody = reminders.people()
        queued = _near(everybody, local) + _late(everybody, local)
        if local.hour >= settings.REMINDER_HOUR and deadlines.is_working_day(local.date(), clock()):
            queued += _digests(everybody, local)
    return queued


def _digests(everybody: Sequence[Person], local: datetime) -> int:
    """One mail for each person and working day, unless nothing is due or the person wants none."""
    midnight = datetime.combine(local.date(), time.min, local.tzinfo)
    if not reminding.begin_digests(midnight):
        return 0
    queued = 0
    for person in everybody:
        parts = reminders.digest(person, local.date()) if person.digest else []
        if parts:
            subject = _("What is due or waits for you on %(day)s") % {"day": deadlines.spoken(local.date())}
            body = _body(
                subject + ".",
                parts,
                reverse("my-work"),
                _("You get this on working days. Switch it off in your profile."),
            )
            reminding.queue_digest(
                person.pk, local.date(), recipient=person.email, subject=subject, body=body, now=local
            )
            queued += 1
    return queued


def _near(everybody: Sequence[Person], local: datetime) -> int:
    """At once: what comes within some days of its due date."""
    told: dict[Person, list[Due]] = defaultdict(list)
    for due, owner, state in reminders.near(local.date(), everybody, at_most=AT_ONCE):
        for person in reminders.told_of(due, owner, state, everybody):
            told[person].append(due)
    for person, dues in told.items():
        subject = ngettext(
            "%(number)s ticket is due within %(days)s days",
            "%(number)s tickets are due within %(days)s days",
            len(dues),
        ) % {"number": len(dues), "days": URGENT_DAYS}
        _tell(person, dues, subject, local)
    return len(told)


def _late(everybody: Sequence[Person], local: datetime) -> int:
    """To every data protection officer: what is late, and at some numbers of days again."""
    deciders = [person for person in everybody if person.role is Role.DPO]
    dues = reminders.late(local.date(), deciders, at_most=AT_ONCE)
    told = 0
    for person in deciders:
        own = [due for due in dues if person.sees(due)]
        if own:
            subject = ngettext("%(number)s ticket is late", "%(number)s tickets are late", len(own)) % {
                "number": len(own)
            }
            _tell(person, own, subject, local)
            told += 1
    return told


def _tell(person: Person, dues: Sequence[Due], subject: str, local: datetime) -> None:
    lines = reminders.lines_of((one.ticket_id, one.due_on) for one in dues[: reminders.NAMED])
    closing = _("Each ticket is told of once. This mail cannot be switched off.")
    body = _body(subject + ".", [Part(_("Tickets"), len(dues), lines)], reverse("my-work"), closing)
    told = [(one.ticket_id, one.due_on, one.days_late) for one in dues]
    reminding.queue_reminder(person.pk, told, recipient=person.email, subject=subject, body=body, now=local)


def _body(lead: str, parts: Sequence[Part], link: str, closing: str) -> str:
    context = {"lead": lead, "parts": parts, "link": link, "closing": closing, "portal_url": settings.PORTAL_URL}
    return render_to_string("reminders/mail.txt", context).strip() + "\n"
