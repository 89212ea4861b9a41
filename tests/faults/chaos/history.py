"""What is known after a round: what Stream accepted, and what the portal says happened. Plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True)
class Call:
    """A call that the stand-in accepted: the truth."""

    operation: str
    user_ids: tuple[str, ...]
    digest: str
    task_status: str = "completed"
    # Users that the task, when it was done, said it had not dealt with.
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Approved:
    """One call of a ticket's plan: the operation, its ids and the digest of everything beside the ids."""

    operation: str
    user_ids: tuple[str, ...]
    group: str


@dataclass(frozen=True)
class Attempt:
    """What the portal wrote down before a call, and what it made of the answer."""

    digest: str
    outcome: str
    accounts: int


@dataclass(frozen=True)
class Step:
    """How a step ended."""

    operation: str
    user_ids: tuple[str, ...]
    state: str
    outcome: str
    attempts: int
    # How often somebody looked at Stream and found that the call had done nothing.
    found_without_effect: int = 0
    detail: str = ""


class Presence(Enum):
    """Whether Stream shows somebody after the round."""

    SHOWN = "shown"
    HIDDEN = "hidden"
    GONE = "gone"
    NEVER = "never"


@dataclass(frozen=True)
class Ticket:
    """A ticket as the portal shows it after the round."""

    name: str
    kind: str
    state: str
    outcome: str
    calls: Sequence[Approved]
    steps: Sequence[Step]
    # Entries of the audit log for the approval, and jobs that were rung for it.
    approvals: int
    doorbells: int
    is_approved: bool
    # How often a person let the failed steps be tried again: each time is a reason for another call, and rings.
    retried: int = 0
    given_up: bool = False
    soft_only: bool = False


@dataclass(frozen=True)
class Download:
    """One attempt to fetch a file: what came out of the portal, and whether the log knows of it."""

    bytes_seen: int
    entries: int


@dataclass(frozen=True)
class History:
    """Everything that a round left behind."""

    calls: Sequence[Call]
    # The digest of an accepted call beside its ids, by the position of the call.
    groups: Sequence[str]
    attempts: Sequence[Attempt]
    tickets: Sequence[Ticket]
    shown: Mapping[str, Presence]
    downloads: Sequence[Download] = ()
    # Ids that were given to somebody else after the approval.
    made_anew: frozenset[str] = frozenset()
    # Those of whom the feeds still show something.
    in_feeds: frozenset[str] = frozenset()
    # Calls that Stream refused for good.
    refusals: int = 0
    chain_intact: bool = True


@dataclass
class Findings:
    """What the checker makes of it: sentences about what must not be, and counts for people."""

    wrong: list[str] = field(default_factory=list)
    calls: int = 0
    lost: int = 0
    doubled: int = 0
    repeated_after_a_look: int = 0
