"""The saved views that somebody can use: their own, and those that are shared."""

from __future__ import annotations

from django.db.models import Q
from django.http import QueryDict

from requests_app.audit.actor import Actor
from requests_app.models import SavedView
from requests_app.queries import filters


def of(actor: Actor) -> list[SavedView]:
    """Own ones first, then those of others, by name, but for those of an app that does not exist for this person."""
    found = SavedView.objects.filter(Q(owner=actor.id) | Q(is_shared=True)).select_related("owner")
    usable = [view for view in found if view.owner_id == actor.id or _is_for_own_app(view, actor)]
    return sorted(usable, key=lambda view: (view.owner_id != actor.id, view.name.casefold()))


def _is_for_own_app(view: SavedView, actor: Actor) -> bool:
    app = filters.read(QueryDict(view.query)).app
    return not app.isdecimal() or actor.holds_in(int(app))
