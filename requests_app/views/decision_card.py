"""What the DPO's card shows: the preview of the effect, and what stands for and against an approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from requests_app.audit.actor import Actor
from requests_app.engine.effect_preview import IN_FULL
from requests_app.enums import Kind
from requests_app.models import Ticket
from requests_app.stream.wire import Count
from requests_app.workflow import approval, effects, previews
from requests_app.workflow import plan as plans
from requests_app.workflow.previews import AccountSeen

# In the order of the page. Each kind: the icon and the words after the number.
_WORDS: Mapping[str, tuple[str, Any]] = {
    "channels": ("messages", _("channels")),
    "channels_of_two": ("users", _("of them with one other person")),
    "channels_created": ("plus", _("of them made by the account")),
    "messages": ("message", _("messages in these channels")),
    "calls": ("phone", _("calls")),
    "feeds": ("rss", _("feeds")),
    "activities": ("list-details", _("activities")),
    "comments": ("message", _("comments")),
    "bookmarks": ("bookmark", _("bookmarks")),
}


@dataclass(frozen=True)
class Seen:
    """One kind of data of one account. `count` is None where Stream did not answer."""

    icon: str
    words: str
    count: Count | None


@dataclass(frozen=True)
class Line:
    """One account as Stream showed it."""

    user_id: str
    seen: AccountSeen
    counts: tuple[Seen, ...]


@dataclass(frozen=True)
class Rest:
    """The accounts that were not counted."""

    shown: int
    absent: int


def preview_context(ticket: Ticket, *, now: datetime) -> dict[str, Any]:
    """The newest preview that a decision may rest on, in the words of the page; none where it must be made first."""
    preview = previews.fresh(ticket, now=now)
    if preview is None:
        return {"preview": None}
    sight = previews.read(preview)
    pairs = list(zip(plans.from_json(ticket.plan).user_ids, sight.accounts, strict=False))
    rest = [seen for _, seen in pairs[IN_FULL:]]
    return {
        "preview": preview,
        "sight": sight,
        "lines": [Line(user_id, seen, _counts(seen)) for user_id, seen in pairs[:IN_FULL]],
        "rest": Rest(sum(seen.exists for seen in rest), sum(not seen.exists for seen in rest)) if rest else None,
        "preview_ends_at": preview.made_at + previews.FRESH,
    }


def _counts(seen: AccountSeen) -> tuple[Seen, ...]:
    return tuple(Seen(*_WORDS[kind], count) for kind, count in seen.counts.items() if kind in _WORDS)


def _budget(ticket: Ticket, actor: Actor, *, now: datetime) -> str:
    """How much of an hour's erasures this person has released, where the house bounds them."""
    allowed = settings.DSR_DELETES_PER_HOUR
    if not allowed or ticket.kind != Kind.ERASE:
        return ""
    words = _("You released {number} of {allowed} accounts that one person may in an hour.")
    return str(words).format(number=approval.approved_in_last_hour(actor, now=now), allowed=allowed)


def card_context(ticket: Ticket, actor: Actor, *, now: datetime, was_previewed: bool) -> dict[str, Any]:
    """Everything of the card besides the plan; only for whoever may decide. `was_previewed`: there are previews."""
    plan = plans.from_json(ticket.plan)
    return {
        **(preview_context(ticket, now=now) if was_previewed else {"preview": None}),
        "soft_only": plans.is_soft_only(plan),
        "card_tags": effects.summary(plan),
        "card_budget": _budget(ticket, actor, now=now),
    }
