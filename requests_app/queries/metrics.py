"""The portal in numbers, read from the database when asked. No person and no user id is in them."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from requests_app.enums import State, StepState, Wait
from requests_app.models import AppHealth, Budget, Heartbeat, Step, StreamApp, Ticket
from requests_app.models import Pause as Pauses
from requests_app.queries import post, waiting
from requests_app.queries.heartbeat import CANARY, SWEEP


def families() -> Iterator[Metric]:
    """Every metric of the domain."""
    yield _tickets()
    yield _steps()
    yield from _waits()
    yield _ages()
    yield from _apps()
    yield _budgets()
    yield from _mails()


def _tickets() -> Metric:
    family = GaugeMetricFamily("portal_tickets", "Tickets by state", labels=["state"])
    counted = dict(Ticket.objects.values_list("state").annotate(Count("pk")).order_by())
    for state in State:
        family.add_metric([state.value], counted.get(state.value, 0))
    return family


def _steps() -> Metric:
    family = GaugeMetricFamily("portal_steps", "Steps of running tickets by state", labels=["state"])
    running = Step.objects.filter(ticket__state=State.RUNNING.value)
    counted = dict(running.values_list("state").annotate(Count("pk")).order_by())
    for state in StepState:
        family.add_metric([state.value], counted.get(state.value, 0))
    return family


def _waits() -> Iterator[Metric]:
    count = GaugeMetricFamily("portal_waiting", "How many wait, by what they wait for", labels=["wait"])
    age = GaugeMetricFamily("portal_longest_wait_seconds", "The longest wait, by what is waited for", labels=["wait"])
    now = timezone.now()
    told = {one.kind: one for one in waiting.longest()}
    for kind in Wait:
        if kind in told:
            count.add_metric([kind.value], told[kind].count)
            age.add_metric([kind.value], max(0.0, (now - told[kind].since).total_seconds()))
    yield count
    yield age


def _ages() -> Metric:
    """Seconds since the loops were seen; NaN where they never were."""
    family = GaugeMetricFamily("portal_seen_seconds_ago", "Seconds since a loop was last seen alive", labels=["loop"])
    now = timezone.now()
    seen = dict(Heartbeat.objects.filter(name__in=[SWEEP, CANARY]).values_list("name", "beat_at"))
    for name in (SWEEP, CANARY):
        family.add_metric([name], (now - seen[name]).total_seconds() if name in seen else float("nan"))
    return family


def _apps() -> Iterator[Metric]:
    silent = GaugeMetricFamily("portal_app_left_alone", "1 while the breaker of the app is open", labels=["app"])
    paused = GaugeMetricFamily("portal_app_paused", "1 while sending to the app is paused by hand", labels=["app"])
    open_now = set(AppHealth.objects.left_alone().values_list("stream_app_id", flat=True))
    stopped = Pauses.objects.paused_apps()
    for pk, name in StreamApp.objects.order_by("pk").values_list("pk", "name"):
        silent.add_metric([name], pk in open_now)
        paused.add_metric([name], pk in stopped)
    yield silent
    yield paused


def _budgets() -> Metric:
    family = GaugeMetricFamily(
        "portal_budget_remaining", "Calls left in Stream's window, as last told", labels=["app", "endpoint"]
    )
    known = Budget.objects.filter(remaining__isnull=False).order_by("stream_app_id", "endpoint")
    for name, endpoint, remaining in known.values_list("stream_app__name", "endpoint", "remaining"):
        family.add_metric([name, endpoint], max(0, remaining or 0))
    return family


def _mails() -> Iterator[Metric]:
    """Mails of the outbox, and how long the first of those that wait was not sent."""
    family = GaugeMetricFamily("portal_mails", "Mails of the outbox by state", labels=["state"])
    for state, number in post.by_state().items():
        family.add_metric([state], number)
    yield family
    age = GaugeMetricFamily("portal_oldest_mail_seconds", "How long the oldest waiting mail is queued, 0 without one")
    age.add_metric([], post.oldest_wait(timezone.now()).total_seconds())
    yield age
