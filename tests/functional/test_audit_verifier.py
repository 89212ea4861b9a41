"""The auditor's single file: finds the first entry that does not hold, and says what was done to it."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from requests_app.audit import checkpoints, log, signing
from requests_app.audit.note import Signer
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry
from tests import audit_file, factories
from tests.audit_file import Checker, exported, forged, with_lines
from tests.factories import WORKER
from tests.functional.test_checkpoints import make, news
from tests.people import actor

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    return Checker(tmp_path)


def busy() -> None:
    """A log with tickets, texts, texts with odd letters and three checkpoints."""
    factories.completed(factories.erase_plan("kim"), note="Zoe\u0308 asked “by phone”; {see} [1] ]}")
    make()
    factories.refused()
    news(4)
    make()
    factories.sent_back(note="twice")
    make()
    news(3)


def test_what_the_portal_exports_holds(checker: Checker) -> None:
    busy()

    assert checker.findings(exported()) == []
    assert checker.findings(exported(texts=True)) == []
    assert checker.findings(exported(texts=True), [point.note for point in AuditCheckpoint.objects.all()]) == []


def test_an_empty_log_holds(checker: Checker) -> None:
    assert checker.findings(exported()) == []


def varied(count: int) -> None:
    """Entries of which no two say the same."""
    with transaction.atomic():
        for number in range(count):
            log.record(AuditAction.AUDIT_READ, actor=WORKER, now=NOON, facts={"number": number})


def altered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[7].replace(b'"action":"', b'"action":"x'), *lines[8:]]


def altered_with_hash(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], forged(lines[7], action="ticket.read"), *lines[8:]]


def altered_hash(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[7][:9] + b"0" * 64 + lines[7][73:], *lines[8:]]


def removed(lines: list[bytes]) -> list[bytes]:
    return lines[:7] + lines[8:]


def removed_many(lines: list[bytes]) -> list[bytes]:
    return lines[:7] + lines[12:]


def removed_first(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def inserted_copy(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[3], *lines[7:]]


def inserted_later_copy(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[11], *lines[7:]]


def inserted_forgery(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], forged(lines[7], action="ticket.read"), *lines[7:]]


def inserted_nonsense(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[7].replace(b"actor", b"actxr"), *lines[7:]]


def reordered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[8], lines[7], *lines[9:]]


def reordered_far(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], *lines[8:15], lines[7], *lines[15:]]


def truncated(lines: list[bytes]) -> list[bytes]:
    return lines[:-2]


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        (altered, "altered", 8),
        (altered_with_hash, "altered", 8),
        (altered_hash, "altered", 8),
        (removed, "removed", 8),
        (removed_many, "removed", 8),
        (removed_first, "removed", 1),
        (inserted_copy, "inserted", 8),
        (inserted_later_copy, "inserted", 8),
        (inserted_forgery, "inserted", 8),
        (inserted_nonsense, "inserted", 8),
        (reordered, "reordered", 8),
        (reordered_far, "reordered", 8),
        (truncated, "truncated", -1),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_it_tells_what_was_done_and_where(checker: Checker, change: Change, kind: str, place: int) -> None:
    news(20)
    data = exported()
    assert checker.findings(data) == []

    (found,) = checker.findings(with_lines(data, change))

    assert found == (kind, place if place > 0 else AuditEntry.objects.count() - 1)


def test_a_file_that_was_cut_off_is_truncated(checker: Checker) -> None:
    news(20)
    data = exported()
    lines = data.splitlines(keepends=True)

    assert checker.findings(b"".join(lines[:-1])) == [("truncated", 21)]
    assert checker.findings(b"".join(lines[:9])) == [("truncated", 9)]
    assert checker.findings(data[: len(data) // 2])[0][0] in {"altered", "truncated"}


def test_a_log_that_was_cut_and_exported_again_is_found_by_a_note(checker: Checker) -> None:
    news(9)
    note = make().note
    data = exported()
    short = exported(until=timezone.now() + timedelta(days=400))
    assert checker.findings(short, [note]) == []
    lines = data.splitlines(keepends=True)
    head = lines[0].replace(b'"last":10', b'"last":7').replace(b'"log":10', b'"log":7')

    assert checker.findings(resealed(checker, [head, *audit_file.entry_lines(data)[:7]]), [note]) == [("truncated", 8)]


def resealed(checker: Checker, lines: list[bytes]) -> bytes:
    """An export with the end that an intruder would write under these lines."""
    module = checker.module
    rest = module.sha256(b"".join(line for line in lines if not line.startswith(b'{"hash":')))
    entries = [line for line in lines if line.startswith(b'{"hash":')]
    first = module.json.loads(lines[0])["export"]["after"]["size"]
    end = {"head": entries[-1][9:73].decode(), "rest": rest.hexdigest(), "size": first + len(entries)}
    return b"".join([*lines, module.spelt({"end": end})])


def rehashed(lines: list[bytes], start: int) -> list[bytes]:
    """The tail numbered and hashed anew, as somebody with the database's rights would."""
    made = lines[: start - 1]
    head = made[-1][9:73].decode() if made else "0" * 64
    for seq, line in enumerate(lines[start - 1 :], start=start):
        made.append(forged(line, seq=seq, prev=head))
        head = made[-1][9:73].decode()
    return made


@pytest.mark.parametrize("change", [altered_with_hash, removed, inserted_forgery, reordered, removed_many])
def test_a_tail_that_was_hashed_anew_is_found_by_the_checkpoints_alone(checker: Checker, change: Change) -> None:
    varied(5)
    make()
    varied(14)
    last = make()
    data = exported()
    lines = data.splitlines(keepends=True)
    entries = rehashed(change(audit_file.entry_lines(data)), 8)[: last.size]
    count = b'"last":%d,"log":%d' % (len(entries), len(entries))
    head = lines[0].replace(b'"checkpoints":2', b'"checkpoints":0')
    head = head.replace(b'"last":20,"log":20', count)
    alone = resealed(checker, [head, *entries])
    assert checker.findings(alone) == []

    notes = [point.note for point in AuditCheckpoint.objects.order_by("size")]
    kind, seq = checker.findings(alone, notes)[0]

    assert (kind, seq) == (("rewritten", 7) if len(entries) == 20 else ("truncated", len(entries) + 1))
    assert checker.findings(alone, notes[:1]) == []


def test_every_single_byte_counts(checker: Checker) -> None:
    busy()
    data, dice = exported(texts=True), random.Random(20261125)
    missed = []
    for _ in range(1000):
        place = dice.randrange(len(data))
        other = dice.choice([byte for byte in range(256) if byte != data[place]])
        try:
            if not checker.findings(data[:place] + bytes([other]) + data[place + 1 :]):
                missed.append((place, data[place], other))
        except checker.module.Unreadable:
            assert place < data.index(b"\n") + 1
    assert missed == []


def test_a_period_goes_on_from_the_tree_before_it(checker: Checker) -> None:
    with transaction.atomic():
        for day in range(10):
            at = NOON + timedelta(days=day)
            log.record_all([log.Record(action=AuditAction.AUDIT_READ, actor=WORKER, now=at) for _ in range(7)])
    checkpoints.make(actor=WORKER, now=NOON + timedelta(days=9))
    with transaction.atomic():
        log.record(AuditAction.AUDIT_READ, actor=WORKER, now=NOON + timedelta(days=9))
    note = make().note
    part = exported(since=NOON + timedelta(days=5))

    assert len(audit_file.entry_lines(part)) == 7 * 5 + 2
    assert checker.findings(part, [note]) == []
    changed = with_lines(part, lambda lines: rehashed_part(lines, 3))
    assert ("rewritten", 36) in checker.findings(changed, [note])


def rehashed_part(lines: list[bytes], place: int) -> list[bytes]:
    made, head = lines[:place], lines[place - 1][9:73].decode()
    for line in lines[place:]:
        changes = {"prev": head} | ({"action": "ticket.read"} if len(made) == place else {})
        made.append(forged(line, **changes))
        head = made[-1][9:73].decode()
    return made


def test_a_text_that_does_not_fit_its_commitment_is_found(checker: Checker) -> None:
    factories.draft(note="Confirmed by phone.")
    lines = exported(texts=True).splitlines(keepends=True)
    changed = [line.replace(b"by phone", b"in court") for line in lines[:-1]]

    assert checker.findings(resealed(checker, changed)) == [("altered", 1)]


def test_a_checkpoint_signed_by_somebody_else_is_found(checker: Checker) -> None:
    news(3)
    made = make()
    other = Signer(signing.ORIGIN, bytes(32))
    text, _, _ = made.note.rpartition("\n\n")
    foreign = f"{text}\n\n{other.line(text + chr(10))}"
    bent = made.note[:-4] + ("A" if made.note[-4] != "A" else "B") + made.note[-3:]

    assert checker.findings(exported(), [bent]) == [("forged", 4)]
    checker.keys = [checker.module.Key.read(str(other.verifier))]
    assert checker.findings(exported(), [foreign]) == []


# Rules


def acts(*told: tuple[AuditAction, str, dict[str, Any]]) -> None:
    """Entries about ticket 7 as no portal would write them: who did what."""
    records = [
        log.Record(action=action, actor=actor(who) if who else WORKER, now=NOON, ticket_id=7, facts=facts)
        for action, who, facts in told
    ]
    with transaction.atomic():
        log.record_all(records)


PLAN = {"plan_digest": "a" * 64}
OTHER = {"plan_digest": "b" * 64}
SENT = {"step": 1, "attempt": 1, "operation": "delete_users"}
OPEN = (AuditAction.TICKET_OPENED, "ada", PLAN)
APPROVE = (AuditAction.TICKET_APPROVED, "dora", PLAN)
INTEND = (AuditAction.CALL_INTENDED, "", SENT)
ANSWER = (AuditAction.CALL_ANSWERED, "", SENT)


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        ([OPEN, APPROVE, INTEND, ANSWER], []),
        ([OPEN, INTEND, ANSWER], [2]),
        ([OPEN, INTEND, APPROVE, ANSWER], [2]),
        ([OPEN, APPROVE, (AuditAction.TICKET_EDITED, "ada", OTHER), INTEND], [4]),
        ([OPEN, (AuditAction.TICKET_APPROVED, "ada", PLAN), INTEND], [2, 3]),
        ([OPEN, (AuditAction.TICKET_EDITED, "dora", PLAN), APPROVE, INTEND], [3, 4]),
        ([OPEN, (AuditAction.TICKET_APPROVED, "dora", OTHER), INTEND], [3]),
        ([OPEN, (AuditAction.TICKET_APPROVED_FIRST, "dora", PLAN), INTEND], [3]),
        ([OPEN, APPROVE, ANSWER], [3]),
        ([OPEN, (AuditAction.CALL_INTENDED, "", SENT | {"operation": "export_users"})], []),
    ],
    ids=str,
)
def test_the_rules(checker: Checker, told: list[Any], broken: list[int]) -> None:
    acts(*told)

    assert checker.findings(exported()) == [("rule", seq) for seq in broken]


def test_two_approvals_are_by_two_people(checker: Checker) -> None:
    twice = PLAN | {"first_approved_by": actor("dora").id}
    acts(OPEN, (AuditAction.TICKET_APPROVED, "dora", twice))

    assert checker.findings(exported()) == [("rule", 2)]


# As an auditor runs it


def test_it_runs_alone_and_says_what_it_found(tmp_path: Path) -> None:
    busy()
    file, notes = tmp_path / "export.jsonl", tmp_path / "notes.txt"
    file.write_bytes(exported(texts=True))
    notes.write_text("Dear auditor,\n\n" + "\n".join(point.note for point in AuditCheckpoint.objects.all()))
    (key,) = signing.verifiers()

    done = audit_file.run(file, "--key", str(key), "--notes", notes)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "INTACT."
    assert "6 of 6 checkpoints are signed by a given key" in done.stdout
    file.write_bytes(with_lines(file.read_bytes(), removed))
    done = audit_file.run(file, "--key", str(key))
    assert done.returncode == 1
    assert "BROKEN, removed, entry 8: entry 8 is missing: entry 9 follows entry 7." in done.stdout


def test_it_says_plainly_what_it_did_not_check(tmp_path: Path) -> None:
    news(3)
    make()
    file = tmp_path / "export.jsonl"
    file.write_bytes(exported())

    assert "NOT CHECKED. Give the public key" in audit_file.run(file).stdout
    # As on a Python without the package: -S leaves site-packages out.
    command = [sys.executable, "-I", "-S", str(audit_file.VERIFIER), str(file), "--key", str(signing.verifiers()[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "NOT CHECKED. This Python has no package" in done.stdout


@pytest.mark.parametrize("what", ["missing", "empty", "other", "key", "notes"])
def test_what_cannot_be_checked_is_neither_intact_nor_broken(tmp_path: Path, what: str) -> None:
    news(2)
    file = tmp_path / "export.jsonl"
    file.write_bytes({"empty": b"", "other": b"{}\n"}.get(what, exported()))
    words: list[str | Path] = [tmp_path / "away" if what == "missing" else file]
    words += ["--key", "log+00000000+AAAA"] if what == "key" else []
    words += ["--notes", file] if what == "notes" else []

    done = audit_file.run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith("NOT CHECKED: ")


def test_a_key_that_signed_nothing_is_no_signature(tmp_path: Path) -> None:
    news(2)
    make()
    file = tmp_path / "export.jsonl"
    file.write_bytes(exported())

    done = audit_file.run(file, "--key", str(Signer.new("other").verifier))

    assert done.returncode == 1
    assert "signed by none of the given keys" in done.stdout


@pytest.mark.parametrize("kind", [b'{"text":', b'{"checkpoint":', b'{"end":'])
def test_a_line_without_one_of_its_names_is_found_and_breaks_nothing(checker: Checker, kind: bytes) -> None:
    busy()
    lines = exported(texts=True).splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if line.startswith(kind))
    names = set(re.findall(rb'"(\w+)":', lines[place]))
    assert names

    for name in names:
        # Another last letter, so that the names stay in their order.
        changed = lines[place].replace(b'"%b":' % name, b'"%b~":' % name[:-1])
        assert checker.findings(b"".join([*lines[:place], changed, *lines[place + 1 :]])), name
