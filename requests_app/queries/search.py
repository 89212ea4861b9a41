"""Finding tickets by what somebody has at hand: each way is one look into an index, however many tickets there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Upper
from django.db.models.lookups import Exact
from django.utils import timezone

from requests_app.audit import keys
from requests_app.audit.actor import Actor
from requests_app.models import Account, Step, StreamApp, StreamTask, Ticket
from requests_app.models.ticket import REFERENCE, TicketQuerySet
from requests_app.workflow import permissions
from requests_app.workflow.access import in_apps_of

# Of each way no more are looked at, of the person's own apps: a search that finds more wants more letters.
MOST = 200
_LAST = "\U0010ffff"


def matching(tickets: TicketQuerySet, text: str, actor: Actor) -> TicketQuerySet:
    """Those of the tickets with this reference or task id; for those who work on tickets also with this user id or the
    beginning of it, e-mail or whole name.
    """
    text = text.strip()
    if not text:
        return tickets
    ways: list[Iterable[int]] = [_by_number(text), _by_task(text, actor)]
    if permissions.sees_personal_data(actor.role):
        ways += [_by_user_id(text, actor), _by_pseudonym(text, actor), _by_requester(text, actor)]
    return tickets.filter(pk__in=sorted(set(chain.from_iterable(ways))))


def _by_number(text: str) -> Iterator[int]:
    match = REFERENCE.fullmatch(text.upper())
    number = match[1] if match else text
    if number.isascii() and number.isdecimal() and len(number) <= 18:
        yield int(number)


def _by_task(text: str, actor: Actor) -> Iterator[int]:
    found = in_apps_of(StreamTask.objects.filter(task_id=text), actor)
    tasks = list(found.values_list("pk", flat=True)[:MOST])
    if tasks:
        steps = in_apps_of(Step.objects.filter(stream_task__in=tasks), actor, "ticket__stream_app")
        yield from steps.values_list("ticket_id", flat=True)[:MOST]


def _by_user_id(text: str, actor: Actor) -> QuerySet[Account, int]:
    # Ids tell capitals apart; whoever types some where the id has none means it all the same.
    begins = begins_with("user_id", text) | begins_with("user_id", text.lower())
    return in_apps_of(Account.objects.filter(begins), actor).values_list("ticket_id", flat=True)[:MOST]


def _by_pseudonym(text: str, actor: Actor) -> QuerySet[Account, int]:
    # What is left of a user id that was erased.
    found = in_apps_of(Account.objects.filter(subject__in=pseudonyms(text)), actor)
    return found.values_list("ticket_id", flat=True)[:MOST]


def pseudonyms(user_id: str) -> list[str]:
    """Every name that the log may have for the user id, in any app and under every yearly key that is left."""
    year = keys.year_of(timezone.now())
    # A handful of apps, by the index of their names.
    apps = StreamApp.objects.order_by("name").values_list("pk", flat=True)
    return [name for app_id in apps for name in keys.every_subject(app_id, user_id, until=year)]


def _by_requester(text: str, actor: Actor) -> Iterator[int]:
    for field in ("requester_email", "requester_name"):
        # Not `iexact`, for which SQLite takes no index. The indexes hold capitals.
        same = Exact(Upper(field), Upper(Value(text)))
        yield from in_apps_of(Ticket.objects.filter(same), actor).values_list("pk", flat=True)[:MOST]


def begins_with(column: str, text: str) -> Q:
    """The column begins with the text, in just these letters, found by an index.

    SQLite takes none for LIKE, and PostgreSQL none for a range in the order of a language.
    """
    if connection.vendor == "postgresql":
        return Q(**{f"{column}__startswith": text})
    return Q(**{f"{column}__gte": text, f"{column}__lt": text + _LAST})
