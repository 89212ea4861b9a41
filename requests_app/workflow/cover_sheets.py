"""The cover sheet of the access package: what Art. 15(1)(a) to (h) and 15(2) GDPR ask for beside the copy of the data.

One sheet for each Stream app. Each save is a new version; an approved export keeps the version that was in force.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import CoverSheet, StreamApp
from requests_app.workflow import policies
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right


@dataclass(frozen=True)
class Question:
    """What one letter of the article asks; `name` is the column of its answer."""

    name: str
    article: str
    words: str | Promise
    help: str | Promise


QUESTIONS = (
    Question(
        "purposes",
        "Art. 15(1)(a)",
        gettext_lazy("What is the data processed for?"),
        gettext_lazy("Each purpose of the app, such as chat between members, and help from support."),
    ),
    Question(
        "categories",
        "Art. 15(1)(b)",
        gettext_lazy("Which categories of personal data are processed?"),
        gettext_lazy("Such as profile, messages, reactions, uploaded files, and times of use."),
    ),
    Question(
        "recipients",
        "Art. 15(1)(c)",
        gettext_lazy("Who receives the data?"),
        gettext_lazy("Recipients by name, or their categories; Stream itself as a processor, and other members."),
    ),
    Question(
        "storage",
        "Art. 15(1)(d)",
        gettext_lazy("How long is the data kept?"),
        gettext_lazy("The period, or what it is determined by."),
    ),
    Question(
        "rights",
        "Art. 15(1)(e)",
        gettext_lazy("Which rights does the person have?"),
        gettext_lazy("Rectification, erasure, restriction and objection, and where to ask for them."),
    ),
    Question(
        "complaint",
        "Art. 15(1)(f)",
        gettext_lazy("With which supervisory authority can the person lodge a complaint?"),
        gettext_lazy("Its name and how it is reached."),
    ),
    Question(
        "source",
        "Art. 15(1)(g)",
        gettext_lazy("Where does the data come from?"),
        gettext_lazy("Every source that is not the person; say so where there is none."),
    ),
    Question(
        "automated",
        "Art. 15(1)(h)",
        gettext_lazy("Are decisions made by machines alone, profiling included (Art. 22)?"),
        gettext_lazy("The logic involved and what it means for the person; say so where there are none."),
    ),
    Question(
        "transfers",
        "Art. 15(2)",
        gettext_lazy("Does data leave the EEA, and under which safeguards (Art. 46)?"),
        gettext_lazy("The countries and the safeguards; say so where no data leaves."),
    ),
)
NAMES = tuple(question.name for question in QUESTIONS)


class Overtaken(policies.UnableTo):
    """Somebody else saved a version in the meantime."""

    def __init__(self) -> None:
        super().__init__(
            _("Somebody else saved this sheet in the meantime. Read the new version before you change it.")
        )


def in_force(app: StreamApp) -> CoverSheet | None:
    """The newest version of an app's sheet, or None while nobody has filled it in."""
    return app.cover_sheets.order_by("-version").first()


def save(app: StreamApp, answers: Mapping[str, str], *, based_on: int, actor: Actor, now: datetime) -> CoverSheet:
    """Store a new version; `based_on` is the version that was shown, 0 for none.

    Raises `NotPermitted`, or `UnableTo` where an answer is missing, nothing changed or somebody was faster.
    """
    check_may(Right.FILL_IN_COVER_SHEETS, actor=actor, now=now, app_id=app.pk)
    told = {name: answers.get(name, "").strip() for name in NAMES}
    for name, answer in told.items():
        if not answer:
            raise policies.UnableTo(_("The law asks for this answer: write it, or that there is nothing."), field=name)
    before = in_force(app)
    if based_on != (before.version if before else 0):
        raise Overtaken
    changed = [name for name in NAMES if before is None or getattr(before, name) != told[name]]
    if not changed:
        raise policies.UnableTo(_("Nothing changed, so there is no new version."))
    return _store(app, told, version=based_on + 1, changed=changed, actor=actor, now=now)


def _store(
    app: StreamApp, told: Mapping[str, str], *, version: int, changed: list[str], actor: Actor, now: datetime
) -> CoverSheet:
    try:
        with transaction.atomic():
            sheet = CoverSheet.objects.create(
                stream_app=app, version=version, saved_by_id=actor.person_id, saved_at=now, **told
            )
            facts = {"app": app.pk, "version": version, "changed": changed, "digest": digest(sheet)}
            log.record(AuditAction.COVER_SHEET_SAVED, actor=actor, now=now, facts=facts)
    except IntegrityError:
        raise Overtaken from None
    return sheet


def digest(sheet: CoverSheet) -> str:
    """SHA-256 over all answers, lower-case hex: what the log keeps of a version."""
    content = json.dumps({name: getattr(sheet, name) for name in NAMES}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
