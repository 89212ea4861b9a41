"""Every column that can hold text has a rule, and a model that gains one without fails the check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import models

from requests_app.checks import check_retention
from requests_app.management.commands.retention import table
from requests_app.models import Note
from requests_app.workflow import retained


def test_every_open_column_has_a_rule_and_every_rule_a_column() -> None:
    assert "Ticket.requester_name" in set(retained.open_columns())
    assert "Step.user_ids" in set(retained.open_columns())
    assert "Ticket.kind" not in set(retained.open_columns())
    assert check_retention(None) == []


@pytest.mark.parametrize("column", [models.TextField(), models.JSONField(), models.EmailField()])
def test_a_new_column_without_a_rule_fails_the_check(column: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    column.set_attributes_from_name("nickname")
    monkeypatch.setattr(Note._meta, "concrete_fields", (*Note._meta.concrete_fields, column))

    (found,) = check_retention(None)
    assert found.id == "requests_app.E004"
    assert "Note.nickname" in found.msg


def test_a_rule_for_a_column_that_went_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = dict(retained.TABLES) | {"Note": retained.Table({"text": retained.NOBODY, "gone": retained.NOBODY})}
    monkeypatch.setattr(retained, "TABLES", tables)

    assert [found.id for found in check_retention(None)] == ["requests_app.E005"]


def test_the_rest_is_not_erased_before_the_details(settings: Any) -> None:
    settings.RETENTION_REST_DAYS = 10

    assert [found.id for found in check_retention(None)] == ["requests_app.E006"]


def test_the_table_of_the_paper_says_nothing_that_is_not_true() -> None:
    paper = (Path(__file__).resolve().parents[3] / "docs" / "retention.md").read_text().splitlines()
    start = paper.index("| Model | Columns | What becomes of them |") + 2
    lines = paper[start : paper.index("", start)]

    # Print it anew with: manage.py retention --table
    assert len(lines) > 30
    assert [line for line in lines if line not in table()] == []
