"""Whether anything is sent to Stream now, app by app: what is paused by hand, and what is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from requests_app.audit.actor import Actor
from requests_app.models import AppHealth, Pause
from requests_app.models.pause import PauseQuerySet
from requests_app.workflow.access import visible_apps


@dataclass(frozen=True)
class Scope:
    """One app, or all of them where `app_id` is None, with what keeps calls back."""

    app_id: int | None
    name: str
    pause: Pause | None
    health: AppHealth | None = None


def open_pauses(actor: Actor) -> list[Pause]:
    """What is paused now of what this person sees, all apps first."""
    found = _seen(Pause.objects.open(), actor).select_related("stream_app", "paused_by")
    return sorted(found.defer("stream_app__api_secret"), key=lambda one: (one.stream_app_id is not None, one.pk))


def _seen(pauses: PauseQuerySet, actor: Actor) -> PauseQuerySet:
    """Those that hold up an app which exists for this person: its own, and those of everything."""
    return pauses if actor.apps is None else pauses.filter(Q(stream_app__isnull=True) | Q(stream_app__in=actor.apps))


def scopes(actor: Actor) -> list[Scope]:
    """All apps together, then each app that this person sees by its name."""
    pauses = {one.stream_app_id: one for one in open_pauses(actor)}
    health = {one.stream_app_id: one for one in AppHealth.objects.left_alone()}
    apps = visible_apps(actor).order_by("name").values_list("pk", "name")
    return [
        Scope(None, "All Stream apps", pauses.get(None)),
        *(Scope(pk, name, pauses.get(pk), health.get(pk)) for pk, name in apps),
    ]


def lifted(actor: Actor, limit: int = 20) -> list[Pause]:
    """The newest pauses that are over, of what this person sees."""
    over = _seen(Pause.objects.filter(lifted_at__isnull=False), actor).select_related(
        "stream_app", "paused_by", "lifted_by"
    )
    return list(over.defer("stream_app__api_secret").order_by("-pk")[:limit])
