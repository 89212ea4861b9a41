"""All that the rows say of one ticket, in lines of text for whoever runs the portal: masked unless in clear.

Masked means: no user id, no name, no address, no free text, and none of Stream's own words, which may hold any of them.
Secrets are not read at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from requests_app.enums import AttemptOutcome, Kind, Operation, Outcome, State, StepState
from requests_app.models import Attempt, AuditEntry, Step, StreamTask, Ticket
from requests_app.models.ticket import is_erased
from requests_app.queries.activity import describe
from requests_app.queries.ticket_page import evidence_words
from requests_app.workflow import outcomes
from requests_app.workflow import plan as plans

MASKED = "[masked]"
ERASED = "[erased]"
NEVER = "–"
STREAMS_WORDS = "[Stream's words, masked]"


@dataclass(frozen=True)
class Section:
    """Lines under a title; `more` are left out, `summary` stands behind the title."""

    title: str
    lines: tuple[str, ...]
    more: int = 0
    summary: str = ""


@dataclass(frozen=True)
class Record:
    """A ticket, how it is looked at, and its steps with their tasks. `limit` bounds each section; 0 means all of it."""

    ticket: Ticket
    steps: tuple[Step, ...]
    clear: bool
    limit: int

    def account(self, user_id: str) -> str:
        """How an account is called: by its id in clear, else by its place on the ticket."""
        if self.clear and not is_erased(user_id):
            return user_id
        places = {account.user_id: account.position + 1 for account in self.ticket.accounts.all()}
        place = f"account {places[user_id]}" if user_id in places else "an account"
        return f"{place} {ERASED}" if is_erased(user_id) else place

    def private(self, words: str) -> str:
        """A name, an id or a text that somebody wrote."""
        return words if self.clear or not words else MASKED

    def sentence(self, words: str) -> str:
        """A sentence of the portal, in which words of Stream may follow a known beginning."""
        if self.clear:
            return words
        for beginning in (outcomes.CANNOT, outcomes.NOT_FOR_USER):
            if words.startswith(beginning):
                return f"{beginning}{STREAMS_WORDS}"
        return words

    def cut(self, title: str, lines: Iterable[str], total: int | None = None, summary: str = "") -> Section:
        """A section of at most `limit` lines, of `total` where not all of them were read."""
        kept = tuple(lines)
        shown = kept[: self.limit] if self.limit else kept
        return Section(title, shown, (len(kept) if total is None else total) - len(shown), summary)


def read(ticket: Ticket, *, clear: bool, limit: int) -> Record:
    """The ticket with its steps. What was erased is shown to nobody."""
    steps = Step.objects.filter(ticket=ticket).select_related("stream_task", "account", "ticket__stream_app")
    rows = steps.defer("ticket__stream_app__api_secret").order_by("rank", "position")
    return Record(ticket, tuple(rows), clear and ticket.ids_erased_at is None, limit)


def moment(at: datetime | None) -> str:
    """A moment in the portal's time zone, with the zone."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}" if at else NEVER


def pairs(*known: tuple[str, object]) -> str:
    """Names with their values, those that are empty left out."""
    return ", ".join(f"{name} {value}".strip() for name, value in known if value not in {None, "", NEVER})


def sections_above(record: Record) -> tuple[Section, ...]:
    """The ticket itself, its plan, its accounts."""
    return _ticket(record), _plan(record), _accounts(record)


def sections_below(record: Record) -> tuple[Section, ...]:
    """What became of the steps: attempts, leases, tasks, read-backs; then the audit entries."""
    return _attempts(record), _leases(record), _tasks(record), _read_backs(record), _entries(record)


def _ticket(record: Record) -> Section:
    ticket = record.ticket
    people = (
        ("opened", ticket.opened_by_id, ticket.opened_at),
        ("edited", ticket.edited_by_id, ticket.edited_at),
        ("submitted", ticket.submitted_by_id, ticket.submitted_at),
        ("approved first", ticket.first_approved_by_id, ticket.first_approved_at),
        ("approved", ticket.approved_by_id, ticket.approved_at),
        ("case closed", ticket.answered_by_id, ticket.answered_at),
    )
    known: list[tuple[str, object]] = [
        ("kind", Kind(ticket.kind).label),
        ("state", f"{State(ticket.state).label} ({ticket.state}), revision {ticket.revision}"),
        ("app", f"{ticket.stream_app.name} (app {ticket.stream_app_id})"),
        ("outcome", Outcome(ticket.outcome).label if ticket.outcome else ""),
        ("stopped because", record.sentence(ticket.attention)),
        ("received", f"{ticket.received_on}, due {ticket.due_on}, internal target {ticket.target_on}"),
        ("who asks", record.private(", ".join(filter(None, (ticket.requester_name, ticket.requester_email))))),
        *((did, f"{moment(at)} by staff {who}") for did, who, at in people if at),
        ("not before", moment(ticket.not_before) if ticket.not_before else ""),
        ("begun", moment(ticket.begun_at) if ticket.begun_at else ""),
        ("ended", moment(ticket.closed_at) if ticket.closed_at else ""),
        ("details erased", moment(ticket.details_erased_at) if ticket.details_erased_at else ""),
        ("user ids erased", moment(ticket.ids_erased_at) if ticket.ids_erased_at else ""),
    ]
    return Section("Ticket", tuple(f"{name}: {value}" for name, value in known if value))


def _plan(record: Record) -> Section:
    ticket = record.ticket
    digests = pairs(("digest", ticket.plan_digest[:12]), ("approved digest", (ticket.approved_digest or "none")[:12]))
    try:
        plan = plans.from_json(ticket.plan)
    except (KeyError, TypeError, ValueError):
        return Section("Plan", ("It cannot be read: it is not as the portal writes it.",), summary=digests)
    names = [one.name for one in fields(plan) if one.name not in {"kind", "user_ids"}]
    chosen: dict[str, Any] = {name: getattr(plan, name) for name in names if getattr(plan, name)}
    lines = [f"{name}: {_choice(record, name, value)}" for name, value in chosen.items()]
    if not record.steps:
        calls = Counter(call.operation.label for call in plans.calls(plan))
        lines += [f"amounts to: {count} × {operation}" for operation, count in calls.items()]
    return Section("Plan", tuple(lines), summary=digests)


def _choice(record: Record, name: str, value: object) -> object:
    if name in plans.OWNERS:
        return record.private(str(value))
    return "yes" if value is True else value


def _accounts(record: Record) -> Section:
    accounts = list(record.ticket.accounts.all())
    lines = (
        pairs(
            ("", record.account(account.user_id)),
            ("outcome", Outcome(account.outcome).label if account.outcome else ""),
            ("made on Stream", moment(account.remote_created_at)),
            ("absent when approved", "yes" if account.absent_when_approved else ""),
        )
        for account in accounts
    )
    return record.cut("Accounts", lines, summary=f"{len(accounts)}")


def _attempts(record: Record) -> Section:
    found = Attempt.objects.filter(steps__ticket=record.ticket).distinct()
    own = Step.objects.filter(ticket=record.ticket).only("pk").order_by("pk")
    rows = _newest(found.prefetch_related(Prefetch("steps", own)), record)
    return record.cut("Attempts", map(_attempt, rows), found.count(), "newest first")


def _attempt(row: Attempt) -> str:
    steps = [str(step.pk) for step in row.steps.all()]
    return f"attempt {row.pk}: " + pairs(
        ("", Operation(row.operation).label),
        ("for step", ", ".join(steps[:5]) + (f" and {len(steps) - 5} more" if len(steps) > 5 else "")),
        ("accounts in the call:", row.account_count),
        ("intended", moment(row.intended_at)),
        ("answered", moment(row.answered_at)),
        ("with", AttemptOutcome(row.outcome).label),
        ("HTTP", row.status_code),
        ("·", row.detail),
    )


def _newest(rows: QuerySet[Any], record: Record) -> Sequence[Any]:
    ordered = rows.order_by("-pk")
    return list(ordered[: record.limit] if record.limit else ordered)


def _leases(record: Record) -> Section:
    steps = [(f"step {step.pk}", step.lease_token, step.lease_until) for step in record.steps]
    tasks = [(f"task {task.task_id}", task.lease_token, task.lease_until) for task in _own_tasks(record)]
    lines = [f"{what}: token {token}, until {moment(until)}" for what, token, until in (*steps, *tasks) if until]
    return record.cut("Leases", lines)


def _own_tasks(record: Record) -> list[StreamTask]:
    return list({step.stream_task.pk: step.stream_task for step in record.steps if step.stream_task}.values())


def _tasks(record: Record) -> Section:
    lines = (
        f"task {task.task_id}: "
        + pairs(
            ("", Operation(task.operation).label),
            ("status", task.status),
            ("accepted", moment(task.accepted_at)),
            (f"asked {task.polls} times, last", moment(task.polled_at)),
            ("asked again", moment(task.next_poll_at)),
            ("finished", moment(task.finished_at)),
            ("error", task.error if record.clear or not task.error else STREAMS_WORDS),
        )
        for task in _own_tasks(record)
    )
    return record.cut("Stream tasks", lines)


def _read_backs(record: Record) -> Section:
    lines = (
        f"step {step.pk}: "
        + pairs(
            ("read back", moment(step.read_back_at)),
            ("again", moment(step.look_again_at)),
            ("", " ".join(evidence_words(step.evidence))),
        )
        for step in record.steps
        if step.evidence or step.read_back_at or step.look_again_at
    )
    return record.cut("Read-backs", lines)


def _entries(record: Record) -> Section:
    found = AuditEntry.objects.filter(ticket_id=record.ticket.pk)
    lines = (
        f"{entry.seq}  {moment(entry.at)}  {entry.action}  {_actor(entry)}  {describe(entry)}"
        for entry in _newest(found, record)
    )
    return record.cut("Audit entries", lines, found.count(), "newest first")


def _actor(entry: AuditEntry) -> str:
    return f"staff {entry.actor_id}" if entry.actor_id is not None else entry.actor_name.lower()


def step_line(record: Record, step: Step) -> str:
    """One step as it stands, without what holds it."""
    accounts = [record.account(user_id) for user_id in step.user_ids]
    return f"step {step.pk}: " + pairs(
        ("", Operation(step.operation).label),
        ("for", ", ".join(accounts[:3]) + (f" and {len(accounts) - 3} more" if len(accounts) > 3 else "")),
        ("rank", str(step.rank)),
        ("state", StepState(step.state).label),
        ("outcome", Outcome(step.outcome).label if step.outcome else ""),
        ("attempts", step.attempt_count or ""),
        ("setbacks", step.setbacks or ""),
        ("next", moment(step.next_at)),
        ("sent", moment(step.sent_at)),
        ("finished", moment(step.finished_at)),
        ("·", record.sentence(step.detail)),
    )
