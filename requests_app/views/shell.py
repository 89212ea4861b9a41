"""What frames every page: the places somebody may go to, who is signed in, and whether the worker lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from requests_app.audit.actor import Actor
from requests_app.models import Pause
from requests_app.queries.heartbeat import worker_signs
from requests_app.queries.shell import frame
from requests_app.views.loaders import actor_of
from requests_app.workflow import permissions
from requests_app.workflow.access import visible_apps


@dataclass(frozen=True)
class Place:
    """One place of the navigation; `key` is what leads there."""

    name: str
    label: str
    icon: str
    key: str = ""
    hot: bool = False


@dataclass(frozen=True)
class Item:
    """A place as it is shown now. `hint` stands beside it in the palette."""

    label: str
    icon: str
    url: str
    key: str = ""
    count: int = 0
    hot: bool = False
    current: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Group:
    """Some places under a heading."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Shell:
    """The frame of one page."""

    name: str
    role_label: str
    nav: tuple[Group, ...]
    palette: tuple[Group, ...]
    worker_ok: bool
    worker_text: str
    sandbox: bool
    pauses: tuple[Pause, ...]


PLACES: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "",
        (
            Place("my-work", "My work", "inbox", "g i"),
            Place("ticket-list", "Tickets", "ticket", "g t"),
            Place("ticket-new", "New request", "plus", "c"),
            Place("approval-list", "Approvals", "gavel", "g a", hot=True),
            Place("stream-task-list", "Stream tasks", "refresh", "g s"),
        ),
    ),
    (
        "Oversight",
        (
            Place("report", "Deadlines & reports", "report-analytics", "g r"),
            Place("audit-list", "Audit log", "history", "g l"),
            Place("hold-list", "Legal holds", "lock"),
        ),
    ),
    (
        "Setup",
        (
            Place("app-list", "Stream apps", "apps"),
            Place("letter-template-list", "Letters", "mail"),
            Place("sending", "Sending", "send"),
            Place("styleguide", "Styleguide", "layout-dashboard"),
        ),
    ),
)


def shell(request: HttpRequest) -> dict[str, Shell | None]:
    """The frame, for every template; None for strangers. Read where a page is drawn, and not for a piece of one."""
    if not isinstance(getattr(request, "user", None), AbstractUser):
        return {"shell": None}
    return {"shell": cast(Shell, SimpleLazyObject(lambda: _shell(request)))}


def _shell(request: HttpRequest) -> Shell:
    actor = actor_of(request)
    role, told = actor.role, frame(actor)
    counts = {"approval-list": told.awaiting_decision, "stream-task-list": told.stream_tasks}
    nav = _nav(request.path, actor, counts)
    fine, words = worker_signs()
    return Shell(
        name=request.user.get_full_name() or request.user.get_username(),  # type: ignore[union-attr]
        role_label=_role_label(actor),
        nav=nav,
        palette=_palette(nav),
        worker_ok=fine,
        worker_text=words,
        sandbox=told.stand_in,
        pauses=told.pauses if role else (),
    )


def _role_label(actor: Actor) -> str:
    """The role, and where it holds if not everywhere."""
    if actor.role is None:
        return "No role yet"
    if actor.in_all_apps:
        return actor.role.label
    names = list(visible_apps(actor).order_by("name").values_list("name", flat=True))
    return f"{actor.role.label} in {names[0] if len(names) == 1 else f'{len(names)} Stream apps'}"


def _nav(path: str, actor: Actor, counts: dict[str, int]) -> tuple[Group, ...]:
    groups = []
    for title, places in PLACES:
        items = tuple(_item(place, path, counts) for place in places if permissions.may_open(actor, place.name))
        if items:
            groups.append(Group(title, items))
    return tuple(groups)


def _item(place: Place, path: str, counts: dict[str, int]) -> Item:
    url = reverse(place.name)
    inside = path.startswith(url) and not (place.name == "ticket-list" and path == reverse("ticket-new"))
    return Item(
        label=place.label,
        icon=place.icon,
        url=url,
        key=place.key,
        count=counts.get(place.name, 0),
        hot=place.hot,
        current=path == url if url == "/" else inside,
    )


def _palette(nav: Sequence[Group]) -> tuple[Group, ...]:
    """The same places, for those who type where they want to go."""
    places = [item for group in nav for item in group.items]
    return (Group("Go to", tuple(places)),) if places else ()
