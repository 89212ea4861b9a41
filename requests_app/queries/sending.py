"""Whether anything is sent to Stream now, app by app: what is paused by hand, and what is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass

from requests_app.models import AppHealth, Pause, StreamApp


@dataclass(frozen=True)
class Scope:
    """One app, or all of them where `app_id` is None, with what keeps calls back."""

    app_id: int | None
    name: str
    pause: Pause | None
    health: AppHealth | None = None


def open_pauses() -> list[Pause]:
    """Everything that is paused now, all apps first."""
    found = Pause.objects.open().select_related("stream_app", "paused_by").defer("stream_app__api_secret")
    return sorted(found, key=lambda one: (one.stream_app_id is not None, one.pk))


def scopes() -> list[Scope]:
    """All apps together, then each app by its name."""
    pauses = {one.stream_app_id: one for one in open_pauses()}
    health = {one.stream_app_id: one for one in AppHealth.objects.left_alone()}
    apps = StreamApp.objects.order_by("name").values_list("pk", "name")
    return [
        Scope(None, "All Stream apps", pauses.get(None)),
        *(Scope(pk, name, pauses.get(pk), health.get(pk)) for pk, name in apps),
    ]


def lifted(limit: int = 20) -> list[Pause]:
    """The newest pauses that are over."""
    over = Pause.objects.filter(lifted_at__isnull=False).select_related("stream_app", "paused_by", "lifted_by")
    return list(over.defer("stream_app__api_secret").order_by("-pk")[:limit])
