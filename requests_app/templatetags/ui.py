"""The small pieces of every page: icons, pills, avatars, times. One tag each; the look is in `static/css`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from requests_app.enums import AttemptOutcome, Kind, Outcome, Reached, State, StepState, Term
from requests_app.workflow.urgency import Urgency, urgency

register = template.Library()


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a status is shown: never by colour alone."""

    icon: str
    tone: str = ""
    label: str = ""


STATES: Mapping[str, Look] = {
    State.DRAFT: Look(icon="circle-dashed"),
    State.AWAITING_DECISION: Look(icon="gavel", tone="amber"),
    State.SENT_BACK: Look(icon="arrow-back-up"),
    State.APPROVED: Look(icon="shield-check", tone="violet"),
    State.RUNNING: Look(icon="loader-2", tone="blue"),
    State.NEEDS_ATTENTION: Look(icon="alert-triangle", tone="red"),
    State.COMPLETED: Look(icon="circle-check", tone="green"),
    State.REFUSED: Look(icon="ban"),
    State.CANCELLED: Look(icon="x"),
}
STEP_STATES: Mapping[str, Look] = {
    StepState.PLANNED: Look(icon="clock"),
    StepState.SENDING: Look(icon="loader-2", tone="blue"),
    StepState.UNKNOWN: Look(icon="hourglass", tone="amber"),
    StepState.ON_STREAM: Look(icon="loader-2", tone="blue"),
    StepState.DONE: Look(icon="circle-check", tone="green"),
    StepState.FAILED: Look(icon="circle-x", tone="red"),
    StepState.DROPPED: Look(icon="ban"),
}
OUTCOMES: Mapping[str, Look] = {
    Outcome.ERASED: Look(icon="eraser", tone="green"),
    Outcome.ERASED_IN_PART: Look(icon="eraser", tone="amber"),
    Outcome.EMPTIED: Look(icon="eraser", tone="amber"),
    Outcome.NOT_VERIFIED: Look(icon="alert-triangle", tone="amber"),
    # Hidden is not erased, and must not look like it.
    Outcome.HIDDEN: Look(icon="eye-off", tone="amber"),
    Outcome.NOTHING_FOUND: Look(icon="search", tone="amber"),
    Outcome.PARTIAL: Look(icon="alert-triangle", tone="amber"),
    Outcome.EXPORTED: Look(icon="file-export", tone="green"),
    Outcome.RESTORED: Look(icon="restore", tone="blue"),
    Outcome.REFUSED_BY_STREAM: Look(icon="ban", tone="red"),
    Outcome.FAILED: Look(icon="circle-x", tone="red"),
}
RESULTS: Mapping[str, Look] = {
    Reached.REMOVED: Look(icon="eraser", tone="green"),
    Reached.EMPTIED: Look(icon="eraser", tone="amber"),
    Reached.HIDDEN: Look(icon="eye-off", tone="amber"),
    Reached.KEPT: Look(icon="minus"),
    Reached.NOTHING_THERE: Look(icon="search"),
    Reached.NOT_REACHED: Look(icon="circle-x", tone="red"),
    Reached.NOT_VERIFIED: Look(icon="alert-triangle", tone="amber"),
    Reached.EXPORTED: Look(icon="file-export", tone="green"),
    Reached.RESTORED: Look(icon="restore", tone="blue"),
}
ATTEMPTS: Mapping[str, Look] = {
    AttemptOutcome.OPEN: Look(icon="hourglass", tone="blue"),
    AttemptOutcome.ACCEPTED: Look(icon="circle-check", tone="green"),
    AttemptOutcome.NOT_SENT: Look(icon="arrow-back-up"),
    AttemptOutcome.REFUSED: Look(icon="ban", tone="red"),
    AttemptOutcome.UNKNOWN: Look(icon="hourglass", tone="amber"),
}
# What Stream itself says of its tasks (Stream API, GetTask). Anything else still goes on.
STREAM_STATUSES: Mapping[str, Look] = {
    "completed": Look(icon="circle-check", tone="green", label="Completed"),
    "failed": Look(icon="circle-x", tone="red", label="Failed"),
}
STREAM_GOING = Look(icon="loader-2", tone="blue")
LOOKS: Mapping[type[Term], Mapping[str, Look]] = {
    State: STATES,
    StepState: STEP_STATES,
    Outcome: OUTCOMES,
    AttemptOutcome: ATTEMPTS,
    Reached: RESULTS,
}


# A page has dozens of them, and there are a few dozen in all.
@register.simple_tag
@functools.lru_cache(maxsize=1024)
def icon(name: str, extra: str = "") -> SafeString:
    """The icon of that name in the sprite, hidden from screen readers: a word always stands beside it."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f"i {extra}".strip(),
        static("icons.svg"),
        name,
    )


@register.inclusion_tag("ui/_pill.html")
def pill(value: str, label: str = "") -> dict[str, str]:
    """A state, step state, outcome or attempt as icon, word and colour; a label replaces the usual word.

    Plain strings, as the database gives them, are looked up in that order; they share no two meanings that
    look different, except `refused` and `unknown`: hand over the enum's member where that matters.
    """
    term, look = _look_of(value)
    return _pill(look, label or (term.label if term is not None else _words(value)))


@register.inclusion_tag("ui/_pill.html")
def stream_pill(status: str) -> dict[str, str]:
    """What Stream said of its task; every status but completed and failed means that it is still going."""
    look = STREAM_STATUSES.get(status, STREAM_GOING)
    return _pill(look, look.label or _words(status) or "Accepted")


@register.inclusion_tag("ui/_pill.html", name="badge")
def _badge(label: str, icon: str, tone: str = "") -> dict[str, str]:
    """A pill of one's own words, e.g. for a verified chain. Tones: grey (none), blue, amber, green, red, violet."""
    return _pill(Look(icon=icon, tone=tone), label)


def _look_of(value: str) -> tuple[Term | None, Look]:
    vocabularies = (type(value),) if isinstance(value, Term) else tuple(LOOKS)
    for vocabulary in vocabularies:
        look = LOOKS.get(vocabulary, {}).get(value)
        if look is not None:
            return vocabulary(value), look
    return None, Look(icon="point")


def _pill(look: Look, label: str) -> dict[str, str]:
    return {"icon": look.icon, "tone": look.tone, "label": label, "turn": "spin" if look.icon == "loader-2" else ""}


def _words(value: str) -> str:
    return value.replace("_", " ").strip().capitalize()


@register.inclusion_tag("ui/_kind.html")
def kind(value: str, size: str = "") -> dict[str, str]:
    """The tile of an export or an erasure; size `lg` in a page's head."""
    erase = value == Kind.ERASE
    return {"tone": "e" if erase else "x", "icon": "eraser" if erase else "file-export", "size": size}


@register.inclusion_tag("ui/_avatar.html")
def avatar(name: str) -> dict[str, str]:
    """The initials of a staff member in a colour that stays theirs; an empty name is the portal itself."""
    return {"initials": initials(name), "tone": "vbga"[sum(map(ord, name)) % 4] if name else "none"}


@register.inclusion_tag("ui/_copy.html")
def copy(value: str, shown: str = "", what: str = "") -> dict[str, str]:
    """A button that copies `value`; shows it shortened unless `shown` is given; `what` names it for screen readers."""
    return {"value": value, "shown": shown or shorten(value), "what": what or "value"}


@register.inclusion_tag("ui/_due.html")
def due(on: date, closed: bool = False, today: date | None = None) -> dict[str, object]:
    """A due date: how long from today in words, the date below, and a tone when it is near or past."""
    today = today or timezone.localdate()
    tone = "" if closed else _URGENCY[urgency(on, today)]
    return {"on": on, "words": _days((on - today).days), "tone": tone, "closed": closed}


_URGENCY = {Urgency.CALM: "", Urgency.SOON: "soon", Urgency.URGENT: "soon", Urgency.LATE: "late"}


def _days(left: int) -> str:
    if left in (-1, 0, 1):
        return {-1: "1 day late", 0: "today", 1: "tomorrow"}[left]
    return f"in {left} days" if left > 0 else f"{-left} days late"


@register.filter
def initials(name: str) -> str:
    """At most two letters for a name: `Ana Ruiz` and `ana.ruiz` are `AR`."""
    parts = [part for part in re.split(r"[\s._@-]+", name) if part]
    if not parts:
        return ""
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


@register.filter
def shorten(value: str, keep: int = 8) -> str:
    """The beginning and the last four characters of a long id or hash; short ones stay whole."""
    return value if len(value) <= keep + 8 else f"{value[:keep]}…{value[-4:]}"


@register.filter
def mono_break(value: str) -> SafeString:
    """An id that may break after its separators, so that a long one does not push the page wide."""
    return format_html_join("", "{}<wbr>", ((part,) for part in re.findall(r"[^._:/@-]*[._:/@-]|[^._:/@-]+", value)))


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """A moment in words (`3 min ago`, `in 2 h`, from a week on the date), the exact time in its title; none is ``."""
    if at is None:
        return ""
    exact = date_format(timezone.localtime(at), "j M Y, H:i:s T")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, _distance(at))


def _distance(at: datetime) -> str:
    gap = timezone.now() - at
    seconds = abs(gap.total_seconds())
    if seconds < 5:
        return "just now"
    if seconds >= timedelta(days=7).total_seconds():
        return date_format(timezone.localtime(at), "j M Y, H:i")
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            count = int(seconds // size)
            words = f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
            return f"{words} ago" if gap > timedelta() else f"in {words}"
    return "just now"
