"""The table of what was reached, stored with the close of a ticket, and the words that it earns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch

from requests_app.enums import (
    DELETE_OPERATIONS,
    Answer,
    Asked,
    AttemptOutcome,
    DataKind,
    Operation,
    Outcome,
    Reached,
    Seen,
    StepState,
)
from requests_app.models import Account, KindResult, Step, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow import reached
from requests_app.workflow.reached import Call, Row

# An attempt that Stream took, or may have: an open one was on its way when its worker was last heard of.
_TAKEN = (AttemptOutcome.ACCEPTED.value, AttemptOutcome.UNKNOWN.value, AttemptOutcome.OPEN.value)
_COMPLETED, _FAILED = "completed", "failed"


@dataclass(frozen=True)
class Conclusion:
    """The word of a ticket, and what its entry in the log says of the table: counts for each kind, no ids."""

    outcome: Outcome
    facts: Mapping[str, object]


def steps_to_conclude() -> Prefetch[str]:
    """The steps of tickets in their order, with what the table asks of them."""
    link = Step.attempts.through._default_manager
    taken = link.filter(step_id=OuterRef("pk"), attempt__outcome__in=_TAKEN)
    accepted = link.filter(step_id=OuterRef("pk"), attempt__outcome=AttemptOutcome.ACCEPTED.value)
    steps = Step.objects.annotate(taken=Exists(taken), accepted=Exists(accepted)).select_related("stream_task")
    return Prefetch("steps", steps.order_by("rank", "position"))


def conclude(tickets: Sequence[Ticket], *, now: datetime) -> dict[int, Conclusion]:
    """Store the tables of tickets that close now, with the word of each account; by ticket.

    In the caller's transaction, which moves the tickets. They come with their accounts and `steps_to_conclude`. What an
    earlier close stored, before a restore, makes way.
    """
    accounts = [account for ticket in tickets for account in ticket.accounts.all()]
    closed_before = [account.pk for account in accounts if account.outcome]
    made: list[KindResult] = []
    concluded: dict[int, Conclusion] = {}
    for ticket in tickets:
        tables = _tables(ticket)
        for account, table in tables:
            account.outcome = reached.word(table).value
            made += [_stored(account, row, now=now) for row in table]
        facts = {"reached": reached.counts(table for _, table in tables)}
        outcome = reached.combine(Outcome(account.outcome) for account, _ in tables)
        concluded[ticket.pk] = Conclusion(outcome, {"outcome": outcome.value, **facts})
    if accounts:
        if closed_before:
            KindResult.objects.filter(account__in=closed_before).delete()
        KindResult.objects.bulk_create(made)
        _keep_outcomes(accounts)
    return concluded


def tables_of(accounts: Iterable[Account]) -> list[tuple[Account, tuple[Row, ...]]]:
    """The stored tables of accounts that come with their `results`; without rows where none was stored."""
    return [(account, tuple(_row(one) for one in account.results.all())) for account in accounts]


def reached_by_kind(ticket: Ticket) -> dict[str, set[Reached]]:
    """What the accounts of a closed ticket came to, by kind of data; empty where no table was stored.

    What became of users who were asked back stands by itself, under `Asked.RESTORE`.
    """
    found: dict[str, set[Reached]] = defaultdict(set)
    rows = KindResult.objects.filter(account__ticket=ticket)
    for kind, asked, end in rows.values_list("kind", "asked", "reached"):
        found[asked if asked == Asked.RESTORE else kind].add(Reached(end))
    return dict(found)


def _tables(ticket: Ticket) -> list[tuple[Account, tuple[Row, ...]]]:
    plan = plans.from_json(ticket.plan)
    steps = list(ticket.steps.all())
    found = []
    for account in ticket.accounts.all():
        own = [step for step in steps if step.account_id == account.pk or account.user_id in step.user_ids]
        found.append((account, reached.rows(plan, [_call(step) for step in own])))
    return found


def _call(step: Step) -> Call:
    """What a step tells; `taken` and `accepted` come from `steps_to_conclude`."""
    status = step.stream_task.status.lower() if step.stream_task else ""
    # A restore is answered at once, without a task.
    at_once = step.operation == Operation.RESTORE_USERS and not status and bool(getattr(step, "accepted", False))
    return Call(
        operation=Operation(step.operation),
        state=StepState(step.state),
        outcome=Outcome(step.outcome) if step.outcome else None,
        taken=bool(getattr(step, "taken", False)) or _was_seen_to_act(step),
        ended_well=status == _COMPLETED or at_once,
        ended_badly=status == _FAILED,
        evidence=step.evidence,
    )


def _was_seen_to_act(step: Step) -> bool:
    """Whether the step is a delete whose effect was seen: a restored database has forgotten the attempt itself."""
    done = step.state == StepState.DONE and step.operation in DELETE_OPERATIONS
    return done and step.outcome not in {"", Outcome.NOTHING_FOUND.value}


def _stored(account: Account, row: Row, *, now: datetime) -> KindResult:
    return KindResult(
        account=account,
        kind=row.kind.value,
        asked=row.asked.value,
        answer=row.answer.value,
        seen=row.seen.value,
        at_least=row.at_least,
        reached=row.reached.value,
        closed_at=now,
    )


def _row(one: KindResult) -> Row:
    return Row(
        DataKind(one.kind), Asked(one.asked), Answer(one.answer), Seen(one.seen), Reached(one.reached), one.at_least
    )


def _keep_outcomes(accounts: Iterable[Account]) -> None:
    """Save the words, those that are alike in one go."""
    alike: dict[str, list[int]] = defaultdict(list)
    for account in accounts:
        alike[account.outcome].append(account.pk)
    for outcome, ids in alike.items():
        Account.objects.filter(pk__in=ids).update(outcome=outcome)
