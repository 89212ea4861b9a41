"""Many tickets quickly: one is driven through the verbs that people and the engine use, the others copy its rows.

The copies differ in what belongs to one person alone: user ids, plan and digest. Their audit entries are not copied.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from requests_app.enums import AttemptOutcome, Mode, Operation, StepState
from requests_app.models import Account, Attempt, Contribution, Decision, Step, StreamApp, StreamTask, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan
from tests import factories, step_events

Row = TypeVar("Row", bound=Model)
Person = tuple[Ticket, Account]
PER_CALL = 100
CHUNK = 5_000


def erasure(user_id: str, **changes: object) -> Plan:
    """An erasure that is one call to delete the user: feeds data would be a call of its own for each."""
    return factories.erase_plan(user_id, **({"feeds_data": Mode.KEEP, "calls": Mode.KEEP, "files": False} | changes))


def export(user_id: str) -> Plan:
    """An export of one file."""
    return factories.export_plan(user_id, export_feeds_data=False)


def approved(wanted: Sequence[Plan], app: StreamApp) -> None:
    """An approved ticket for each plan of one account; all of them become visible at once."""
    with transaction.atomic():
        _copies(factories.approved(wanted[0], app=app), wanted[1:])


def running_exports(task_ids: Sequence[str], app: StreamApp, *, prefix: str, first_polls: Sequence[datetime]) -> None:
    """A running ticket for each of Stream's tasks, and when each is to be asked about first."""
    now = timezone.now()
    wanted = [export(f"{prefix}-{number}") for number in range(len(task_ids))]
    with transaction.atomic():
        template = factories.running(wanted[0], app=app)
        step = template.steps.get()
        people = [(template, template.accounts.get()), *_copies(template, wanted[1:])]
        tasks = StreamTask.objects.bulk_create(
            StreamTask(
                stream_app=app,
                task_id=task_id,
                operation=Operation.EXPORT_USERS.value,
                accepted_at=now,
                next_poll_at=first_poll,
            )
            for task_id, first_poll in zip(task_ids, first_polls, strict=True)
        )
        step.delete()
        _steps(step, people, tasks, state=StepState.ON_STREAM.value, next_at=None, sent_at=now, attempt_count=1)


def finished(number: int, app: StreamApp) -> None:
    """So many completed erasures, a hundred a call, with the rows that they leave behind."""
    prefix = uuid.uuid4().hex[:8]
    for start in range(0, number, CHUNK):
        wanted = [erasure(f"{prefix}-{place}") for place in range(start, min(start + CHUNK, number))]
        with transaction.atomic():
            template = factories.completed(wanted[0], app=app)
            step_events.look_again(template)
            step = template.steps.get()
            people = [(template, template.accounts.get()), *_copies(template, wanted[1:])]
            calls = -(-len(people) // PER_CALL)
            tasks = StreamTask.objects.bulk_create(_finished_task(app, step) for _ in range(calls))
            attempts = Attempt.objects.bulk_create(_answered(app, step) for _ in range(calls))
            step.delete()
            shared = [tasks[place // PER_CALL] for place in range(len(people))]
            steps = _steps(step, people, shared, sent_at=step.finished_at, attempt_count=1)
            Step.attempts.through.objects.bulk_create(
                Step.attempts.through(step_id=made.pk, attempt_id=attempts[place // PER_CALL].pk)
                for place, made in enumerate(steps)
            )


def _finished_task(app: StreamApp, step: Step) -> StreamTask:
    return StreamTask(
        stream_app=app,
        task_id=str(uuid.uuid4()),
        operation=step.operation,
        status="completed",
        accepted_at=step.finished_at,
        polls=2,
        polled_at=step.finished_at,
        finished_at=step.finished_at,
    )


def _answered(app: StreamApp, step: Step) -> Attempt:
    return Attempt(
        stream_app=app,
        operation=step.operation,
        body_digest="0" * 64,
        account_count=PER_CALL,
        intended_at=step.finished_at,
        answered_at=step.finished_at,
        outcome=AttemptOutcome.ACCEPTED.value,
        status_code=201,
    )


def _copies(template: Ticket, wanted: Sequence[Plan]) -> list[Person]:
    """A ticket like the template for each plan, with everything that hangs on it but the steps."""
    tickets = Ticket.objects.bulk_create(_tickets(template, wanted), batch_size=CHUNK)
    account = template.accounts.get()
    accounts = Account.objects.bulk_create(
        _copied(account, ticket_id=ticket.pk, user_id=ticket.plan["user_ids"][0]) for ticket in tickets
    )
    for contribution in template.contributions.all():
        Contribution.objects.bulk_create(_copied(contribution, ticket_id=ticket.pk) for ticket in tickets)
    for decision in template.decisions.all():
        Decision.objects.bulk_create(
            _copied(decision, ticket_id=ticket.pk, plan_digest=ticket.plan_digest) for ticket in tickets
        )
    return list(zip(tickets, accounts, strict=True))


def _tickets(template: Ticket, wanted: Sequence[Plan]) -> Iterator[Ticket]:
    for plan in wanted:
        digest = plans.digest(plan)
        yield _copied(template, plan=plans.to_json(plan), plan_digest=digest, approved_digest=digest)


def _steps(step: Step, people: Sequence[Person], tasks: Sequence[StreamTask], **changes: object) -> list[Step]:
    return Step.objects.bulk_create(
        _copied(
            step,
            ticket_id=ticket.pk,
            account_id=account.pk,
            user_ids=[account.user_id],
            stream_task_id=task.pk,
            **changes,
        )
        for (ticket, account), task in zip(people, tasks, strict=True)
    )


def _copied(row: Row, **changes: object) -> Row:
    """A row like this one, not yet stored."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    return type(row)(**({field.attname: getattr(row, field.attname) for field in fields} | changes))
