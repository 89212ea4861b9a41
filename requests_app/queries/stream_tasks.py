"""What Stream works on for the portal, newest first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from requests_app.audit.actor import Actor
from requests_app.enums import EXPORT_OPERATIONS, Operation
from requests_app.models import AppHealth, Step, StreamTask
from requests_app.workflow.access import in_apps_of, of_visible_tickets

PAGE = 50
VIEWS = (("running", "Running"), ("failed", "Failed"), ("finished", "Finished"))


@dataclass(frozen=True)
class Line:
    """One task with the references of the tickets that hang on it."""

    pk: int
    task_id: str
    operation: str
    export: bool
    app: str
    status: str
    accepted_at: datetime
    polled_at: datetime | None
    next_poll_at: datetime | None
    error: str
    tickets: tuple[str, ...]


def in_view(view: str, actor: Actor) -> QuerySet[StreamTask]:
    """The tasks of a view that this person sees: those still going, those that failed, or all that are finished."""
    tasks = in_apps_of(StreamTask.objects.select_related("stream_app").defer("stream_app__api_secret"), actor)
    if view == "running":
        return tasks.filter(next_poll_at__isnull=False)
    if view == "failed":
        return tasks.filter(next_poll_at__isnull=True, status__iexact="failed")
    return tasks.filter(next_poll_at__isnull=True)


def page_before(tasks: QuerySet[StreamTask], before: int | None, actor: Actor) -> list[Line]:
    """One page of lines, and one line more where there are more."""
    if before is not None:
        tasks = tasks.filter(pk__lt=before)
    rows = list(tasks.order_by("-pk")[: PAGE + 1])
    references = _references([row.pk for row in rows], actor)
    return [
        Line(
            pk=row.pk,
            task_id=row.task_id,
            operation=Operation(row.operation).label,
            export=row.operation in EXPORT_OPERATIONS,
            app=row.stream_app.name,
            status=row.status,
            accepted_at=row.accepted_at,
            polled_at=row.polled_at,
            next_poll_at=row.next_poll_at,
            error=row.error,
            tickets=tuple(references[row.pk]),
        )
        for row in rows
    ]


def _references(task_ids: list[int], actor: Actor) -> dict[int, list[str]]:
    """The tickets of each task, as far as they exist for this person."""
    found: dict[int, list[str]] = defaultdict(list)
    steps = of_visible_tickets(Step.objects.filter(stream_task__in=task_ids), actor).select_related("ticket")
    for step in steps.order_by("ticket_id", "pk"):
        reference = step.ticket.reference
        if reference not in found[step.stream_task_id or 0]:
            found[step.stream_task_id or 0].append(reference)
    return found


def troubles(actor: Actor) -> list[AppHealth]:
    """Apps of this person that are left alone for a while, with the reason."""
    return list(in_apps_of(AppHealth.objects.left_alone(), actor).select_related("stream_app").order_by("pk"))
