"""Stream does not answer: that alone asks no person before it has lasted for a quarter of an hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from requests_app.engine.timing import MAX_ATTEMPTS, UNAVAILABLE
from requests_app.enums import EXPORT_OPERATIONS, AttemptOutcome
from requests_app.models import Attempt, Step

SERVER_ERRORS = 500


def worn_out(step: Step) -> bool:
    """Whether the step was sent so often that nobody sends it again without a reason to."""
    return step.attempt_count >= MAX_ATTEMPTS


def still_waited_for(steps: Iterable[Step], *, now: datetime) -> set[int]:
    """The worn out steps whose calls were only not answered by a Stream in trouble, and not for long enough yet.

    Since when is told by their latest tries that came one after the other: what failed before a pause of hours was
    another trouble. A delete that was lost in another way, an answer cut off or a time-out, says nothing of the app:
    Stream was read between its tries, and a person looks after the third. Between those of an export nothing is read.
    """
    tried = {step.pk: step.attempt_count for step in steps if worn_out(step)}
    attempts = _latest(tried)
    return {
        pk
        for pk, own in attempts.items()
        if all(_tells_of_app(one) for one in own) and now - _began(one.intended_at for one in own) < UNAVAILABLE
    }


def _tells_of_app(attempt: Attempt) -> bool:
    """Whether what became of the call is Stream's trouble as a whole, as far as anybody knows."""
    in_trouble = (attempt.status_code or 0) >= SERVER_ERRORS or attempt.operation in EXPORT_OPERATIONS
    return in_trouble and attempt.outcome == AttemptOutcome.UNKNOWN


def _began(tries: Iterable[datetime]) -> datetime:
    """The first of the tries that came one after the other, without a longer pause, up to the newest."""
    newest, *earlier = sorted(tries, reverse=True)
    began = newest
    for moment in earlier:
        if began - moment > UNAVAILABLE:
            break
        began = moment
    return began


def _latest(tried: dict[int, int]) -> dict[int, list[Attempt]]:
    """The attempts of each step that count, the newest ones."""
    links: dict[int, list[int]] = defaultdict(list)
    rows = Step.attempts.through._default_manager.filter(step_id__in=tried).order_by("-attempt_id")
    for step_id, attempt_id in rows.values_list("step_id", "attempt_id"):
        if len(links[step_id]) < tried[step_id]:
            links[step_id].append(attempt_id)
    known = _attempts({one for ids in links.values() for one in ids})
    return {step_id: [known[one] for one in ids] for step_id, ids in links.items() if ids}


def _attempts(ids: Collection[int]) -> dict[int, Attempt]:
    return Attempt.objects.in_bulk(list(ids))
