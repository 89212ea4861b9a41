"""A proof of one ticket's entries: whole, checkable by others, and found out wherever a letter of it changes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from requests_app.audit import checkpoints, signing
from requests_app.audit.note import Signer
from requests_app.models import AuditCheckpoint, AuditEntry, AuditNode, Ticket
from requests_app.queries import audit_proof
from requests_app.views.proofs import prove
from tests import audit_file, factories, intruder
from tests.canary import EVERYWHERE
from tests.factories import WORKER
from tests.functional.test_checkpoints import make, news
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db


def broken(proof: bytes, *keys: str) -> list[tuple[str, int]]:
    """What the single-file verifier finds in a proof."""
    module = audit_file.verifier()
    read = [module.Key.read(key) for key in keys or map(str, signing.verifiers())]
    return [(one.kind, one.seq) for one in module.check_proof(json.loads(proof), read, lambda words: None)]


def found_out(proof: bytes) -> bool:
    """Whether the proof is refused: as broken, or because it cannot be read any more."""
    try:
        return bool(broken(proof))
    except Exception as error:
        return type(error).__name__ == "Unreadable"


def proof_of(ticket: Ticket) -> bytes:
    return audit_proof.spelt(prove(ticket, actor=WORKER, now=timezone.now()))


def test_it_holds_every_entry_of_the_ticket_and_no_other() -> None:
    ticket = factories.completed()
    factories.refused()
    news(3)

    found = json.loads(proof_of(ticket))
    entries = [json.loads(one["entry"]) for one in found["entries"]]
    assert [entry["seq"] for entry in entries] == list(
        AuditEntry.objects.filter(ticket_id=ticket.pk).order_by("seq").values_list("seq", flat=True)
    )
    assert entries[-1]["action"] == "audit.prove"
    assert broken(audit_proof.spelt(found)) == []


@pytest.mark.parametrize("size", [1, 2, 200, 300, 520, 900])
def test_it_holds_in_logs_of_any_size(size: int) -> None:
    first = factories.draft()
    news(size)
    last = factories.submitted()
    news(size % 7)
    make()
    news(3)

    assert broken(proof_of(first)) == []
    assert broken(proof_of(last)) == []


def test_it_reads_stored_nodes_instead_of_the_whole_log(django_assert_max_num_queries: Any) -> None:
    ticket = factories.submitted()
    news(1500)
    checkpoint = make()

    with django_assert_max_num_queries(12):
        audit_proof.proof(ticket, checkpoint, now=timezone.now())
    AuditNode.objects.all().delete()
    with_all_read = audit_proof.proof(ticket, checkpoint, now=timezone.now())
    assert broken(audit_proof.spelt(with_all_read)) == []


def test_a_change_of_any_letter_is_found() -> None:
    ticket = factories.completed()
    news(40)
    found, dice = json.loads(proof_of(ticket)), random.Random(9)
    for _ in range(150):
        changed = json.loads(json.dumps(found))
        one = dice.choice(changed["entries"])
        entry = json.loads(one["entry"])
        match dice.randrange(4):
            case 0:
                entry["actor"]["name"] += "x"
                one["entry"] = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            case 1:
                place = dice.randrange(len(one["path"]))
                one["path"][place] = "0" * 64
            case 2:
                changed["ticket"] = "DSR-999999"
            case 3:
                changed["checkpoint"] = changed["checkpoint"].replace("A", "B", 1)
        assert found_out(audit_proof.spelt(changed))


def test_a_key_of_somebody_else_did_not_sign_it() -> None:
    proof = proof_of(factories.draft())

    assert broken(proof, str(Signer.new("other").verifier)) == [("forged", 0)]


def test_nothing_is_proved_of_an_entry_that_was_altered() -> None:
    ticket = factories.draft()
    news(5)
    make()
    intruder.unprotect()
    intruder.alter(1, actor_name="eve")

    with pytest.raises(checkpoints.Broken, match="entry 1 does not lead to the signed root"):
        proof_of(ticket)
    page = signed_in("dora").post(f"/tickets/{ticket.reference}/proof/")
    assert page.status_code == 409
    assert "entry 1 does not lead to the signed root" in page.content.decode()


def test_the_page_hands_it_to_dpos_and_auditors_and_records_that() -> None:
    ticket = factories.completed(factories.erase_plan("canary-quillfeather-7"), requester_name="Quintessa Quillfeather")
    for name in ("dora", "otto"):
        client = signed_in(name)
        assert (
            f'action="/tickets/{ticket.reference}/proof/"'
            in client.get(f"/tickets/{ticket.reference}/").content.decode()
        )

        answer = client.post(f"/tickets/{ticket.reference}/proof/")

        assert answer["Content-Disposition"] == f'attachment; filename="{ticket.reference}-audit-proof.json"'
        assert broken(answer.content) == []
        assert not any(word in answer.content.decode() for word in EVERYWHERE)
        assert AuditEntry.objects.filter(action="audit.prove", actor_id=person(name).pk).count() == 1
    assert "/proof/" not in signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()


def test_an_auditor_has_no_proof_of_a_draft() -> None:
    assert signed_in("otto").post(f"/tickets/{factories.draft().reference}/proof/").status_code == 404


def test_the_audit_page_signs_when_it_is_told() -> None:
    factories.submitted()
    client = signed_in("ruth")
    assert "Nothing was signed yet." in client.get("/audit/").content.decode()

    page = client.post("/audit/checkpoint/", follow=True).content.decode()

    size = AuditCheckpoint.objects.get().size
    assert f"Signed: {size} entries." in page
    assert f"Entries up to {size} were signed" in page
    intruder.unprotect()
    news(2)
    intruder.alter(size + 1, actor_name="eve")
    page = client.post("/audit/checkpoint/", follow=True).content.decode()
    assert f"Nothing was signed: entry {size + 1} was altered. Check the chain." in page


def test_the_command_writes_what_the_verifier_takes(tmp_path: Path, capsys: Any) -> None:
    ticket = factories.submitted()
    file = tmp_path / "proof.json"
    call_command("prove_ticket", ticket.reference.lower(), "--output", str(file))
    done = audit_file.run("--proof", file, "--key", str(signing.verifiers()[0]))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "INTACT.")
    assert f"3 entries about {ticket.reference}" in done.stdout

    call_command("prove_ticket", ticket.reference)
    assert json.loads(capsys.readouterr().out)["ticket"] == ticket.reference
    with pytest.raises(CommandError, match="File exists"):
        call_command("prove_ticket", ticket.reference, "--output", str(file))
    with pytest.raises(CommandError, match="no such ticket"):
        call_command("prove_ticket", "DSR-999999")
    file.write_text(file.read_text().replace("ticket.open", "ticket.edit"))
    assert audit_file.run("--proof", file).returncode == 1
    file.write_text("{}")
    assert audit_file.run("--proof", file).returncode == 2
