"""Asking Stream how far its tasks are, and what a finished one means for the steps that hang on it.

The outcome is stored when it is first seen: Stream does not promise to keep tasks. A completed task is
still read user by user. A task that Stream no longer knows is no success: its effect is looked for instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q, QuerySet

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.engine import breaker, budgets, claims, parking
from requests_app.engine.context import Context
from requests_app.engine.outgoing import Returned
from requests_app.engine.phases.intend import subjects
from requests_app.engine.timing import SETTLE, UNAVAILABLE, backoff, until_next_poll
from requests_app.enums import DELETE_OPERATIONS, EXPORT_OPERATIONS, Operation, Outcome, StepState
from requests_app.models import Step, StreamApp, StreamTask, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.rows import Columns
from requests_app.steps.write import Change
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, StreamError
from requests_app.stream.links import is_usable
from requests_app.stream.wire import TaskReport, TaskState
from requests_app.workflow import erased, outcomes
from requests_app.workflow import plan as plans

ENDPOINT = "GetTask"
# Opening a ticket makes its tasks due again, but not more often than this.
LOOK_SOONER_AFTER = timedelta(seconds=2)
# Seconds until a task is asked about again that could not be read.
LEAST_PAUSE = 2.0


def poll_due(context: Context) -> int:
    """Ask about every Stream task that is due; returns how many were taken up."""
    limit = min(claims.AT_ONCE, context.calls.room)
    tasks = claims.claim_stream_tasks(now=context.now(), closed_apps=context.agenda.closed, limit=limit)
    park = partial(parking.park_task, now=context.now())
    parking.each(partial(_take_up, context=context), tasks, lambda task: context.touched.update(park(task)))
    return len(tasks)


def _take_up(tasks: Sequence[StreamTask], context: Context) -> None:
    by_app: dict[StreamApp, list[StreamTask]] = defaultdict(list)
    for task in tasks:
        by_app[task.stream_app].append(task)
    unfit = breaker.unfit(by_app, context)
    for app, own in by_app.items():
        if app.pk in unfit:
            again = context.now() + backoff(5)
            claims.write_now([(task, {"next_poll_at": again}) for task in own])
        else:
            _ask(app, own, context)


def _ask(app: StreamApp, tasks: Sequence[StreamTask], context: Context) -> None:
    granted, wait_until = budgets.take_some(app, ENDPOINT, len(tasks), now=context.now())
    claims.write_now([(task, {"next_poll_at": wait_until}) for task in tasks[granted:]])
    for task in tasks[:granted]:
        call = partial(context.client(app).get_task, task.task_id)
        context.calls.add(app.pk, call, task, _apply_reports)


def look_sooner(ticket: Ticket, *, now: datetime) -> None:
    """Somebody opened the ticket: ask about its running tasks at the next pass."""
    StreamTask.objects.filter(steps__ticket=ticket, next_poll_at__gt=now).filter(
        Q(polled_at__isnull=True) | Q(polled_at__lt=now - LOOK_SOONER_AFTER)
    ).update(next_poll_at=now)


def _apply_reports(returned: Sequence[Returned[StreamTask, TaskReport]], context: Context) -> None:
    """Write down what came back about tasks: those still going, those finished, those gone."""
    now = context.now()
    by_app: dict[StreamApp, list[object]] = defaultdict(list)
    going: list[tuple[StreamTask, Columns]] = []
    finished: dict[int, TaskReport] = {}
    vanished: list[StreamTask] = []
    ended: list[tuple[StreamTask, Columns]] = []
    for task, reply in returned:
        by_app[task.stream_app].append(reply)
        if _tells_no_more(task, reply, now=now):
            vanished.append(task)
        elif isinstance(reply, StreamError):
            going.append((task, _unread(task, reply, now=now)))
        elif reply.state is TaskState.GOING:
            again = now + until_next_poll(now - task.accepted_at, together=len(returned))
            going.append((task, _seen(reply, now=now) | {"next_poll_at": again, "error": ""}))
        else:
            finished[task.pk] = reply
            end = {"finished_at": now, "next_poll_at": None, "error": reply.error[:500]}
            ended.append((task, _seen(reply, now=now) | end))
    for app, replies in by_app.items():
        breaker.note(app, replies, now=now, troubled=context.agenda.troubled)
        budgets.block_refused(app, replies, now=now)
    claims.write_now(going)
    if ended:
        _finish(ended, finished, context, now=now)
    if vanished:
        _vanish(vanished, context, now=now)


def _tells_no_more(task: StreamTask, reply: object, *, now: datetime) -> bool:
    """Whether Stream knows the task no longer, or refuses to tell of it and has done so for a quarter of an hour."""
    refused = isinstance(reply, Rejected) and not isinstance(reply, KeyRefused)
    return isinstance(reply, NotFound) or (refused and now - task.accepted_at >= UNAVAILABLE)


def _seen(report: TaskReport, *, now: datetime) -> dict[str, object]:
    return {"status": report.status[:40], "polls": F("polls") + 1, "polled_at": now}


def _unread(task: StreamTask, error: StreamError, *, now: datetime) -> dict[str, object]:
    """Asked in vain: again after a pause that grows with the age of the task."""
    seconds = error.retry_after if isinstance(error, RateLimited) else 0.0
    pause = max(until_next_poll(now - task.accepted_at, together=1), timedelta(seconds=max(seconds, LEAST_PAUSE)))
    return {"polled_at": now, "next_poll_at": now + pause, "error": str(error)[:500]}


def _finish(
    ended: Sequence[tuple[StreamTask, Columns]],
    reports: Mapping[int, TaskReport],
    context: Context,
    *,
    now: datetime,
) -> None:
    with transaction.atomic():
        steps = _steps_on(claims.write_all(ended))
        report_of = {step.pk: reports[step.stream_task_id or 0] for step in steps}
        changes = [parking.or_parked(step, partial(_result, step, report_of[step.pk])) for step in steps]
        write.write_unleased(changes, now=now)
        log.record_all(
            [
                _record(one.step, report_of[one.step.pk].status, one.columns(now=now)["outcome"], context, now=now)
                for one in changes
            ]
        )
    # Before a delete is read back its ticket cannot move on, and one that stops for another step is met by the look.
    context.touched.update(one.step.ticket_id for one in changes if one.event is not StepEvent.DELETE_DONE)


def _steps_on(task_ids: Collection[int]) -> list[Step]:
    """The steps that hang on tasks, locked. They are led by their task's lease; only their own state can have moved."""
    running = Step.objects.filter(stream_task__in=task_ids, state=StepState.ON_STREAM.value).order_by("pk")
    return list(running.select_related("ticket__stream_app", "account", "stream_task").select_for_update(of=("self",)))


def _result(step: Step, report: TaskReport) -> Change:
    """What the finished task means for one step."""
    failure = _failure(step, report)
    if failure:
        return Change(step, StepEvent.TASK_FAILED, {"detail": failure[:500]})
    if step.operation in EXPORT_OPERATIONS:
        return Change(step, StepEvent.TASK_DONE, {"outcome": Outcome.EXPORTED.value})
    outcome = erased.of_step(plans.from_json(step.ticket.plan), Operation(step.operation))
    event = StepEvent.DELETE_DONE if step.operation in DELETE_OPERATIONS else StepEvent.TASK_DONE
    return Change(step, event, {"outcome": outcome.value})


def _failure(step: Step, report: TaskReport) -> str:
    """Why the step failed, in words, or an empty text.

    A user that a completed task does not name is not a failure yet: the read-back that follows tells.
    """
    if report.state is TaskState.FAILED:
        return f"{outcomes.CANNOT}{report.error}" if report.error else "Stream's task failed."
    if step.operation in EXPORT_OPERATIONS:
        if not report.url:
            return "Stream finished the export without a file."
        usable = is_usable(report.url, base_url=step.ticket.stream_app.address())
        return "" if usable else "Stream finished the export, but the link to its file is not one that can be followed."
    status = (report.user_results or {}).get(step.user_ids[0], "ok")
    return "" if status.lower() == "ok" else f"{outcomes.NOT_FOR_USER}{status}"


def _vanish(tasks: Sequence[StreamTask], context: Context, *, now: datetime) -> None:
    """Stream no longer tells of the tasks: their steps are unknown, and reading Stream decides."""
    text = "Stream no longer tells of this task."
    gone = {"polled_at": now, "finished_at": now, "next_poll_at": None, "error": text}
    with transaction.atomic():
        steps = _steps_on(claims.write_all([(task, gone) for task in tasks]))
        # A task that is not shown yet looks like one that is forgotten: what it does must have become visible first.
        unknown = {"next_at": now + SETTLE, "detail": text}
        write.write_unleased([Change(step, StepEvent.TASK_VANISHED, unknown) for step in steps], now=now)
        log.record_all([_record(step, "not found", "", context, now=now) for step in steps])
    context.touched.update(step.ticket_id for step in steps)


def hanging() -> QuerySet[Step]:
    """Steps that wait for a task which nobody asks about any more: Stream named one that was over already."""
    return Step.objects.filter(state=StepState.ON_STREAM.value, stream_task__next_poll_at__isnull=True)


def release_hanging(context: Context) -> None:
    """The end of another call's task says nothing of theirs: they are unknown, and reading Stream decides."""
    now = context.now()
    text = "Stream named a task for this call that was over already, so nobody knows what became of the call."
    with transaction.atomic():
        found = hanging().order_by("pk").select_related("ticket__stream_app", "account", "stream_task")
        steps = list(found.select_for_update(of=("self",))[: claims.AT_ONCE])
        unknown = {"next_at": now + SETTLE, "detail": text}
        write.write_unleased([Change(step, StepEvent.TASK_VANISHED, unknown) for step in steps], now=now)
        log.record_all([_record(step, "named before", "", context, now=now) for step in steps])
    context.touched.update(step.ticket_id for step in steps)


def _record(step: Step, status: str, outcome: str, context: Context, *, now: datetime) -> log.Record:
    return log.Record(
        action=AuditAction.STREAM_TASK_FINISHED,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={
            "step": step.pk,
            "operation": step.operation,
            "task_id": step.stream_task.task_id if step.stream_task else "",
            "status": status[:40],
            "outcome": outcome,
        },
    )
