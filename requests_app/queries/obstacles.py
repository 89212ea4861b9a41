"""What keeps calls from whole apps: open pauses, apps that are left alone, budgets that are spent.

And which of them a step meets next, for whoever says what it waits for: the list of tickets, the page of one, and the
command that explains it. Each is read with the very query by which the engine asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from requests_app.compiled_query import Answers, Text, whether
from requests_app.enums import READ_BACK_OPERATIONS, Operation, StepState
from requests_app.models import AppHealth, Budget, Pause, Step
from requests_app.stream.operations import CALLS

# Stream's names of the calls that read users and that ask about a task.
READS, POLLS = "QueryUsers", "GetTask"
# What is read after a delete besides (engine/phases/remaining.py).
_LOOKS = {
    Operation.DELETE_USERS: ("Search", "QueryChannels", "QueryCalls"),
    Operation.DELETE_FEEDS_DATA: (
        "QueryFeeds",
        "QueryActivities",
        "QueryComments",
        "QueryBookmarks",
        "QueryBookmarkFolders",
        "QueryCollections",
    ),
}


@dataclass(frozen=True)
class Obstacles:
    """What holds whole apps back at one moment."""

    pauses: Mapping[int | None, Pause]
    silent: Mapping[int, AppHealth]
    spent: Mapping[tuple[int, str], datetime]

    def pauses_of(self, app_id: int) -> list[Pause]:
        """Those that keep what is not begun from the app, that of all apps first."""
        return [self.pauses[scope] for scope in (None, app_id) if scope in self.pauses]

    def silence_of(self, app_id: int) -> AppHealth | None:
        """Set where the app is left alone: nothing is sent to it, and nothing read but the probe."""
        return self.silent.get(app_id)

    def limits_of(self, step: Step, app_id: int) -> Iterator[tuple[str, datetime]]:
        """The spent budgets that the step's next calls count to, with the moments at which they begin anew."""
        for endpoint in endpoints_ahead(step):
            until = self.spent.get((app_id, endpoint))
            if until:
                yield endpoint, until


def endpoints_ahead(step: Step) -> tuple[str, ...]:
    """Under which names Stream counts the next calls for a step."""
    operation = Operation(step.operation)
    reads = (READS,) if operation in READ_BACK_OPERATIONS else ()
    match StepState(step.state):
        case StepState.PLANNED:
            return CALLS[operation].endpoint, *reads
        case StepState.ON_STREAM:
            return (POLLS,)
        case StepState.SENDING:
            return ()
        case StepState.DONE:
            return reads and (*reads, *_LOOKS.get(operation, ()))
    return reads


def obstacles_at(now: datetime) -> Obstacles:
    """What holds whole apps back at this moment; one query where that is nothing."""
    there = _THERE_ARE.ask(now)
    budgets = Budget.objects.spent(now) if there["spent"] else ()
    spent = {(one.stream_app_id, one.endpoint): one.spent_until(now) for one in budgets}
    return Obstacles(
        pauses={one.stream_app_id: one for one in Pause.objects.open()} if there["paused"] else {},
        silent={one.stream_app_id: one for one in AppHealth.objects.left_alone()} if there["silent"] else {},
        spent={key: until for key, until in spent.items() if until},
    )


def _obstacles(now: datetime) -> dict[str, Text]:
    """Most of the time there are none."""
    return {
        "spent": whether(Budget.objects.spent(now)),
        "paused": whether(Pause.objects.open()),
        "silent": whether(AppHealth.objects.left_alone()),
    }


_THERE_ARE = Answers(_obstacles)
