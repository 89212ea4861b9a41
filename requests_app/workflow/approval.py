"""The approval: over exactly one plan, by somebody who did not touch it, and where the rules ask for it by two.

A second data protection officer is asked where the app wants two for hard deletes, and where somebody approves more
erasures in an hour than the house allows one person. The app may also ask for a cooling-off, in which nothing is sent
and everybody who sees the ticket may cancel it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q

from requests_app import queue
from requests_app.audit import checkpoints
from requests_app.audit.actor import Actor
from requests_app.enums import Kind, Language, LetterKind, Refusal, Verb
from requests_app.models import Account, CoverSheet, Decision, Preview, StreamApp, Ticket
from requests_app.workflow import cover_sheets, letters, policies, previews, saying, staff, verbs
from requests_app.workflow import plan as plans
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.letters import Draft
from requests_app.workflow.transition import holding, move

HOUR = timedelta(hours=1)


# A ticket that is given back or sent again is decided from the start.
ANEW = {"first_approved_by_id": None, "first_approved_at": None}
# What an approval has written is taken back with it.
NOT_APPROVED: Mapping[str, object] = {
    **ANEW,
    "approved_by_id": None,
    "approved_at": None,
    "approved_digest": None,
    "approved_preview_digest": "",
    "send_if_absent": False,
    "not_before": None,
    "cover_sheet": None,
}


def decide(
    ticket: Ticket,
    verb: Verb,
    *,
    actor: Actor,
    now: datetime,
    note: str,
    preview: Preview | None = None,
    ground: str = "",
    refusal: str = "",
    evidence: str = "",
) -> Decision:
    """Keep who decided what over which plan and preview, on what ground, in the caller's transaction."""
    decision = Decision.objects.create(
        ticket=ticket,
        verb=verb.value,
        decided_by_id=actor.person_id,
        decided_at=now,
        plan_digest=ticket.plan_digest,
        preview_digest=preview.digest if preview else "",
        without_preview=preview is not None and not preview.answered,
        ground=ground,
        refusal=refusal,
        evidence=evidence.strip(),
        note=note.strip(),
    )
    previews.forget_names(ticket)
    return decision


def partial_notice(ticket: Ticket, *, now: datetime, language: Language | None = None) -> Draft | None:
    """The notice of what is refused of the request, to be kept with the approval; None where nothing is refused."""
    verdicts = list(ticket.verdicts.filter(stands=True))
    if not verdicts:
        return None
    language = language or letters.default_language()
    refused = [(verdict.part, Refusal(verdict.code), verdict.words) for verdict in verdicts]
    reason = saying.refused_parts(refused, language)
    return letters.draft(ticket, LetterKind.PARTIAL, language, now=now, reason=reason)


def _notice(ticket: Ticket, changed: Draft | None, *, now: datetime) -> Draft | None:
    """The same as whoever approves changed it; raises `UnableTo` where it is no notice any more."""
    fresh = partial_notice(ticket, now=now)
    if fresh is None:
        return None
    letter = replace(fresh, subject=changed.subject, body=changed.body) if changed else fresh
    letters.check(letter)
    return letter


@guarded(Verb.APPROVE)
def approve(
    ticket: Ticket,
    *,
    actor: Actor,
    now: datetime,
    confirm_user_id: str,
    plan_digest: str,
    revision: int | None,
    preview_digest: str,
    without_preview: bool = False,
    note: str = "",
    send_if_absent: bool = False,
    ground: str = "",
    letter: Draft | None = None,
) -> Ticket:
    """Release exactly this plan to Stream, or leave it to a second person; the doorbell rings in the same transaction.

    `plan_digest` and `revision` are those of the ticket that the page showed; `preview_digest` names what Stream
    showed, `without_preview` is the DPO's explicit word where it could not be asked. `send_if_absent` is theirs to send
    deletes for accounts that Stream does not show any more. `ground` (Art. 17(1)) is the DPO's; without one the agent's
    counts. Where parts were refused, their notice is kept with the approval that releases the rest: `letter` as it was
    previewed and changed, without one as the newest text makes it.
    """
    facts = standing(ticket)
    verbs.check(facts, Verb.APPROVE, actor_id=actor.id)
    policies.check_shown(
        plan_digest, revision, current_digest=plans.digest(facts.plan), current_revision=ticket.revision
    )
    policies.check_confirmation(confirm_user_id, facts.plan.user_ids[0])
    preview = previews.check(ticket, preview_digest, without=without_preview, now=now)
    ground = policies.check_ground(facts.kind, ground or ticket.ground)
    letter = _notice(ticket, letter, now=now)
    with holding(ticket):
        safeguards = _hold_still(ticket, actor)
        # Again with the safeguards held still: a hold or a stricter rule may have come since the checks above.
        verbs.check(standing(ticket), Verb.APPROVE, actor_id=actor.id)
        why_two = why_second(ticket, safeguards, actor=actor, now=now)
        first = first_that_counts(ticket)
        decide(ticket, Verb.APPROVE, actor=actor, now=now, note=note, preview=preview, ground=ground)
        checkpoints.make_after_commit(actor=actor, now=now)
        told: dict[str, object] = {"send_if_absent": send_if_absent}
        seen = _seen(preview, ground)
        release = partial(move, ticket, actor=actor, now=now, texts={"note": note.strip()})
        if why_two and first is None:
            changes = {"first_approved_by_id": actor.id, "first_approved_at": now, **told}
            return release(Verb.APPROVE_FIRST, changes=changes, facts={"why": why_two, **seen})
        previews.bind(ticket, preview)
        kept = letters.keep(ticket, letter, actor=actor, now=now) if letter else None
        queue.ring(ticket.pk)
        columns = _approval_columns(ticket, safeguards, preview, first, actor=actor, now=now) | told
        facts_told = {**told, **seen, "first_approved_by": first, "letter": kept.pk if kept else None}
        return release(Verb.APPROVE, changes=columns, facts=facts_told | _sheet_told(columns))


def _seen(preview: Preview, ground: str) -> dict[str, object]:
    """What the entry says of the grounds of an approval."""
    seen: dict[str, object] = {"preview_digest": preview.digest, "without_preview": not preview.answered}
    return seen | ({"ground": ground} if ground else {})


def _sheet_told(columns: Mapping[str, object]) -> dict[str, object]:
    sheet = columns["cover_sheet"]
    return {"cover_sheet": sheet.version if isinstance(sheet, CoverSheet) else None}


def _approval_columns(
    ticket: Ticket, safeguards: StreamApp, preview: Preview, first: int | None, *, actor: Actor, now: datetime
) -> dict[str, object]:
    return {
        "approved_by_id": actor.id,
        "approved_at": now,
        "approved_digest": ticket.plan_digest,
        "approved_preview_digest": preview.digest,
        "not_before": cooled_at(ticket, safeguards, now=now),
        "cover_sheet": cover_sheets.in_force(ticket.stream_app) if ticket.kind == Kind.EXPORT else None,
        **({} if first else ANEW),
    }


def approved_before(ticket: Ticket, *, actor: Actor) -> datetime | None:
    """When this person approved the ticket as it stands, alone or as one of two; None where they did not."""
    if ticket.approved_by_id == actor.id:
        return ticket.approved_at
    return ticket.first_approved_at if ticket.first_approved_by_id == actor.id else None


def _hold_still(ticket: Ticket, actor: Actor) -> StreamApp:
    """The app's safeguards as they stand now. This person's approvals wait in line, so that no two share an hour."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=actor.person_id)
    return StreamApp.objects.select_for_update(no_key=True).defer("api_secret").get(pk=ticket.stream_app_id)


def first_that_counts(ticket: Ticket, deciders: staff.Deciders | None = None) -> int | None:
    """Who approved first, unless they have lost the right to meanwhile: then their word is no longer one of two.

    `deciders` are those of the people asked about who still approve, where they were read already, as for a list.
    """
    first = ticket.first_approved_by_id
    if first is None:
        return None
    known = staff.still_approve([first]) if deciders is None else deciders
    return first if first in staff.approve_in(ticket.stream_app_id, known) else None


def why_second(ticket: Ticket, safeguards: StreamApp, *, actor: Actor, now: datetime) -> str:
    """Why this person's approval alone is not enough by the safeguards of the ticket's app, or an empty text."""
    if ticket.kind != Kind.ERASE:
        return ""
    plan = plans.from_json(ticket.plan)
    if safeguards.second_approver and plans.deletes_hard(plan):
        return f"{safeguards.name} wants two data protection officers for every hard delete."
    allowed = settings.DSR_DELETES_PER_HOUR
    if not allowed:
        return ""
    before = approved_in_last_hour(actor, now=now)
    if before + len(plan.user_ids) <= allowed:
        return ""
    return (
        f"One person may approve the erasure of {allowed} accounts an hour; you approved {before}, "
        f"and this ticket has {len(plan.user_ids)}."
    )


def approved_in_last_hour(actor: Actor, *, now: datetime) -> int:
    """How many accounts this person released for erasure, alone or as one of two."""
    since = now - HOUR
    alone = Q(ticket__approved_by=actor.id, ticket__approved_at__gt=since)
    first = Q(ticket__first_approved_by=actor.id, ticket__first_approved_at__gt=since)
    return Account.objects.filter(alone | first, kind=Kind.ERASE.value).count()


def cooled_at(ticket: Ticket, safeguards: StreamApp, *, now: datetime) -> datetime | None:
    """When the cooling-off of an erasure ends; None where its app has none."""
    hours = safeguards.cooling_off_hours
    return now + timedelta(hours=hours) if hours and ticket.kind == Kind.ERASE else None
