"""The saved views that somebody can use: their own, and those that are shared."""

from __future__ import annotations

from django.db.models import Q

from requests_app.audit.actor import Actor
from requests_app.models import SavedView


def of(actor: Actor) -> list[SavedView]:
    """Own ones first, then those of others, by name."""
    usable = SavedView.objects.filter(Q(owner=actor.id) | Q(is_shared=True)).select_related("owner")
    return sorted(usable, key=lambda view: (view.owner_id != actor.id, view.name.casefold()))
