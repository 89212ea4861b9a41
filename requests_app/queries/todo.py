"""What waits for somebody: the kinds of work of a role, as filters of the list. My work and the digest ask here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Role, State
from requests_app.queries.filters import BY_NAME, ME, Filters
from requests_app.workflow import permissions


@dataclass(frozen=True)
class Work:
    """One kind of work: its words, and the tickets that it is."""

    title: str | Promise
    icon: str
    filters: Filters


def work_of(role: Role | None) -> Iterator[Work]:
    """In the order to do it: what is stopped, what is late, what only this person can do, what is due soon."""
    works = permissions.sees_personal_data(role)
    if works:
        yield Work(_("Stopped: a person must look"), "alert-triangle", Filters(view=BY_NAME["attention"]))
    yield Work(_("Late"), "urgent", Filters(due="late"))
    if role is Role.DPO:
        yield Work(_("Waiting for your decision"), "gavel", Filters(view=BY_NAME["waiting"]))
    if works:
        mine = Filters(view=BY_NAME["mine"])
        yield Work(_("Sent back to you"), "arrow-back-up", mine.but(state=State.SENT_BACK.value))
        yield Work(_("Your drafts"), "circle-dashed", mine.but(state=State.DRAFT.value))
        to_close = Filters(view=BY_NAME["to-close"], owner=ME)
        yield Work(_("Answer the person and close the case"), "mail", to_close)
        yield Work(_("Nobody takes care of these"), "user-question", Filters(view=BY_NAME["unassigned"]))
    yield Work(_("Due soon"), "calendar-due", Filters(due="soon"))


def digest_of(role: Role | None) -> Iterator[Work]:
    """The same for the mail of the morning: an agent is told of their own tickets and of those that nobody owns."""
    for work in work_of(role):
        everybodys = role is not Role.AGENT or work.filters.view.name in {"mine", "unassigned"}
        yield work if everybodys else Work(work.title, work.icon, work.filters.but(owner="me"))
