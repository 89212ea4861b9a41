"""Triggers that keep what constraints cannot: the audit log only grows, and who edited never approves.

Migrations install them on SQLite and PostgreSQL. `remove` exists for the way back of the migration and
for test databases, whose tables are emptied between tests; nothing that runs in production calls it.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LOG = "requests_app_auditentry"
CHECKPOINT = "requests_app_auditcheckpoint"
TICKET = "requests_app_ticket"
CONTRIBUTION = "requests_app_contribution"
APPEND_ONLY = "the audit log is append-only"
FOUR_EYES = "whoever opened or edited a ticket cannot approve it"

# Each table that only grows: the first part of its triggers' names, and its primary key.
GROWING = {LOG: ("audit", "seq"), CHECKPOINT: ("checkpoint", "size")}


def _sqlite_growing(table: str, name: str, key: str) -> dict[str, tuple[str, str]]:
    """SQLite fires delete triggers on INSERT OR REPLACE only with recursive_triggers, which a connection may
    have switched off: so an insert over an existing row is refused by a trigger of its own.
    """
    abort = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    present = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608
    return {
        f"{name}_no_update": (table, f"BEFORE UPDATE ON {table} {abort}"),
        f"{name}_no_delete": (table, f"BEFORE DELETE ON {table} {abort}"),
        f"{name}_no_replace": (table, f"BEFORE INSERT ON {table} WHEN {present} {abort}"),
    }


def _postgresql_growing(table: str, name: str) -> dict[str, tuple[str, str]]:
    refuse = "EXECUTE FUNCTION portal_refuse_change()"
    return {
        f"{name}_no_change": (table, f"BEFORE UPDATE OR DELETE ON {{table}} FOR EACH ROW {refuse}"),
        f"{name}_no_truncate": (table, f"BEFORE TRUNCATE ON {{table}} FOR EACH STATEMENT {refuse}"),
    }


# Name of a trigger -> its table and its rule.
SQLITE = {
    **{name: rule for table, parts in GROWING.items() for name, rule in _sqlite_growing(table, *parts).items()},
    "ticket_four_eyes": (
        TICKET,
        f"BEFORE UPDATE OF approved_by_id ON {TICKET} WHEN EXISTS (SELECT 1 FROM {CONTRIBUTION} "  # noqa: S608
        "WHERE ticket_id = NEW.id AND actor_id = NEW.approved_by_id) "
        f"BEGIN SELECT RAISE(ABORT, '{FOUR_EYES}'); END",
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
    **{name: rule for table, (first, _) in GROWING.items() for name, rule in _postgresql_growing(table, first).items()},
    "ticket_four_eyes": (
        TICKET,
        "BEFORE UPDATE OF approved_by_id ON {table} FOR EACH ROW EXECUTE FUNCTION portal_four_eyes()",
    ),
}
_PRESENT = (
    "SELECT t.tgname, c.relname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
)


def install(editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers of the tables that are there on the editor's database; what was there before is replaced."""
    remove(editor)
    tables = set(editor.connection.introspection.table_names())
    if editor.connection.vendor == "postgresql":
        for name, body in POSTGRESQL_FUNCTIONS.items():
            editor.execute(f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        for name, (table, rule) in POSTGRESQL.items():
            if table in tables:
                editor.execute(f"CREATE TRIGGER {name} {rule.format(table=table)}")
    else:
        for name, (table, rule) in SQLITE.items():
            if table in tables:
                editor.execute(f"CREATE TRIGGER {name} {rule}")


def renew(editor: BaseDatabaseSchemaEditor) -> None:
    """The same by the name that tells why: on SQLite a migration that rebuilds a table loses those of it."""
    install(editor)


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


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are gone, switched off or not as they were installed, in alphabetical order."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_PRESENT)
            present = {name: (table, body.strip()) for name, table, body in cursor.fetchall()}
            wanted = {name: (table, _body_of(rule)) for name, (table, rule) in POSTGRESQL.items()}
        else:
            cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
            present = {name: (table, sql) for name, table, sql in cursor.fetchall()}
            wanted = {name: (table, f"CREATE TRIGGER {name} {rule}") for name, (table, rule) in SQLITE.items()}
    return sorted(name for name, rule in wanted.items() if present.get(name) != rule)


def _body_of(rule: str) -> str:
    """What the function does that a PostgreSQL trigger calls."""
    return POSTGRESQL_FUNCTIONS[rule.rpartition("EXECUTE FUNCTION ")[2].removesuffix("()")]
