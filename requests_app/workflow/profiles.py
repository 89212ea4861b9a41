"""The choices that staff make for themselves."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import Profile


def profile_of(actor: Actor) -> Profile:
    """What somebody chose; the defaults, not yet stored, where they chose nothing."""
    return Profile.objects.filter(person=actor.person_id).first() or Profile(person_id=actor.person_id)


def save(profile: Profile, *, actor: Actor, now: datetime, changed: list[str]) -> Profile:
    """Store somebody's choices; `changed` names the fields. Nobody chooses for others."""
    if profile.person_id != actor.person_id:
        raise ValueError("a profile is its own person's")
    with transaction.atomic():
        profile.save()
        facts = {
            "changed": sorted(changed),
            "digest": profile.digest,
            "mentions": profile.mentions,
            "single_keys": profile.single_keys,
        }
        log.record(AuditAction.PROFILE_SAVED, actor=actor, now=now, facts=facts)
    return profile
