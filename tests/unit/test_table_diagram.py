"""docs/tables.md is what `table_diagram` makes of the models; nothing in it is written by hand."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from portal.environment import ROOT
from requests_app.management.commands import table_diagram
from requests_app.models import AppHealth, Step

HOW_TO_RENEW = "docs/tables.md is out of date. Run: python manage.py table_diagram > docs/tables.md"


def printed(capsys: Any) -> str:
    call_command("table_diagram")
    return str(capsys.readouterr().out)


def test_the_page_in_the_docs_is_what_the_command_prints(capsys: Any) -> None:
    same = printed(capsys) == (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")

    assert same, HOW_TO_RENEW


def test_every_table_is_drawn_once_with_all_its_columns(capsys: Any) -> None:
    page = printed(capsys)

    for model in apps.get_app_config("requests_app").get_models():
        assert page.count(f"| `{model._meta.db_table}` |") == 1
        drawn = page.split(f"    {model.__name__} {{\n")
        assert len(drawn) == 2, model.__name__
        columns = [line.split()[1] for line in drawn[1].partition("    }")[0].strip().splitlines()]
        assert columns == [field.column for field in model._meta.concrete_fields]


@pytest.mark.parametrize(
    "line",
    [
        'Ticket ||--o{ Step : "ticket"',
        'Account |o--o{ Step : "account"',
        'Attempt }o--o{ Step : "attempts"',
        'StreamApp ||--o| AppHealth : "stream_app"',
    ],
)
def test_a_line_says_how_many_belong_to_how_many(line: str, capsys: Any) -> None:
    assert f"    {line}\n" in printed(capsys)


def test_a_file_of_models_without_a_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {title: files for title, files in table_diagram.PARTS.items() if title != "Audit"}
    monkeypatch.setattr(table_diagram, "PARTS", MappingProxyType(without))

    with pytest.raises(CommandError, match=r"models/audit_checkpoint\.py has no part"):
        call_command("table_diagram")


@pytest.mark.parametrize("doc", [None, "", "Step(id, ticket, account)"])
def test_a_model_that_does_not_say_what_it_is_for_is_named(doc: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Step, "__doc__", doc)

    with pytest.raises(CommandError, match="Step has no docstring"):
        call_command("table_diagram")


def test_the_purpose_is_the_first_line_of_the_docstring() -> None:
    assert table_diagram.purpose(AppHealth) == "The breaker of one app, shared by every worker."
