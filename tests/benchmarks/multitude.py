"""A million tickets in minutes: rows that the verbs made are copied inside the database, by one statement a table.

Each copy has a number of its own, from which its ids, its user id and its dates follow. Most copies are
closed, as in a portal that has been at work for years. The hashes of copied audit entries are made up.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Model

from requests_app.enums import State
from requests_app.models import Account, AuditEntry, Contribution, Decision, Step, StreamApp, StreamTask, Ticket
from tests import factories, step_events
from tests.benchmarks import crowd

# Of a hundred tickets so many are in this state; all others are completed. With a thousand the pages are as full as
# with a million, so that what is compared are pages of equal length.
SHARES = {State.AWAITING_DECISION: 6, State.NEEDS_ATTENTION: 2, State.SENT_BACK: 2, State.DRAFT: 2}
# Ids of copies begin here, above those of whatever went through the verbs.
FIRST = 100_000
ENTRIES_A_TICKET = 2
DAYS = 700
# What is open is due within two months, or was up to three weeks ago.
OPEN_DAYS, LATE_DAYS = 60, 20


def templates(app: StreamApp) -> dict[State, Ticket]:
    """A ticket in each state of the shares and one that is completed, made before there are any copies."""
    states = (*SHARES, State.COMPLETED)
    made = {state: factories.IN_STATE[state](crowd.erasure(f"first-{state.value}"), app=app) for state in states}
    step_events.look_again(made[State.COMPLETED])
    return made


def grow(number: int, first: Mapping[State, Ticket]) -> None:
    """Have so many copies of these tickets, and twice as many audit entries."""
    begin = Ticket.objects.filter(pk__gte=FIRST).count()
    wanted, done = number - begin, 0
    for state, share in SHARES.items():
        part = wanted * share // 100
        _clone(first[state], begin + done, part)
        done += part
    _clone(first[State.COMPLETED], begin + done, wanted - done)
    _entries(wanted * ENTRIES_A_TICKET, begin)
    _catch_up()


def _clone(template: Ticket, offset: int, number: int) -> None:
    """The ticket and everything that hangs on it, so many times."""
    base = FIRST + offset
    own = f"({base} + n)"
    span, late = (DAYS, DAYS) if template.closed_at else (OPEN_DAYS, LATE_DAYS)
    day = _days_from_today(f"(n % {span} * 7919) % {span} - {late}")
    due = {
        "due_on": day,
        "target_on": day,
        "received_on": _days_from_today(f"(n % {DAYS} * 7919) % {DAYS} - {2 * DAYS}"),
    }
    if template.state == State.COMPLETED:
        # Most people have their answer long since.
        due |= {"answered_at": '"closed_at"', "answered_by_id": '"approved_by_id"'}
    who = {"requester_name": f"'Somebody ' || {own}", "requester_email": f"'somebody-' || {own} || '@example.org'"}
    _copy(template, {"id": own, **due, **who}, number)
    account = template.accounts.get()
    # As many people as tickets, under whichever of their names somebody looks for them.
    whose = {"user_id": f"'crowd-' || {own}", "subject": f"'crowd-subject-' || {own}"}
    _copy(account, {"id": own, "ticket_id": own, **whose}, number)
    for row in (*template.contributions.all()[:1], *template.decisions.all()[:1]):
        _copy(row, {"id": own, "ticket_id": own}, number)
    for step in template.steps.all()[:1]:
        changes = {"id": own, "ticket_id": own, "account_id": own}
        if step.stream_task is not None:
            _copy(step.stream_task, {"id": own, "task_id": f"'task-' || {own}"}, number)
            changes["stream_task_id"] = own
        _copy(step, changes, number)


def _entries(number: int, begin: int) -> None:
    """Audit entries behind the newest one, spread over the copies."""
    newest = AuditEntry.objects.order_by("-seq").first()
    if newest is None:
        return
    seq = f"({newest.seq} + n)"
    changes = {
        "seq": seq,
        "ticket_id": f"({FIRST + begin} + n / {ENTRIES_A_TICKET})",
        "hash": _hexadecimal(seq, "a"),
        "prev_hash": _hexadecimal(seq, "b"),
    }
    _copy(newest, changes, number)


def _copy(row: Model, changes: Mapping[str, str], number: int) -> None:
    """The row so many times, but for some columns. The expressions are ours, never anybody's input."""
    meta = row._meta
    columns = [field.column for field in meta.concrete_fields]
    picked = [changes.get(column, f'"{meta.db_table}"."{column}"') for column in columns]
    key = meta.pk.column if meta.pk else "id"
    names = ", ".join(f'"{column}"' for column in columns)
    series = f"generate_series(1, {number}) AS series(n)" if connection.vendor == "postgresql" else "series"
    head = ""
    if connection.vendor != "postgresql":
        head = f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {number}) "  # noqa: S608
    # SQLite wants the head behind INSERT INTO, PostgreSQL takes it there, too.
    statement = (
        f'INSERT INTO "{meta.db_table}" ({names}) {head}SELECT {", ".join(picked)} '  # noqa: S608
        f'FROM "{meta.db_table}" CROSS JOIN {series} WHERE "{meta.db_table}"."{key}" = %s'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("%", "%%").replace("= %%s", "= %s"), [row.pk])


def _days_from_today(days: str) -> str:
    if connection.vendor == "postgresql":
        return f"(CURRENT_DATE + CAST({days} AS integer))"
    return f"date('now', ({days}) || ' days')"


def _hexadecimal(number: str, mark: str) -> str:
    if connection.vendor == "postgresql":
        return f"('{mark}' || lpad(to_hex(CAST({number} AS bigint)), 63, '0'))"
    return f"('{mark}' || printf('%063x', {number}))"


def _catch_up() -> None:
    """Let the next rows of the verbs have ids above the copies, and the planner know what is there now."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for model in (Ticket, Account, Contribution, Decision, Step, StreamTask):
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
                )
        cursor.execute("ANALYZE")
