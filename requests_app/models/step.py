"""The queue of record: steps of approved plans, the attempts to send them, and the tasks Stream works on."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from requests_app.enums import STEP_FINAL, AttemptOutcome, Operation, Outcome, StepState
from requests_app.models.app import StreamApp
from requests_app.models.ticket import Account, Ticket


class StreamTask(models.Model):
    """One accepted call that Stream works on. Its export link is never stored."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="stream_tasks")
    task_id = models.CharField(max_length=100)
    operation = models.CharField(max_length=30, choices=Operation.choices())
    status = models.CharField(max_length=40, default="pending")
    accepted_at = models.DateTimeField()
    polls = models.PositiveIntegerField(default=0)
    polled_at = models.DateTimeField(null=True, blank=True)
    # NULL once finished, so that the index below holds only what may be due.
    next_poll_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream_app", "task_id"], name="stream_task_once")]
        indexes = [
            models.Index(fields=["next_poll_at"], condition=Q(next_poll_at__isnull=False), name="stream_task_due"),
            models.Index(fields=["task_id"], name="stream_task_id"),
        ]

    def __str__(self) -> str:
        return self.task_id


class Attempt(models.Model):
    """One call that changes something: its intent is committed before it is sent, its answer filled in once."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="attempts")
    operation = models.CharField(max_length=30, choices=Operation.choices())
    body_digest = models.CharField(max_length=64)
    account_count = models.PositiveSmallIntegerField()
    intended_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=AttemptOutcome.choices(), default=AttemptOutcome.OPEN.value)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome=AttemptOutcome.OPEN.value, answered_at__isnull=True)
                | (~Q(outcome=AttemptOutcome.OPEN.value) & Q(answered_at__isnull=False)),
                name="answered_attempt_has_its_moment",
            ),
        ]


class Step(models.Model):
    """One operation for one account, or for the accounts of one ticket in an export of user data."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="steps")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="steps")
    rank = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    operation = models.CharField(max_length=30, choices=Operation.choices())
    user_ids: models.JSONField[list[str]] = models.JSONField()
    fields: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    # Equal for steps that may travel in one call: the digest of operation and fields without the ids.
    group_key = models.CharField(max_length=64)

    state = models.CharField(max_length=20, choices=StepState.choices(), default=StepState.PLANNED.value)
    # When the engine should look at the step next; NULL once there is nothing more to do.
    next_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.ManyToManyField(Attempt, related_name="steps", blank=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    # How often in a row nothing could be sent or seen: the exponent of the back-off.
    setbacks = models.PositiveSmallIntegerField(default=0)
    # With how many ids at most the step may travel: halved when Stream refuses a batch, to find who spoils it.
    batch_cap = models.PositiveSmallIntegerField(default=100)
    stream_task = models.ForeignKey(StreamTask, on_delete=models.PROTECT, null=True, blank=True, related_name="steps")
    sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # When its export was first handed out: some days later it no longer is.
    delivered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices(), blank=True)
    detail = models.CharField(max_length=500, blank=True)

    # What Stream still shows after a delete, looked at when it finished and once more a day later.
    evidence: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    read_back_at = models.DateTimeField(null=True, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["ticket", "rank", "position"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "rank", "position"], name="step_place_once"),
            models.CheckConstraint(
                condition=~Q(state=StepState.ON_STREAM.value) | Q(stream_task__isnull=False),
                name="running_step_has_its_stream_task",
            ),
            # So that the index of what is due finds those whose worker died, too.
            models.CheckConstraint(
                condition=~Q(state=StepState.SENDING.value) | Q(next_at__isnull=False),
                name="sending_step_keeps_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=sorted(s.value for s in STEP_FINAL)) | Q(finished_at__isnull=False),
                name="finished_step_has_its_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "next_at"], condition=Q(next_at__isnull=False), name="step_due"),
            models.Index(fields=["look_again_at"], condition=Q(look_again_at__isnull=False), name="step_look_again"),
        ]
