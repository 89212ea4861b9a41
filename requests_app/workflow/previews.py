"""What Stream shows of a ticket's accounts while somebody decides about it: a value, kept with a digest.

Counts and moments stand under the pseudonyms of the accounts; names are sealed apart for the page of who decides, and
erased with the decision. An approval names the digest, so that nobody approves what they have not seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit.chain import timestamp
from requests_app.audit_actions import AuditAction
from requests_app.enums import State, Verb
from requests_app.models import Account, Preview, Ticket
from requests_app.stream.wire import Count
from requests_app.workflow import policies, verbs
from requests_app.workflow.guard import guarded

# A decision rests on what was seen no longer ago than this.
FRESH = timedelta(minutes=10)
VERSION = 1


@dataclass(frozen=True)
class AccountSeen:
    """One account as Stream showed it. A count that is None is not known; kinds that were not asked for are absent."""

    exists: bool
    created_at: datetime | None = None
    deactivated: bool = False
    counts: Mapping[str, Count | None] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Sight:
    """Every account of a plan in its order, or why Stream could not be asked."""

    accounts: Sequence[AccountSeen] = ()
    trouble: str = ""


@guarded(Verb.APPROVE)
def check_may_look(ticket: Ticket, *, actor: Actor, now: datetime) -> None:
    """Before Stream is asked: whoever looks may decide, and there is something to decide."""
    verbs.check_state(State(ticket.state), Verb.APPROVE)


@guarded(Verb.APPROVE)
def keep(ticket: Ticket, sight: Sight, *, actor: Actor, now: datetime) -> Preview:
    """Store what was seen, for somebody who may decide about the ticket."""
    verbs.check_state(State(ticket.state), Verb.APPROVE)
    subjects = [account.subject for account in ticket.accounts.all()]
    content = _content(subjects, sight)
    digest = _digest(ticket, content, now)
    with transaction.atomic():
        preview = Preview.objects.create(
            ticket=ticket,
            stream_app_id=ticket.stream_app_id,
            plan_digest=ticket.plan_digest,
            made_by_id=actor.person_id,
            made_at=now,
            answered=not sight.trouble,
            content=content,
            digest=digest,
            names=json.dumps([seen.name for seen in sight.accounts]) if sight.accounts else "",
        )
        log.record(
            AuditAction.PREVIEW_MADE,
            actor=actor,
            now=now,
            ticket=ticket,
            facts={"preview_digest": digest, "plan_digest": ticket.plan_digest, "answered": preview.answered},
        )
    return preview


def _content(subjects: Sequence[str], sight: Sight) -> dict[str, object]:
    seen = [_plain(subject, one) for subject, one in zip(subjects, sight.accounts, strict=False)]
    return {"v": VERSION, "accounts": seen, "trouble": sight.trouble}


def _plain(subject: str, seen: AccountSeen) -> dict[str, object]:
    return {
        "subject": subject,
        "exists": seen.exists,
        "created_at": timestamp(seen.created_at) if seen.created_at else None,
        "deactivated": seen.deactivated,
        "counts": {name: [count.number, count.at_least] if count else None for name, count in seen.counts.items()},
    }


def _digest(ticket: Ticket, content: Mapping[str, object], made_at: datetime) -> str:
    """SHA-256 over the ticket, its plan, the moment and what was seen: no two previews have the same."""
    whole = {
        "ticket": ticket.pk,
        "plan_digest": ticket.plan_digest,
        "made_at": timestamp(made_at),
        "content": content,
    }
    plain = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()


def read(preview: Preview) -> Sight:
    """A stored preview as the value that it was."""
    names = json.loads(preview.names) if preview.names else []
    rows = preview.content.get("accounts", [])
    return Sight(
        tuple(_seen(row, names[place] if place < len(names) else "") for place, row in enumerate(rows)),
        str(preview.content.get("trouble", "")),
    )


def _seen(row: Mapping[str, object], name: str) -> AccountSeen:
    counts = row["counts"]
    if not isinstance(counts, dict):
        raise TypeError("this is no stored preview")
    made = row["created_at"]
    return AccountSeen(
        exists=bool(row["exists"]),
        created_at=datetime.fromisoformat(made) if isinstance(made, str) else None,
        deactivated=bool(row["deactivated"]),
        counts={kind: Count(*told) if told else None for kind, told in counts.items()},
        name=name,
    )


def fresh(ticket: Ticket, *, now: datetime) -> Preview | None:
    """The newest preview of the ticket, unless nobody may decide on it."""
    newest = ticket.previews.order_by("-id").first()
    return newest if newest and _counts(newest, ticket, now=now) else None


def _counts(preview: Preview, ticket: Ticket, *, now: datetime) -> bool:
    """Whether it shows the plan and the app that the ticket has now, and is not too old to decide on."""
    looked_at = (preview.plan_digest, preview.stream_app_id)
    return looked_at == (ticket.plan_digest, ticket.stream_app_id) and preview.made_at > now - FRESH


def check(ticket: Ticket, digest: str, *, without: bool, now: datetime) -> Preview:
    """The preview that an approval names. Raises `UnableTo` where nobody may decide on it."""
    if not digest:
        raise policies.UnableTo("Look at the preview first: it shows what Stream holds of the accounts now.")
    preview = ticket.previews.filter(digest=digest).first()
    if preview is None or not _counts(preview, ticket, now=now):
        raise policies.UnableTo(
            "Look at the preview again: this one is older than ten minutes, or of another plan or app."
        )
    if not preview.answered and not without:
        raise policies.UnableTo(
            "Stream could not be asked. Look again, or tick that you approve without a preview.",
            field="without_preview",
        )
    return preview


def forget_names(ticket: Ticket) -> None:
    """The ticket was decided, withdrawn or taken to another app: the names have served (Art. 5(1)(e) GDPR).

    In the caller's transaction.
    """
    ticket.previews.exclude(names="").update(names="")


def bind(ticket: Ticket, preview: Preview) -> None:
    """Keep on the accounts what the approval rests on; the engine compares it right before each delete.

    In the caller's transaction. An account that was looked at before keeps the older moment of creation.
    """
    if not preview.answered:
        return
    seen = {row["subject"]: row for row in preview.content["accounts"]}
    accounts = list(ticket.accounts.all())
    for account in accounts:
        row = seen.get(account.subject)
        if row is None:
            continue
        account.absent_when_approved = not row["exists"]
        if row["created_at"] and account.remote_created_at is None:
            account.remote_created_at = datetime.fromisoformat(row["created_at"])
    Account.objects.bulk_update(accounts, ["absent_when_approved", "remote_created_at"])
