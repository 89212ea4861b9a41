"""What became of a ticket, in words that claim no more than was seen (Art. 5(2) GDPR, accountability)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from requests_app.enums import Asked, Kind, Outcome, State
from requests_app.models import Account, Step, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow import reached, results


@dataclass(frozen=True)
class Told:
    """The outcome as a callout: its tone, its icon and what it means. `sentence` is a string, translated when shown."""

    tone: str
    icon: str
    sentence: Any


_TOLD: Mapping[Outcome, Told] = MappingProxyType(
    {
        Outcome.ERASED: Told("green", "circle-check", _("Stream finished, and shows nothing of it any more.")),
        Outcome.ERASED_IN_PART: Told(
            "amber",
            "eraser",
            _("Stream finished what was asked. By the plan itself some of the data stays."),
        ),
        Outcome.EMPTIED: Told(
            "amber", "eraser", _("Stream finished. The content is gone, and shells without content stay.")
        ),
        Outcome.NOT_VERIFIED: Told(
            "amber",
            "alert-triangle",
            _("Not all of it could be looked at afterwards, so nobody saw that all of it is done."),
        ),
        Outcome.HIDDEN: Told(
            "amber",
            "eye-off",
            _("Stream hides the data and keeps it. This alone does not fulfil a request for erasure."),
        ),
        Outcome.NOTHING_FOUND: Told(
            "amber",
            "search",
            _(
                "Stream shows no user by this id, so nothing was copied or deleted. "
                "Whether the id was right is for people to say."
            ),
        ),
        Outcome.PARTIAL: Told(
            "amber", "alert-triangle", _("Not all of it was reached, as far as was seen: see the steps below.")
        ),
        Outcome.EXPORTED: Told("green", "circle-check", _("The files can be downloaded with the steps below.")),
        Outcome.RESTORED: Told(
            "blue",
            "restore",
            _("Stream brought the users' own records back, no messages and no memberships."),
        ),
        Outcome.REFUSED_BY_STREAM: Told(
            "red", "ban", _("Stream refused it for good, so nothing was reached: see its words with the steps below.")
        ),
        Outcome.FAILED: Told(
            "red", "circle-x", _("Nothing of it was reached, and nothing was deleted: see the steps below.")
        ),
    }
)


# What was looked for again a day later, and what is said where that look showed it.
_SEEN_GONE = frozenset({Outcome.ERASED, Outcome.ERASED_IN_PART, Outcome.EMPTIED, Outcome.NOT_VERIFIED})
_CAME_BACK = Told(
    "amber",
    "alert-triangle",
    _("The look at Stream a day later showed data of it: see the steps below, and look on Stream."),
)
# Not verified, of users who were asked back: it is the restore that nobody saw, no erasure.
_NOT_SEEN_BACK = Told(
    "amber",
    "alert-triangle",
    _("Stream was asked to bring the users back, and could not be read afterwards: nobody saw them again."),
)
# With these it is told kind by kind what was reached.
_BY_KIND = frozenset(
    {
        Outcome.ERASED,
        Outcome.ERASED_IN_PART,
        Outcome.EMPTIED,
        Outcome.HIDDEN,
        Outcome.NOT_VERIFIED,
        Outcome.NOTHING_FOUND,
        Outcome.PARTIAL,
    }
)
# What the plan amounts to says nothing of these.
_NOT_AS_PLANNED = frozenset({Outcome.NOTHING_FOUND, Outcome.PARTIAL})
# What was asked was reached, and seen.
EARNED = frozenset({Outcome.ERASED, Outcome.EXPORTED, Outcome.RESTORED})


def told(ticket: Ticket) -> Told | None:
    """The callout of a completed ticket; None while there is no outcome."""
    if ticket.state != State.COMPLETED or not ticket.outcome:
        return None
    outcome = Outcome(ticket.outcome)
    if outcome in _SEEN_GONE and came_back(ticket.steps.all()):
        return _CAME_BACK
    meant = _NOT_SEEN_BACK if outcome is Outcome.NOT_VERIFIED and _was_asked_back(ticket) else _TOLD[outcome]
    return replace(meant, sentence=" ".join([str(meant.sentence), *_details(ticket, outcome)]))


def _was_asked_back(ticket: Ticket) -> bool:
    tables = results.tables_of(accounts_with_results(ticket))
    return any(row.asked is Asked.RESTORE for _, table in tables for row in table)


def _details(ticket: Ticket, outcome: Outcome) -> list[str]:
    """Kind by kind what was reached, and account by account where they differ."""
    said = []
    if ticket.kind == Kind.ERASE and outcome in _BY_KIND:
        said.append(_by_kind(ticket, outcome))
    if outcome is Outcome.PARTIAL:
        ends = Counter(Outcome(account.outcome) for account in ticket.accounts.all() if account.outcome)
        total = ticket.accounts.count()
        words = [f"{number} of {total}: {end.label.lower()}" for end, number in ends.most_common()]
        said.append(f"Accounts: {', '.join(words)}." if words else "")
    return [words for words in said if words]


def _by_kind(ticket: Ticket, outcome: Outcome) -> str:
    """What the stored table says; of a ticket that closed before there was one, what its plan amounts to."""
    stored = [table for _, table in results.tables_of(accounts_with_results(ticket)) if table]
    if stored:
        return reached.in_words(stored)
    if outcome in _NOT_AS_PLANNED:
        return ""
    return reached.in_words([reached.as_planned(plans.from_json(ticket.plan))])


def accounts_with_results(ticket: Ticket) -> list[Account]:
    """The accounts with the rows that were stored of them, read once for all that the page tells."""
    prefetch_related_objects([ticket], "accounts__results")
    return list(ticket.accounts.all())


def came_back(steps: Iterable[Step]) -> bool:
    """Whether the second look at a delete, a day after the first, showed data again."""
    seconds = (step.evidence.get("second") for step in steps)
    return any(isinstance(second, dict) and bool(second.get("remains")) for second in seconds)


def is_earned(ticket: Ticket) -> bool:
    """Whether the last stations of the ticket's way deserve a tick."""
    if ticket.kind == Kind.ERASE and came_back(ticket.steps.all()):
        return False
    return ticket.state == State.COMPLETED and bool(ticket.outcome) and Outcome(ticket.outcome) in EARNED


def closing_word(ticket: Ticket) -> str:
    """The last station of a ticket's way: what became of it, not merely that it is over."""
    return Outcome(ticket.outcome).label if ticket.outcome else State(ticket.state).label


def checking_word(ticket: Ticket, steps: Iterable[Step]) -> str:
    """The station before: verified is only what Stream was seen not to show any more."""
    steps = list(steps)
    if ticket.kind == Kind.EXPORT:
        return _word_of_export(ticket)
    if came_back(steps):
        return str(_("Data again"))
    if any(step.evidence.get("unreadable") for step in steps):
        return str(_("Not read back"))
    soft = plans.is_soft_only(plans.from_json(ticket.plan))
    verified = ticket.outcome == Outcome.ERASED or (not ticket.outcome and not soft)
    return str(_("Verified")) if verified else str(_("Read back"))


def _word_of_export(ticket: Ticket) -> str:
    return str(_("Files ready")) if ticket.outcome in {"", Outcome.EXPORTED} else str(_("Files"))


def running_word(ticket: Ticket) -> str:
    """The station of the work itself."""
    return str(_("Looked on Stream")) if ticket.outcome == Outcome.NOTHING_FOUND else str(_("Runs on Stream"))
