"""What each column of our tables may say of a person, and when that is erased (Art. 5(1)(e), 25 GDPR).

Every column that can hold text has a rule here or a word on why it names nobody: `manage.py check` fails where a model
gained one without (requests_app.E004). `workflow/retention.py` carries the rules out; `docs/retention.md` is the table
for people, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.db import models

from requests_app.models.ticket import ERASED_ID
from requests_app.workflow import attachments


class Stage(IntEnum):
    """When something is erased, in the order of time. Whatever reaches a stage has passed all before it."""

    # At the decision: what proved the identity has served then.
    DECISION = 1
    # RETENTION_EXPORT_DAYS after an export was first handed out.
    DELIVERY = 2
    # RETENTION_CONTACT_DAYS after closing; the ticket's key is destroyed with it.
    CONTACT = 3
    # RETENTION_REST_DAYS after closing: the user ids. A receipt and keyed pseudonyms stay.
    REST = 4


@dataclass(frozen=True)
class Erase:
    """The column is emptied at a stage: `instead` stands there afterwards, or what it makes of the row."""

    stage: Stage
    instead: object | Callable[[Any], object] = ""


@dataclass(frozen=True)
class Keep:
    """The column stays, and why it may."""

    why: str


Rule = Erase | Keep
NOBODY = Keep("names nobody")
DIGEST = Keep("a digest; a receipt of what was decided and sent")


@dataclass(frozen=True)
class Table:
    """The rules of a model. Its rows belong to a ticket, along the path `ticket`, or their time runs from `since`.

    Where both are set, `since` is when an export was handed out. Rules of the decision and of `since` take constants.
    `whole` is the stage at which rows are deleted as they are; `forget` is called before that with the rows, to take
    along what lies outside the database; it may be called again for rows that it has seen.
    """

    columns: Mapping[str, Rule]
    ticket: str = ""
    since: str = ""
    whole: Stage | None = None
    forget: Callable[[Collection[Any]], None] | None = field(default=None, compare=False)


def _plan_without_ids(ticket: Any) -> dict[str, object]:
    ids = [ERASED_ID.format(place) for place, _ in enumerate(ticket.plan["user_ids"])]
    return {**ticket.plan, "user_ids": ids, "new_channel_owner_id": "", "new_call_owner_id": ""}


def _ids_of_step(step: Any) -> list[str]:
    return [ERASED_ID.format(place) for place, _ in enumerate(step.user_ids)]


def _fields_of_step(step: Any) -> dict[str, object]:
    return {name: "" if name.startswith("new_") else value for name, value in step.fields.items()}


def _id_of_account(account: Any) -> str:
    return ERASED_ID.format(account.position)


def _erase(stage: Stage, *names: str) -> dict[str, Rule]:
    return {name: Erase(stage) for name in names}


def _keep(rule: Keep, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


_ANSWERS = (
    "purposes",
    "categories",
    "recipients",
    "storage",
    "rights",
    "complaint",
    "source",
    "automated",
    "transfers",
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "Ticket": Table(
            {
                **_erase(Stage.CONTACT, "requester_name", "requester_email", "attention"),
                "plan": Erase(Stage.REST, _plan_without_ids),
                **_keep(DIGEST, "plan_digest", "approved_digest", "approved_preview_digest"),
            },
            ticket="pk",
        ),
        "Account": Table(
            {
                "user_id": Erase(Stage.REST, _id_of_account),
                "remote_created_at": Erase(Stage.REST, None),
                "subject": Keep("a keyed pseudonym: finds duplicates, and goes with the key of its year"),
            },
            ticket="ticket",
        ),
        "Step": Table(
            {
                "user_ids": Erase(Stage.REST, _ids_of_step),
                "fields": Erase(Stage.REST, _fields_of_step),
                "group_key": Erase(Stage.REST),
                "detail": Erase(Stage.CONTACT),
                "evidence": Keep("counts and moments"),
                # A second look would need the user id.
                "look_again_at": Erase(Stage.REST, None),
            },
            ticket="ticket",
        ),
        "StreamTask": Table(
            {
                "error": Erase(Stage.CONTACT),
                "task_id": Keep("Stream's number of the task"),
                "status": Keep("a word of Stream's"),
            },
            ticket="steps__ticket",
        ),
        "Attempt": Table(
            {"detail": Erase(Stage.CONTACT), "body_digest": Erase(Stage.REST)},
            ticket="steps__ticket",
        ),
        "Decision": Table(
            {**_erase(Stage.CONTACT, "note", "evidence"), **_keep(DIGEST, "plan_digest", "preview_digest")},
            ticket="ticket",
        ),
        "Preview": Table(
            {
                "names": Erase(Stage.DECISION),
                "content": Erase(Stage.REST, {}),
                **_keep(DIGEST, "plan_digest", "digest"),
            },
            ticket="ticket",
        ),
        "Letter": Table(_erase(Stage.CONTACT, "subject", "body"), ticket="ticket"),
        "Verdict": Table({**_erase(Stage.CONTACT, "words", "evidence"), "part": NOBODY}, ticket="ticket"),
        "Informing": Table(_erase(Stage.CONTACT, "words"), ticket="ticket"),
        "Recipient": Table(_keep(Keep("configuration: a company, not a person"), "name")),
        "LetterTemplate": Table(
            _keep(Keep("configuration: texts with fields, before they are filled"), "subject", "body")
        ),
        "Note": Table({"text": Erase(Stage.CONTACT)}, ticket="ticket"),
        "TicketKey": Table({"key": Keep("destroyed at the contact stage, with all that is sealed under it")}),
        "Attachment": Table({}, ticket="ticket", whole=Stage.CONTACT, forget=attachments.forget),
        "IdentityCheck": Table({"doubt": Erase(Stage.CONTACT), "about": Erase(Stage.REST)}, ticket="ticket"),
        "Extension": Table({"reason": Erase(Stage.CONTACT)}, ticket="ticket"),
        "ClockPause": Table({"question": Erase(Stage.CONTACT)}, ticket="ticket"),
        # A reminder to staff is emptied as soon as it is sent (workflow/outbox.py).
        "Mail": Table(
            {**_erase(Stage.CONTACT, "recipient", "subject", "body"), "key": NOBODY},
            ticket="ticket",
        ),
        "LegalHold": Table(
            {
                **_erase(Stage.CONTACT, "reason", "lift_reason"),
                "user_id": Erase(Stage.REST, ERASED_ID.format(0)),
            },
            since="lifted_at",
        ),
        "Pause": Table(_erase(Stage.CONTACT, "reason", "lift_reason"), since="lifted_at"),
        "AppHealth": Table({"reason": Erase(Stage.CONTACT)}, since="changed_at"),
        "AuditEntry": Table(
            {
                "subjects": Keep("keyed pseudonyms: nobody's once the key of their year is destroyed"),
                "facts": Keep("codes, counts and digests"),
                "texts": Keep("salted commitments; salt and text go with the key of the ticket"),
                "actor_name": Keep("staff: who did it is what the log is for"),
                "origin": Keep("staff: from where"),
                **_keep(NOBODY, "actor_role", "prev_hash", "hash"),
            }
        ),
        "AuditText": Table(
            {
                "sealed": Keep("goes with the key of its ticket; without one after RETENTION_REST_DAYS"),
                "salt": Keep("as the text; with a ticket it is sealed along with it"),
                "name": NOBODY,
            }
        ),
        "StreamApp": Table(_keep(Keep("configuration"), "name", "base_url", "api_key", "api_secret")),
        "CoverSheet": Table(_keep(Keep("tells of the processing, of no data subject"), *_ANSWERS)),
        "AuditCheckpoint": Table(_keep(NOBODY, "root", "head", "note", "frontier")),
        "AuditNode": Table({"hash": NOBODY}),
        "AuditWitness": Table(_keep(NOBODY, "name", "error")),
        # Seven days at most: `upkeep/imports.py`.
        "Upload": Table(
            {
                "content": Keep("sealed; emptied when the last row was taken, or after seven days"),
                "digest": Keep("keyed: tells that the same file came before, and nothing else"),
                "token": NOBODY,
            }
        ),
        "UploadedRow": Table({"problem": Keep("sealed; emptied seven days after the import")}),
        "FormDraft": Table(
            {
                "content": Keep("sealed; for its author alone, until it is saved, or thirty days"),
                "session": NOBODY,
            }
        ),
        "SavedView": Table(_keep(Keep("staff: filters, never what was searched for"), "name", "query")),
        "Budget": Table({"endpoint": NOBODY}),
        "Heartbeat": Table(_keep(NOBODY, "name", "facts")),
    }
)

_TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.FileField)


def open_columns() -> Iterator[str]:
    """Every column of our models that can hold text of any kind, as `Model.column`: closed vocabularies cannot."""
    for model in apps.get_app_config("requests_app").get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, _TEXTS) and not column.choices:
                yield f"{model.__name__}.{column.name}"


def without_rule() -> list[str]:
    """Those of them that no rule covers."""
    return [name for name in open_columns() if not _covered(*name.split("."))]


def _covered(model: str, column: str) -> bool:
    table = TABLES.get(model)
    return table is not None and (table.whole is not None or column in table.columns)


def unknown_rules() -> list[str]:
    """Rules for columns that are not there."""
    fields = {
        model.__name__: {column.name for column in model._meta.concrete_fields}
        for model in apps.get_app_config("requests_app").get_models()
    }
    named = [(model, column) for model, table in TABLES.items() for column in (table.columns or {"": NOBODY})]
    return [f"{model}.{column}" for model, column in named if column and column not in fields.get(model, set())]


def in_words() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """The rules as people read them: a model, columns of it that share a rule, and what becomes of them."""
    for model, table in TABLES.items():
        if table.whole is not None:
            yield model, (), f"{table.whole.name.lower()}: rows are deleted"
        alike: dict[str, list[str]] = {}
        for column, rule in table.columns.items():
            words = rule.stage.name.lower() if isinstance(rule, Erase) else f"stays: {rule.why}"
            alike.setdefault(words + (f", from `{table.since}` on" if table.since else ""), []).append(column)
        for words, columns in alike.items():
            yield model, tuple(columns), words
