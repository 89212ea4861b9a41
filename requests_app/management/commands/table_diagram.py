"""`manage.py table_diagram`: the tables as they stand in docs/tables.md, drawn from the models."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import models

PAGE = """# The tables

Printed by `python manage.py table_diagram`; a test compares it with the models in requests_app/models.

A line is a foreign key, with the column's name on it. Columns that name a member of staff are drawn without a line, and
the tables of Django, django-allauth and Django-Q are left out. `SealedText` is encrypted in the database. A table that
is drawn without columns stands in another part of this page.
"""
# Part of the page -> the files of requests_app/models that it shows.
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Tickets": (
            "ticket",
            "ticket_key",
            "clock",
            "identity",
            "hold",
            "attachment",
            "preview",
            "verdict",
            "upload",
        ),
        "Steps and attempts": ("step", "kind_result"),
        "Stream apps": ("app", "pause", "cover_sheet"),
        "Audit": ("audit_entry", "audit_checkpoint"),
        "Mail and letters": ("mail", "letter", "recipient", "reminder"),
        "People": ("app_role", "profile", "saved_view", "mention", "presence", "form_draft"),
    }
)
Model = type[models.Model]


class Command(BaseCommand):
    help = "Prints the tables as a page with Mermaid diagrams, one for each part of the models."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page(), ending="")


def page() -> str:
    """The whole page; raises `CommandError` where a model has no part on it."""
    parts = models_of_parts()
    return PAGE + "".join(f"\n{_part(title, shown)}" for title, shown in parts.items())


def models_of_parts() -> dict[str, list[Model]]:
    """The models of each part, in the order of its files."""
    by_file: dict[str, list[Model]] = {}
    for model in apps.get_app_config("requests_app").get_models():
        by_file.setdefault(model.__module__.rpartition(".")[2], []).append(model)
    homeless = sorted(set(by_file) - {file for files in PARTS.values() for file in files})
    if homeless:
        raise CommandError(f"requests_app/models/{homeless[0]}.py has no part in PARTS of table_diagram.py.")
    return {title: [model for file in files for model in by_file[file]] for title, files in PARTS.items()}


def _part(title: str, shown: list[Model]) -> str:
    purposes = "".join(f"| `{model._meta.db_table}` | {purpose(model)} |\n" for model in shown)
    drawing = "\n".join(
        ["erDiagram", *(_table(model) for model in shown), *(line for model in shown for line in _lines(model))]
    )
    return f"## {title}\n\n| Table | Purpose |\n|---|---|\n{purposes}\n```mermaid\n{drawing}\n```\n"


def purpose(model: Model) -> str:
    """The first line of the model's docstring; Django writes a list of fields where there is none."""
    doc = model.__doc__ or ""
    if not doc.strip() or doc.startswith(f"{model.__name__}("):
        raise CommandError(f"{model.__name__} has no docstring that says what it is for.")
    return doc.strip().splitlines()[0]


def _table(model: Model) -> str:
    columns = "\n".join(f"        {_column(field)}" for field in model._meta.concrete_fields)
    return f"    {model.__name__} {{\n{columns}\n    }}"


def _column(field: models.Field[Any, Any]) -> str:
    kind = type(field).__name__.removesuffix("Field")
    if field.primary_key:
        key = " PK"
    elif field.is_relation:
        key = " FK"
    else:
        key = " UK" if field.unique else ""
    return f"{kind} {field.column}{key}"


def _lines(model: Model) -> list[str]:
    """A line for each foreign key to a table of ours, and for each many-to-many."""
    lines = []
    for field in [*model._meta.concrete_fields, *model._meta.many_to_many]:
        target = field.related_model
        if not isinstance(target, type) or target is get_user_model():
            continue
        lines.append(f'    {target.__name__} {_ends(field)} {model.__name__} : "{field.name}"')
    return lines


def _ends(field: Any) -> str:
    """How many of the target belong to how many of the model, as Mermaid writes it."""
    if field.many_to_many:
        return "}o--o{"
    return ("|o" if field.null else "||") + ("--o|" if field.unique else "--o{")
