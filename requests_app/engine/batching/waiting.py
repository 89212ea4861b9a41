"""Where claimed deletes of users wait a moment for company: Stream allows few such calls, but a hundred ids in each.

Those of one ticket alone, with none before them for a while, go at once: somebody waits, and company seldom comes.

It is held in memory. A worker that dies takes no step along: its lease runs out and another one claims it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from requests_app.enums import Operation
from requests_app.models import Step
from requests_app.stream.operations import CALLS

MAX_DELETES = CALLS[Operation.DELETE_USERS].most_ids
# Newcomers hold a group up no longer than this many times the linger.
PATIENCE = 4

Key = tuple[int, str, int]


@dataclass
class _Group:
    first: float
    last: float
    steps: list[Step] = field(default_factory=list)


def key_of(step: Step) -> Key:
    """Steps of one key may travel in one call: same app, same body apart from the ids, same greatest size."""
    return step.ticket.stream_app_id, step.group_key, min(step.batch_cap, MAX_DELETES)


class WaitingDeletes:
    """The groups that wait. Moments and spans in seconds of the sweep's ticking clock."""

    def __init__(self) -> None:
        self._groups: dict[Key, _Group] = {}
        # When the last ones went.
        self._left: float | None = None

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, steps: Iterable[Step], *, moment: float) -> list[Step]:
        """Take in the deletes of users; returns the other steps, which wait for nobody."""
        others = []
        for step in steps:
            if step.operation != Operation.DELETE_USERS:
                others.append(step)
                continue
            group = self._groups.setdefault(key_of(step), _Group(moment, moment))
            group.steps.append(step)
            group.last = moment
        return others

    def take_ready(self, *, moment: float, linger: float) -> list[list[Step]]:
        """The groups that are to go now: full ones, those that nobody joined for the linger, and a lone first one."""
        going = []
        lone = self._is_first_and_lone(moment, linger)
        for key, group in list(self._groups.items()):
            cap = key[2]
            while len(group.steps) >= cap:
                going.append(group.steps[:cap])
                group.steps = group.steps[cap:]
            waited = lone or moment - group.last >= linger or moment - group.first >= PATIENCE * linger
            if group.steps and waited:
                going.append(group.steps)
            if not group.steps or waited:
                del self._groups[key]
        if going:
            self._left = moment
        return going

    def _is_first_and_lone(self, moment: float, linger: float) -> bool:
        """Whether all that waits is one ticket's, and nothing went out so lately that more may be on its way."""
        tickets = {step.ticket_id for group in self._groups.values() for step in group.steps}
        return len(tickets) == 1 and (self._left is None or moment - self._left >= PATIENCE * linger)

    def take_all(self) -> list[Step]:
        """Everybody who waits, turned out."""
        steps = [step for group in self._groups.values() for step in group.steps]
        self._groups.clear()
        return steps
