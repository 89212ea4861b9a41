"""Look-up and right in one step, so that no view can forget one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.models import Ticket
from requests_app.workflow import access, permissions, staff

P = ParamSpec("P")


def origin_of(request: HttpRequest) -> str:
    """The address a request came from, as the audit log notes it."""
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


def actor_for(person: AbstractUser, origin: str) -> Actor:
    """The staff member as an actor, in the role of their group."""
    return Actor(person.pk, staff.role_of(person), person.get_username(), origin)


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
        name = request.resolver_match.url_name if request.resolver_match else ""
        actor = actor_of(request)
        if not permissions.may_open(actor.role, name or ""):
            sentence = _why_closed(actor)
            access.record_refused(actor=actor, now=timezone.now(), what=f"page {name}", reason=sentence)
            raise PermissionDenied(sentence)
        return view(request, *args, **kwargs)

    return cast(View[P], opened)


def _why_closed(actor: Actor) -> str:
    if actor.role is None:
        return "You have no role in the portal yet. Ask an administrator for one."
    return f"This page is not part of your role ({actor.role.label})."


def load_ticket(request: HttpRequest, reference: str) -> Ticket:
    """The ticket of that reference, if it exists for this person; else 404."""
    visible: Any = access.visible_tickets(actor_of(request))
    related = ("stream_app", "opened_by", "edited_by", "submitted_by", "approved_by")
    try:
        ticket: Ticket = get_object_or_404(visible.with_reference(reference).select_related(*related))
    except OverflowError:
        raise Http404 from None
    return ticket
