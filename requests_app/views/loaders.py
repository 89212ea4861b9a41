"""Look-up and right in one step, so that no view can forget one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import resolve
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.models import Attachment, Ticket
from requests_app.workflow import access, permissions, staff

P = ParamSpec("P")
_PEOPLE = ("owner", "opened_by", "edited_by", "submitted_by", "first_approved_by", "approved_by")


def origin_of(request: HttpRequest) -> str:
    """The address a request came from, as the audit log notes it."""
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


def actor_for(person: AbstractUser, origin: str) -> Actor:
    """The staff member as an actor, in the role of their group."""
    return staff.as_actor(person, origin)


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in this request; looked up once."""
    found: Actor | None = getattr(request, "_actor", None)
    if found is None:
        if not isinstance(request.user, AbstractUser):
            return Actor(None, None, "", origin_of(request))
        found = actor_for(request.user, origin_of(request))
        request._actor = found  # type: ignore[attr-defined]
    return found


View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: View[P]) -> View[P]:
    """Open a view only to the roles that its URL's name has in the table; others get 403 and leave an entry."""

    @functools.wraps(view)
    def opened(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        # By the path: a request that is taken up again after the password was asked for keeps that page's match.
        name = resolve(request.path_info).url_name
        actor = actor_of(request)
        if not permissions.may_open(actor, name or ""):
            sentence = _why_closed(actor, name or "")
            access.record_refused(actor=actor, now=timezone.now(), what=f"page {name}", reason=sentence)
            raise PermissionDenied(sentence)
        return view(request, *args, **kwargs)

    return cast(View[P], opened)


def _why_closed(actor: Actor, page_name: str) -> str:
    if actor.role is None:
        return "You have no role in the portal yet. Ask an administrator for one."
    if permissions.may_open(replace(actor, apps=None), page_name):
        return permissions.NOT_IN_ALL_APPS
    return f"This page is not part of your role ({actor.role.label})."


def load_ticket(request: HttpRequest, reference: str) -> Ticket:
    """The ticket of that reference, if it exists for this person; else 404."""
    visible: Any = access.visible_tickets(actor_of(request))
    try:
        ticket: Ticket = get_object_or_404(
            visible.with_reference(reference).select_related("stream_app", "cover_sheet")
        )
    except OverflowError:
        raise Http404 from None
    return ticket


def introduce(ticket: Ticket, request: HttpRequest) -> dict[int, AbstractUser]:
    """Know the people of the ticket by one query: as joins they take PostgreSQL longer to plan than to find.

    Returns them and whoever asks, by their ids.
    """
    numbers = {name: getattr(ticket, f"{name}_id") for name in _PEOPLE}
    asking = {request.user.pk: request.user} if isinstance(request.user, AbstractUser) else {}
    people: dict[int, AbstractUser] = {**asking}
    people |= get_user_model().objects.in_bulk(set(numbers.values()) - {None, *asking})
    for name, number in numbers.items():
        if number is not None:
            setattr(ticket, name, people[number])
    return people


def load_attachment(request: HttpRequest, reference: str, attachment_id: int) -> Attachment:
    """A file of that ticket that is still there, if the ticket exists for this person; else 404."""
    ticket = load_ticket(request, reference)
    try:
        attachment: Attachment = get_object_or_404(ticket.attachments.kept(), pk=attachment_id)
    except OverflowError:
        raise Http404 from None
    return attachment
