"""Judges a round: safety first (nothing unapproved, nothing doubled, nobody mixed up), then that everything ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.chaos.history import Findings, History, Presence, Step, Ticket

DELETES = {"DeleteFeedUserData": "delete_feeds_data", "DeleteUsers": "delete_users"}
EXPORTS = {"ExportFeedUserData": "export_feeds_data", "ExportUsers": "export_users"}
OPERATIONS = {**DELETES, **EXPORTS}
FINAL_STEPS = {"done", "failed", "dropped"}
MOVING = {"approved", "running", "awaiting_decision"}
MAX_ATTEMPTS = 3


def check(history: History) -> Findings:
    """Everything that is wrong with the round."""
    found = Findings(calls=len(history.calls))
    for rule in (_intended, _approved, _doubled, _ended, _truthful, _decided, _downloaded):
        found.wrong += rule(history, found)
    if not history.chain_intact:
        found.wrong.append("The audit chain is broken.")
    return found


def unsafe(history: History) -> list[str]:
    """What must not be at any moment, also while things are still under way."""
    found = Findings()
    wrong = [line for rule in (_approved, _doubled, _decided) for line in rule(history, found)]
    return wrong if history.chain_intact else [*wrong, "The audit chain is broken."]


def _intended(history: History, found: Findings) -> Iterator[str]:
    """No call without an intent that was committed before it; no intent left open."""
    written = Counter(attempt.digest for attempt in history.attempts)
    for digest, number in Counter(call.digest for call in history.calls).items():
        if number > written[digest]:
            yield f"{number} calls were accepted, {written[digest]} were intended: {digest[:12]}."
    for attempt in history.attempts:
        if attempt.outcome == "open":
            yield f"An intent was left without an answer: {attempt.digest[:12]}."


def _approved(history: History, found: Findings) -> Iterator[str]:
    """Every call is one of an approved plan; a delete may carry several tickets, an export exactly one."""
    for call, group in zip(history.calls, history.groups, strict=True):
        operation = OPERATIONS[call.operation]
        covering = [
            one
            for ticket in history.tickets
            if ticket.is_approved and ticket.state != "cancelled"
            for one in ticket.calls
            if (one.operation, one.group) == (operation, group)
        ]
        if call.operation in EXPORTS:
            if not any(sorted(one.user_ids) == sorted(call.user_ids) for one in covering):
                yield f"An export was asked for that nobody approved like that: {sorted(call.user_ids)}."
        else:
            allowed = {user_id for one in covering for user_id in one.user_ids}
            for user_id in set(call.user_ids) - allowed:
                yield f"{call.operation} reached {user_id}, which nobody approved."


def _doubled(history: History, found: Findings) -> Iterator[str]:
    """A second accepted call only where a look found the first without effect, or a person wanted it."""
    accepted = Counter((OPERATIONS[call.operation], user_id) for call in history.calls for user_id in call.user_ids)
    excused: Counter[tuple[str, str]] = Counter()
    for ticket in history.tickets:
        for step in ticket.steps:
            for user_id in step.user_ids:
                excused[step.operation, user_id] += step.found_without_effect + ticket.retried
    for (operation, user_id), number in accepted.items():
        if number < 2:
            continue
        if number - 1 > excused[operation, user_id]:
            found.doubled += 1
            yield f"{operation} was accepted {number} times for {user_id}, and no look had found it without effect."
        else:
            found.repeated_after_a_look += number - 1


def _ended(history: History, found: Findings) -> Iterator[str]:
    """Once the storm is over everything ends, and what needs a person says why."""
    for ticket in history.tickets:
        if ticket.state in MOVING:
            found.lost += 1
            steps = "; ".join(f"{step.operation} {step.state} {step.detail}".strip() for step in ticket.steps)
            yield f"{ticket.name} is still {ticket.state}: {steps}."
            continue
        may_be_open = ticket.given_up or ticket.state in {"needs_attention", "cancelled"}
        for step in ticket.steps:
            if step.state not in FINAL_STEPS and not may_be_open:
                yield f"{ticket.name} is {ticket.state}, but {step.operation} is {step.state}."
            if step.state == "failed" and not _excused(step, history):
                yield f"{ticket.name}: {step.operation} failed for no reason: {step.detail}"
        if ticket.state == "needs_attention" and not any(step.state == "failed" for step in ticket.steps):
            yield f"{ticket.name} asks for a person though nothing failed."


def _excused(step: Step, history: History) -> bool:
    """Whether a step had a reason to fail: tried too often, failed on Stream, or the user is somebody else."""
    own = [
        call
        for call in history.calls
        if OPERATIONS[call.operation] == step.operation and set(step.user_ids) <= set(call.user_ids)
    ]
    if step.outcome == "refused_by_stream":
        return history.refusals > 0
    on_stream = any(call.task_status == "failed" or set(step.user_ids) & call.left_out for call in own)
    return step.attempts >= MAX_ATTEMPTS or on_stream or bool(set(step.user_ids) & history.made_anew)


def _truthful(history: History, found: Findings) -> Iterator[str]:
    """What the portal says of people is what Stream shows and what was sent."""
    reached = {(OPERATIONS[call.operation], user_id) for call in history.calls for user_id in call.user_ids}
    for ticket in history.tickets:
        if ticket.soft_only and ticket.outcome == "erased":
            yield f"{ticket.name} only hid somebody and says erased."
        for step in ticket.steps:
            if step.state != "done":
                continue
            yield from _true_of_step(ticket, step, reached, history)
        if ticket.state == "completed" and len(ticket.steps) != len(ticket.calls):
            yield f"{ticket.name} has {len(ticket.steps)} steps for {len(ticket.calls)} calls of its plan."


def _true_of_step(ticket: Ticket, step: Step, reached: set[tuple[str, str]], history: History) -> Iterator[str]:
    for user_id in step.user_ids:
        sent = (step.operation, user_id) in reached
        presence = history.shown[user_id]
        if step.outcome == "nothing_found":
            if presence is not Presence.NEVER and user_id not in history.made_anew:
                yield f"{ticket.name} says that nothing was found of {user_id}; Stream had somebody."
            continue
        # Where feeds hold nothing, a call that was lost on its way looks like one that did its work.
        empty = step.operation == "delete_feeds_data" and step.attempts and user_id not in history.in_feeds
        if not sent and not empty:
            yield f"{ticket.name} says {step.outcome} of {user_id}, but {step.operation} was never accepted."
        anew = user_id in history.made_anew
        if step.operation == "delete_users" and presence is Presence.SHOWN and not anew:
            yield f"{ticket.name} says {step.outcome} of {user_id}, whom Stream still shows."


def _decided(history: History, found: Findings) -> Iterator[str]:
    """A decision, its entry and its doorbell are there together or not at all."""
    for ticket in history.tickets:
        wanted = 1 if ticket.is_approved else 0
        if ticket.approvals != wanted:
            yield f"{ticket.name} has {ticket.approvals} entries of an approval where {wanted} belongs."
        if ticket.doorbells != wanted + ticket.retried:
            yield f"{ticket.name} rang {ticket.doorbells} times where {wanted + ticket.retried} belongs."


def _downloaded(history: History, found: Findings) -> Iterator[str]:
    """No byte of a file leaves before the log knows of it."""
    for download in history.downloads:
        if download.bytes_seen and not download.entries:
            yield f"{download.bytes_seen} bytes of an export went out, and the log knows nothing of it."
