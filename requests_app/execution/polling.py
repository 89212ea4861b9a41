"""Asking Stream how far its tasks are, and what a finished one means for the steps that hang on it.

The outcome is stored when it is first seen: Stream does not promise to keep tasks. A completed task is
still read user by user. A task that Stream no longer knows is no success: its effect is looked for instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from requests_app.audit import log
from requests_app.enums import DELETE_OPERATIONS, EXPORT_OPERATIONS, AuditAction, Outcome, StepState
from requests_app.execution import budgets, claims, health
from requests_app.execution.context import Context
from requests_app.execution.timing import backoff, until_next_poll
from requests_app.models import Step, StreamTask, Ticket
from requests_app.stream.errors import ConfigurationError, NotFound, RateLimited, StreamError
from requests_app.stream.wire import TaskReport, TaskState
from requests_app.workflow import outcomes
from requests_app.workflow import plan as plans

ENDPOINT = "GetTask"
# Opening a ticket makes its tasks due again, but not more often than this.
LOOK_SOONER_AFTER = timedelta(seconds=2)


def poll_due(context: Context) -> int:
    """Ask about every Stream task that is due; returns how many were asked about."""
    tasks = [task for task in claims.claim_stream_tasks(now=context.now()) if _askable(task, context)]
    calls = [partial(context.client(task.stream_app).get_task, task.task_id) for task in tasks]
    for task, reply in zip(tasks, context.fetch(calls), strict=True):
        _heed(task, reply, context)
    return len(tasks)


def look_sooner(ticket: Ticket, *, now: datetime) -> None:
    """Somebody opened the ticket: ask about its running tasks at the next pass."""
    StreamTask.objects.filter(steps__ticket=ticket, next_poll_at__gt=now).filter(
        Q(polled_at__isnull=True) | Q(polled_at__lt=now - LOOK_SOONER_AFTER)
    ).update(next_poll_at=now)


def _askable(task: StreamTask, context: Context) -> bool:
    now = context.now()
    try:
        context.client(task.stream_app)
    except ConfigurationError as error:
        health.note_failure(task.stream_app, error, now=now)
        claims.write_task(task, next_poll_at=now + backoff(5))
        return False
    wait_until = budgets.take(task.stream_app, ENDPOINT, now=now)
    if wait_until:
        claims.write_task(task, next_poll_at=wait_until)
    return wait_until is None


def _heed(task: StreamTask, reply: TaskReport | StreamError, context: Context) -> None:
    now = context.now()
    if isinstance(reply, NotFound):
        _vanished(task, context, now=now)
    elif isinstance(reply, StreamError):
        pause = backoff(min(task.polls, 8))
        if isinstance(reply, RateLimited):
            budgets.block(task.stream_app, ENDPOINT, now=now, seconds=reply.retry_after)
        health.note_failure(task.stream_app, reply, now=now)
        claims.write_task(task, polled_at=now, next_poll_at=now + pause, error=str(reply)[:500])
    elif reply.state is TaskState.GOING:
        health.note_success(task.stream_app, now=now)
        claims.write_task(
            task,
            status=reply.status[:40],
            polls=task.polls + 1,
            polled_at=now,
            next_poll_at=now + until_next_poll(now - task.accepted_at),
            error="",
        )
    else:
        health.note_success(task.stream_app, now=now)
        _finished(task, reply, context, now=now)


def _finished(task: StreamTask, report: TaskReport, context: Context, *, now: datetime) -> None:
    with transaction.atomic():
        written = claims.write_task(
            task,
            status=report.status[:40],
            polls=task.polls + 1,
            polled_at=now,
            finished_at=now,
            next_poll_at=None,
            error=report.error[:500],
        )
        if not written:
            return
        steps = _steps_on(task)
        for step in steps:
            columns = _result(step, report, now=now)
            if _write(step, columns):
                _record(step, task, report.status, str(columns["outcome"]), context, now=now)
    context.touched.update(step.ticket_id for step in steps)


def _steps_on(task: StreamTask) -> Sequence[Step]:
    running = Step.objects.filter(stream_task=task, state=StepState.ON_STREAM.value)
    return list(running.select_related("ticket", "account").order_by("pk"))


def _write(step: Step, columns: dict[str, object]) -> bool:
    """A running step is led by its task's lease; only its own state can have moved on."""
    running = Step.objects.filter(pk=step.pk, state=StepState.ON_STREAM.value)
    return running.update(lease_until=None, **columns) == 1


def _result(step: Step, report: TaskReport, *, now: datetime) -> dict[str, object]:
    """What the finished task means for one step."""
    failure = _failure(step, report)
    if failure:
        return {
            "state": StepState.FAILED.value,
            "outcome": Outcome.FAILED.value,
            "detail": failure[:500],
            "finished_at": now,
        }
    export = step.operation in EXPORT_OPERATIONS
    outcome = Outcome.EXPORTED if export else outcomes.erase_outcome(plans.from_json(step.ticket.plan))
    return {
        "state": StepState.DONE.value,
        "outcome": outcome.value,
        "detail": "",
        "finished_at": now,
        "look_again_at": now if step.operation in DELETE_OPERATIONS else None,
    }


def _failure(step: Step, report: TaskReport) -> str:
    """Why the step failed, in words, or an empty text.

    A user that a completed task does not name is not a failure yet: the read-back that follows tells.
    """
    if report.state is TaskState.FAILED:
        return f"Stream could not carry this out: {report.error}" if report.error else "Stream's task failed."
    if step.operation in EXPORT_OPERATIONS:
        return "" if report.url else "Stream finished the export without a file."
    status = (report.user_results or {}).get(step.user_ids[0], "ok")
    return "" if status.lower() == "ok" else f"Stream finished, but not for this user: {status}"


def _vanished(task: StreamTask, context: Context, *, now: datetime) -> None:
    """Stream no longer knows the task: its steps are unknown, and reading Stream decides."""
    with transaction.atomic():
        text = "Stream no longer knows this task."
        if not claims.write_task(task, polled_at=now, finished_at=now, next_poll_at=None, error=text):
            return
        for step in _steps_on(task):
            context.touched.add(step.ticket_id)
            if _write(step, {"state": StepState.UNKNOWN.value, "next_at": now, "detail": text}):
                _record(step, task, "not found", "", context, now=now)


def _record(step: Step, task: StreamTask, status: str, outcome: str, context: Context, *, now: datetime) -> None:
    log.record(
        AuditAction.STREAM_TASK_FINISHED,
        actor=context.actor,
        now=now,
        ticket=step.ticket,
        subjects=[log.subject(task.stream_app_id, user_id) for user_id in step.user_ids],
        facts={
            "step": step.pk,
            "operation": step.operation,
            "task_id": task.task_id,
            "status": status[:40],
            "outcome": outcome,
        },
    )
