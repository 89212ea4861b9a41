"""One ticket as its page shows it: the way it has come, its steps on Stream, and what happened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.contrib.auth.models import AbstractUser
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit_actions import AuditAction
from requests_app.enums import (
    CLOSED_STATES,
    EXPORT_OPERATIONS,
    SENDABLE_STATES,
    Kind,
    Operation,
    Outcome,
    State,
    StepState,
)
from requests_app.models import AppHealth, AuditEntry, Step, Ticket
from requests_app.queries import outcome_words
from requests_app.queries.activity import Event, entries_of, events
from requests_app.queries.ticket_parts import steps_of
from requests_app.queries.waiting import Waiting, of_tickets
from requests_app.stream.links import FILE_KEPT
from requests_app.workflow import plan as plans
from requests_app.workflow.retention import export_over


@dataclass(frozen=True)
class Milestone:
    """One station of the way: done, now or still to come."""

    label: str
    standing: str
    at: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class StepLine:
    """One operation for one account, or for the accounts of one export."""

    pk: int
    title: str
    icon: str
    export: bool
    state: StepState
    accounts: str
    task_id: str
    status: str
    polled_at: datetime | None
    next_at: datetime | None
    outcome: Outcome | None
    detail: str
    finished_at: datetime | None
    ready: bool
    evidence: tuple[str, ...]
    # Since when Stream works on it, when it was read back, until when Stream keeps its file, and the file's bytes.
    accepted_at: datetime | None = None
    read_back_at: datetime | None = None
    file_until: datetime | None = None
    size: int | None = None


@dataclass(frozen=True)
class Progress:
    """Everything on the page that moves by itself."""

    milestones: tuple[Milestone, ...]
    steps: tuple[StepLine, ...]
    events: tuple[Event, ...]
    trouble: AppHealth | None = None
    waiting: Waiting | None = None


def progress(ticket: Ticket, *, clear: bool, known: Mapping[int, AbstractUser] = MappingProxyType({})) -> Progress:
    """The way, the steps and the newest events of a ticket, masked unless `clear`; `known` are people by their ids."""
    return Progress(
        milestones(ticket),
        step_lines(ticket, clear=clear),
        events(ticket, clear=clear, known=known),
        trouble(ticket),
        of_tickets([ticket], now=timezone.now()).get(ticket.pk),
    )


def news(happened: Sequence[Event]) -> str:
    """The newest of what happened as a sentence without its full stop: who did what."""
    if not happened:
        return ""
    newest = happened[0]
    return f"{newest.actor} {newest.text}" if newest.actor else newest.text


def mentionable(caseworkers: Iterable[AbstractUser]) -> list[tuple[str, str]]:
    """Whom a note may mention: user names with the names of those who bear them, in the order of these."""
    people = [(person.get_username(), person.get_full_name() or person.get_username()) for person in caseworkers]
    return sorted(people, key=lambda one: one[1].casefold())


def trouble(ticket: Ticket) -> AppHealth | None:
    """What the ticket waits for while Stream does not answer, or refuses the key."""
    if ticket.state not in SENDABLE_STATES:
        return None
    return AppHealth.objects.filter(stream_app=ticket.stream_app_id, failures__gt=0).first()


def version(ticket: Ticket, present: tuple[str, ...] = (), shown: Progress | None = None) -> str:
    """Changes whenever the page would: cheap to compare, so that an unchanged ticket is not drawn again.

    `shown` is what was read of it for a page, where it is drawn.
    """
    steps = [
        (step.pk, step.state, step.outcome, step.detail, step.stream_task.polled_at if step.stream_task else None)
        for step in sorted(steps_of(ticket), key=lambda step: step.pk)
    ]
    if shown is None:
        last = entries_of(ticket).values_list("seq", flat=True).first()
    else:
        last = shown.events[0].seq if shown.events else None
    waits_for = trouble(ticket) if shown is None else shown.trouble
    seen = (ticket.revision, last, present, steps, waits_for and (waits_for.reason, waits_for.open_until))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def subject(ticket: Ticket, *, clear: bool) -> str:
    """Whose data it is about: the first Stream user id, or how many where the role does not need it."""
    ids = plans.from_json(ticket.plan).user_ids
    if ticket.ids_erased_at is not None:
        return _("erased account") if len(ids) == 1 else _("%d erased accounts") % len(ids)
    if not clear:
        return "one account" if len(ids) == 1 else f"{len(ids)} accounts"
    return ids[0] if len(ids) == 1 else f"{ids[0]} +{len(ids) - 1}"


# From this station on a tick says that what was asked was reached and seen.
_VERIFIED_STATION = 4


def _standing(ticket: Ticket, place: int, *, at: datetime | None, now_at: int) -> str:
    """Where a station stands: now, done, still to come, or over without a tick."""
    closed = State(ticket.state) in CLOSED_STATES
    if place == now_at:
        return "now"
    if not at or not (place < now_at or closed):
        return "todo"
    is_verdict = place in {_VERIFIED_STATION, _VERIFIED_STATION + 1}
    return "ended" if closed and is_verdict and not outcome_words.is_earned(ticket) else "done"


def milestones(ticket: Ticket) -> tuple[Milestone, ...]:
    """Opened, sent, decided, run, verified, closed: where the ticket stands between them."""
    state = State(ticket.state)
    decision = max(ticket.decisions.all(), key=lambda one: one.pk, default=None)
    decided_at = ticket.approved_at or (decision.decided_at if decision and state is State.REFUSED else None)
    steps = steps_of(ticket)
    ran_at = _last([step.finished_at for step in steps])
    read_at = _last([step.read_back_at for step in steps])
    verified = outcome_words.checking_word(ticket, steps)
    stations: list[tuple[str, datetime | None, bool]] = [
        ("Opened", ticket.opened_at, False),
        ("Sent to DPO", ticket.submitted_at, state in {State.DRAFT, State.SENT_BACK}),
        ("Refused" if state is State.REFUSED else "DPO decision", decided_at, state is State.AWAITING_DECISION),
        (outcome_words.running_word(ticket), ran_at, state in SENDABLE_STATES | {State.NEEDS_ATTENTION}),
        (verified, read_at or ran_at, False),
        (outcome_words.closing_word(ticket) if state in CLOSED_STATES else "Ended", ticket.closed_at, False),
    ]
    if state is not State.CANCELLED:
        to_close = state in CLOSED_STATES and ticket.answered_at is None
        stations.append(("Case closed", ticket.answered_at, to_close))
    closed = state in CLOSED_STATES
    waits = "to be closed" if closed else state.label
    now_at = next((place for place, (_, _, here) in enumerate(stations) if here), len(stations))
    return tuple(
        Milestone(
            label,
            _standing(ticket, place, at=at, now_at=now_at),
            at if at and place != now_at else None,
            waits if place == now_at else "",
        )
        for place, (label, at, _) in enumerate(stations)
    )


def _last(moments: Iterable[datetime | None]) -> datetime | None:
    """The latest, where all of them are there."""
    found = list(moments)
    return max((at for at in found if at), default=None) if found and all(found) else None


def step_lines(ticket: Ticket, *, clear: bool) -> tuple[StepLine, ...]:
    """The steps in their order; before the approval those that the plan amounts to."""
    sizes = _sizes(ticket)
    found = [_line_of(step, ticket, sizes, clear=clear) for step in steps_of(ticket)]
    if found or ticket.state in CLOSED_STATES:
        return tuple(found)
    return tuple(
        StepLine(
            pk=0,
            title=call.operation.label,
            icon=_icon(call.operation),
            export=call.operation in EXPORT_OPERATIONS,
            state=StepState.PLANNED,
            accounts=_accounts(list(call.user_ids), clear=clear),
            task_id="",
            status="",
            polled_at=None,
            next_at=None,
            outcome=None,
            detail="",
            finished_at=None,
            ready=False,
            evidence=(),
        )
        for call in plans.calls(plans.from_json(ticket.plan))
    )


def _line_of(step: Step, ticket: Ticket, sizes: Mapping[int, int], *, clear: bool) -> StepLine:
    operation, state, task = Operation(step.operation), StepState(step.state), step.stream_task
    export = operation in EXPORT_OPERATIONS
    over = export_over(step, ticket, now=timezone.now())
    return StepLine(
        pk=step.pk,
        title=operation.label,
        icon=_icon(operation),
        export=export,
        state=state,
        accounts=_accounts(step.user_ids, clear=clear and ticket.ids_erased_at is None),
        task_id=task.task_id if task else "",
        status=task.status if task else "",
        polled_at=task.polled_at if task else None,
        next_at=(task.next_poll_at if task else None) or step.next_at,
        outcome=Outcome(step.outcome) if step.outcome else None,
        detail=step.detail,
        finished_at=step.finished_at,
        ready=export and state is StepState.DONE and task is not None and not over,
        evidence=evidence_words(step.evidence),
        accepted_at=task.accepted_at if task and state is StepState.ON_STREAM else None,
        read_back_at=step.read_back_at,
        file_until=step.finished_at + FILE_KEPT if export and step.finished_at else None,
        size=sizes.get(step.pk),
    )


def _sizes(ticket: Ticket) -> dict[int, int]:
    """The bytes of each step's file, where a download told them."""
    if ticket.kind != Kind.EXPORT and not plans.from_json(ticket.plan).copy_first:
        return {}
    entries = AuditEntry.objects.filter(ticket_id=ticket.pk, action=AuditAction.PACKAGE_DOWNLOADED.value)
    told = [facts for facts in entries.order_by("seq").values_list("facts", flat=True) if facts.get("bytes")]
    return {facts["step"]: facts["bytes"] for facts in told}


def _icon(operation: Operation) -> str:
    if operation in EXPORT_OPERATIONS:
        return "file-export"
    return {Operation.DELETE_FEEDS_DATA: "rss", Operation.RESTORE_USERS: "restore"}.get(operation, "user-off")


def _accounts(user_ids: list[str], *, clear: bool) -> str:
    if len(user_ids) == 1 and clear:
        return user_ids[0]
    return "one account" if len(user_ids) == 1 else f"{len(user_ids)} accounts"


_COUNTED = {"messages": "messages", "channels_of_two": "conversations", "calls_of_two": "calls"}


def _of_conversations(seen: Mapping[str, object]) -> list[str]:
    """What was looked for besides the user's own record."""
    counted = [f"{seen[name]} {words}" for name, words in _COUNTED.items() if name in seen]
    not_counted = seen.get("not_counted")
    names = [words for name, words in _COUNTED.items() if isinstance(not_counted, list) and name in not_counted]
    said = [f"It shows {', '.join(counted)} of the user."] if counted else []
    return said + ([f"Not looked for, since Stream does not list them now: {', '.join(names)}."] if names else [])


def _of_late_look(second: object) -> tuple[str, ...]:
    """What the look a day later showed, where Stream could not be read before."""
    if not isinstance(second, dict):
        return ("Stream could not be read afterwards, so there is no evidence yet.",)
    return ("Stream could not be read at first. A day later:", *evidence_words(second))


# Earlier looks counted the first three alone.
_FEEDS = {
    "feeds": "feeds",
    "activities": "activities",
    "comments": "comments",
    "bookmarks": "bookmarks",
    "bookmark_folders": "bookmark folders",
    "collections": "collections",
}


def evidence_words(seen: dict[str, object]) -> tuple[str, ...]:
    """What was read back, in sentences."""
    if seen.get("unreadable"):
        return _of_late_look(seen.get("second"))
    found = []
    if "user" in seen:
        found.append("Stream still shows the user." if seen["user"] == "present" else "Stream shows no such user.")
    if "feeds" in seen:
        left = [f"{seen[name]} {words}" for name, words in _FEEDS.items() if name in seen]
        found.append(f"Stream still shows {', '.join(left)}.")
        hidden = seen.get("activities_hidden", 0)
        if hidden:
            found.append(f"It keeps {hidden} soft-deleted activities, hidden.")
    found += _of_conversations(seen)
    if "second" in seen:
        again = seen["second"]
        left_over = isinstance(again, dict) and again.get("remains")
        found.append("A day later there was data again: look on Stream." if left_over else "A day later: the same.")
    return tuple(found)
