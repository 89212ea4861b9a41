"""The texts that letters are written from: those that came with the portal, and the versions people made of them."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from django.db import IntegrityError, transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import Language, LetterKind
from requests_app.models import LetterTemplate
from requests_app.workflow import wording
from requests_app.workflow.access import check_may
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.rights import Right

_TEXTS = Path(__file__).parent / "letter_texts"
# A notice of refusal must hold these, or it is none (Art. 12(4) GDPR).
NEEDED = {
    LetterKind.REFUSAL: ("reason", "authority", "court"),
    LetterKind.PARTIAL: ("reason", "authority", "court"),
    LetterKind.EXTENSION: ("reason", "due_on"),
}


@cache
def shipped(kind: LetterKind, language: Language) -> tuple[str, str]:
    """Subject and body as they came with the portal."""
    text = (_TEXTS / f"{kind.value}.{language.value}.txt").read_text(encoding="utf-8")
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip()


def current(kind: LetterKind, language: Language) -> LetterTemplate | None:
    """The newest version, or None before the texts were loaded."""
    return LetterTemplate.objects.filter(kind=kind.value, language=language.value).order_by("-version").first()


def text_of(kind: LetterKind, language: Language) -> tuple[str, str, LetterTemplate | None]:
    """Subject and body of the newest version, and the version itself."""
    newest = current(kind, language)
    if newest is None:
        return (*shipped(kind, language), None)
    return newest.subject, newest.body, newest


def keep_shipped(*, now: datetime) -> None:
    """Load the texts that came with the portal; a newer one replaces an older of its kind, never one of a person."""
    for kind in LetterKind:
        for language in Language:
            newest = current(kind, language)
            subject, body = shipped(kind, language)
            own = newest is not None and newest.written_by_id is not None
            if own or (newest is not None and (newest.subject, newest.body) == (subject, body)):
                continue
            LetterTemplate.objects.get_or_create(
                kind=kind.value,
                language=language.value,
                version=newest.version + 1 if newest else 1,
                defaults={"subject": subject, "body": body, "written_at": now},
            )


def check(kind: LetterKind, subject: str, body: str) -> None:
    """Raise `UnableTo` where a text names what is no field, or lacks what the law wants in it."""
    for field, text in (("subject", subject), ("body", body)):
        if not text.strip():
            raise UnableTo("Write the text: a letter needs one.", field=field)
        found = wording.problem(text)
        if found:
            raise UnableTo(found, field=field)
    for name in NEEDED.get(kind, ()):
        if f"{{{name}}}" not in body:
            raise UnableTo(f"This letter must hold {{{name}}}: {wording.FIELDS[name]}.", field="body")


def save(
    kind: LetterKind, language: Language, *, subject: str, body: str, shown: int, actor: Actor, now: datetime
) -> LetterTemplate:
    """A new version of a text. `shown` is the version that the page began with; the older ones stay.

    Raises `NotPermitted`, or `UnableTo` with the sentence for the field.
    """
    check_may(Right.CHANGE_LETTERS, actor=actor, now=now)
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").strip()
    check(kind, subject, body)
    newest = current(kind, language)
    version = newest.version if newest else 0
    if shown != version:
        raise UnableTo("Somebody else saved this text meanwhile. Open it again before you change it.")
    if newest and (newest.subject, newest.body) == (subject, body):
        return newest
    try:
        with transaction.atomic():
            made = LetterTemplate.objects.create(
                kind=kind.value,
                language=language.value,
                version=version + 1,
                subject=subject,
                body=body,
                written_by_id=actor.person_id,
                written_at=now,
            )
            facts = {"kind": kind.value, "language": language.value, "version": made.version}
            log.record(AuditAction.LETTER_TEMPLATE_SAVED, actor=actor, now=now, facts=facts)
    except IntegrityError:
        raise UnableTo("Somebody else saved this text meanwhile. Open it again before you change it.") from None
    return made
