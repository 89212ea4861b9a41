"""The role of production (`deploy/database-role.sql`): it runs the portal, and cannot change the log by any way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from requests_app.audit import checkpoints
from requests_app.models import AuditCheckpoint, AuditEntry
from requests_app.queries.audit_verify import check_log
from tests import factories
from tests.factories import WORKER
from tests.machine import missing

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.django_db,
    # Roles belong to the whole server: the tests of a file are one after the other (tests/lanes.py).
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no roles"),
]


@pytest.fixture
def _portal_app() -> Iterator[None]:
    """Everything below is done as the portal's own role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            missing("roles")
        cursor.execute((ROOT / "deploy" / "database-role.sql").read_text())
        cursor.execute("GRANT portal_app TO CURRENT_USER")
        cursor.execute("SET ROLE portal_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


@pytest.mark.usefixtures("_portal_app")
def test_it_runs_the_portal() -> None:
    factories.completed(note="Confirmed by phone.")
    factories.cancelled()
    factories.stopped()

    made = checkpoints.make_and_hand_out(actor=WORKER, now=timezone.now())

    assert made is not None
    assert check_log().report.intact
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("portal_app",)


@pytest.mark.usefixtures("_portal_app")
@pytest.mark.parametrize("table", [AuditEntry._meta.db_table, AuditCheckpoint._meta.db_table])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {} SET {} = 99",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT ({1}) DO UPDATE SET {1} = 99",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "DROP TABLE {}",
        "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION portal_refuse_change()",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION portal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "DELETE FROM django_migrations",
    ],
)
def test_it_changes_the_log_by_no_way(table: str, sql: str) -> None:
    factories.draft()
    checkpoints.make_and_hand_out(actor=WORKER, now=timezone.now())
    key = "seq" if table == AuditEntry._meta.db_table else "size"

    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(table, key))
    assert check_log().report.intact
