"""Triggers that keep what constraints cannot: the audit log only grows, and who edited never approves.

Migrations install them on SQLite and PostgreSQL. `remove` exists for the way back of the migration and
for test databases, whose tables are emptied between tests; nothing that runs in production calls it.
"""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LOG = "requests_app_auditentry"
TICKET = "requests_app_ticket"
CONTRIBUTION = "requests_app_contribution"
APPEND_ONLY = "the audit log is append-only"
FOUR_EYES = "whoever opened or edited a ticket cannot approve it"

# SQLite fires delete triggers on INSERT OR REPLACE only with recursive_triggers, which a connection may
# have switched off: so an insert over an existing entry is refused by a trigger of its own.
SQLITE = {
    "audit_no_update": f"BEFORE UPDATE ON {LOG} BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END",
    "audit_no_delete": f"BEFORE DELETE ON {LOG} BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END",
    "audit_no_replace": (
        f"BEFORE INSERT ON {LOG} WHEN EXISTS (SELECT 1 FROM {LOG} WHERE seq = NEW.seq) "  # noqa: S608
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    ),
    "ticket_four_eyes": (
        f"BEFORE UPDATE OF approved_by_id ON {TICKET} WHEN EXISTS (SELECT 1 FROM {CONTRIBUTION} "  # noqa: S608
        "WHERE ticket_id = NEW.id AND actor_id = NEW.approved_by_id) "
        f"BEGIN SELECT RAISE(ABORT, '{FOUR_EYES}'); END"
    ),
}
_BROKEN = "USING ERRCODE = 'integrity_constraint_violation'"
POSTGRESQL_FUNCTIONS = {
    "portal_refuse_change": f"BEGIN RAISE EXCEPTION '{APPEND_ONLY}' {_BROKEN}; END",
    "portal_four_eyes": (
        f"BEGIN IF EXISTS (SELECT 1 FROM {CONTRIBUTION} WHERE ticket_id = NEW.id AND actor_id = NEW.approved_by_id) "  # noqa: S608
        f"THEN RAISE EXCEPTION '{FOUR_EYES}' {_BROKEN}; END IF; RETURN NEW; END"
    ),
}
POSTGRESQL = {
    "audit_no_change": (
        LOG,
        "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION portal_refuse_change()",
    ),
    "audit_no_truncate": (
        LOG,
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION portal_refuse_change()",
    ),
    "ticket_four_eyes": (
        TICKET,
        "BEFORE UPDATE OF approved_by_id ON {table} FOR EACH ROW EXECUTE FUNCTION portal_four_eyes()",
    ),
}


def install(editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers on the editor's database."""
    if editor.connection.vendor == "postgresql":
        for name, body in POSTGRESQL_FUNCTIONS.items():
            editor.execute(f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        for name, (table, rule) in POSTGRESQL.items():
            editor.execute(f"CREATE TRIGGER {name} {rule.format(table=table)}")
    else:
        for name, rule in SQLITE.items():
            editor.execute(f"CREATE TRIGGER {name} {rule}")


def remove(editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers from the editor's database."""
    if editor.connection.vendor == "postgresql":
        for name, (table, _) in POSTGRESQL.items():
            editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        for name in POSTGRESQL_FUNCTIONS:
            editor.execute(f"DROP FUNCTION IF EXISTS {name}()")
    else:
        for name in SQLITE:
            editor.execute(f"DROP TRIGGER IF EXISTS {name}")
