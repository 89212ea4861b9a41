"""Files on a ticket: what may come in, that it lies encrypted, who gets it, and that nothing is left half done."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.models import Attachment, AuditEntry, Ticket, sealed_file
from requests_app.upkeep import orphaned_files
from requests_app.workflow import attachments
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.canary import NAME
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n" + b"Everything about " + NAME.encode() + b"\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.FILES_FOLDER = str(tmp_path / "files")
    return tmp_path / "files"


@pytest.fixture
def ticket() -> Ticket:
    return factories.submitted()


def add(ticket: Ticket, content: bytes = PDF, name: str = "letter.pdf", *, by: str = "ada") -> Attachment:
    return attachments.add(ticket, [content], name=name, size=len(content), actor=actor(by), now=timezone.now())


def upload(client: Client, ticket: Ticket, content: bytes = PDF, name: str = "letter.pdf") -> Any:
    return client.post(f"/tickets/{ticket.reference}/files/", {"file": SimpleUploadedFile(name, content)})


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def test_a_file_goes_up_lies_encrypted_and_comes_down_as_it_was(ticket: Ticket, folder: Path) -> None:
    ada = signed_in("ada")

    answer = upload(ada, ticket)

    one = Attachment.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/tickets/{ticket.reference}/")
    assert (one.name, one.size, one.media_type) == ("letter.pdf", len(PDF), "application/pdf")
    assert one.sha256 == hashlib.sha256(PDF).hexdigest()
    (stored,) = files(folder)
    assert stored.name == one.stored_name
    assert NAME.encode() not in stored.read_bytes()
    assert b"PDF" not in stored.read_bytes()
    assert stored.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0

    download = ada.post(f"/tickets/{ticket.reference}/files/{one.pk}/")

    assert b"".join(download.streaming_content) == PDF
    assert download["Content-Disposition"] == 'attachment; filename="letter.pdf"'
    assert download["Content-Type"] == "application/octet-stream"
    assert download["X-Content-Type-Options"] == "nosniff"
    assert download["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert download["Cache-Control"] == "no-store"
    assert int(download["Content-Length"]) == len(PDF)


def test_each_step_is_an_entry_with_the_digest_and_without_the_name(ticket: Ticket) -> None:
    one = add(ticket, name=f"{NAME}.pdf")
    b"".join(attachments.open_file(one, actor=actor("ben"), now=timezone.now()))
    attachments.remove(one, actor=actor("dora"), now=timezone.now(), why=f"{NAME} asked for it.")

    entries = AuditEntry.objects.filter(action__startswith="attachment.").order_by("seq")
    assert [entry.action for entry in entries] == [
        AuditAction.ATTACHMENT_ADDED,
        AuditAction.ATTACHMENT_DOWNLOADED,
        AuditAction.ATTACHMENT_REMOVED,
    ]
    for entry in entries:
        assert entry.facts["sha256"] == one.sha256
        assert NAME not in str(entry.facts)
    assert [sorted(entry.texts) for entry in entries] == [["name"], [], ["why"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<html></html>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("archive.zip", b"PK\x03\x04"),
        ("letter.docx", b"PK\x03\x04"),
        ("program.pdf.exe", b"%PDF-1.7"),
        ("pdf", b"%PDF-1.7"),
        (".pdf", b"%PDF-1.7"),
        ("letter.pdf", b"<html>%PDF-"),
        ("letter.pdf", PNG),
        ("photo.jpg", PNG),
        ("photo.png", b"\xff\xd8\xff\xe0"),
        ("text.txt", b"  <!DOCTYPE html><script>"),
        ("text.txt", b"\xef\xbb\xbf<svg onload=x>"),
        ("table.csv", b"<?xml version='1.0'?>"),
        ("text.txt", PDF),
        ("text.txt", b"MZ\x00\x01"),
        ("mail.eml", b"just words"),
        ("letter.pdf", b""),
    ],
)
def test_what_is_no_document_stays_out(ticket: Ticket, folder: Path, name: str, content: bytes) -> None:
    answer = upload(signed_in("ada"), ticket, content, name)

    assert answer.status_code == 422
    assert not Attachment.objects.exists()
    assert files(folder) == []


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.PDF", PDF, "application/pdf"),
        ("a.png", PNG, "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xe0" + bytes(9), "image/jpeg"),
        ("a.txt", "Grüße, <b>fett</b> & more\r\n\tx".encode(), "text/plain"),
        ("a.csv", b"a;b\n1;2\n", "text/csv"),
        ("a.eml", b"Received: from mx\r\nSubject: x\r\n\r\nHello\r\n", "message/rfc822"),
    ],
)
def test_documents_come_in(ticket: Ticket, name: str, content: bytes, media_type: str) -> None:
    assert add(ticket, content, name).media_type == media_type


def test_text_is_looked_at_to_its_end(ticket: Ticket, folder: Path) -> None:
    chunks = [b"fine\n" * 100, b"fine\n" * 100, b"\x00\x01"]

    with pytest.raises(UnableTo, match="not text/plain"):
        attachments.add(ticket, chunks, name="a.txt", size=1002, actor=actor("ada"), now=timezone.now())
    assert files(folder) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/cron.d/evil.pdf", "evil.pdf"),
        ("C:\\Users\\marie\\letter.pdf", "letter.pdf"),
        ("invoice\u202efdp.pdf", "invoicefdp.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie: x.pdf"),
        ("...hidden.pdf", "hidden.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("Über  uns.pdf", "Über uns.pdf"),
    ],
)
def test_names_are_cleaned(ticket: Ticket, typed: str, kept: str) -> None:
    one = add(ticket, name=typed)

    assert one.name == kept
    assert one.stored_name != kept
    answer = signed_in("ada").post(f"/tickets/{ticket.reference}/files/{one.pk}/")
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert "\n" not in answer["Content-Disposition"]
    assert b"".join(answer.streaming_content) == PDF


def test_a_file_that_is_too_large_is_not_even_kept_while_it_comes(ticket: Ticket, folder: Path, settings: Any) -> None:
    settings.ATTACHMENT_MEGABYTES = 1

    answer = upload(signed_in("ada"), ticket, PDF + bytes(2_000_000))

    assert answer.status_code == 422
    assert "The file is larger than 1 MB." in unescape(answer.content.decode())
    assert files(folder) == []


def test_the_size_is_checked_while_reading_whatever_was_announced(ticket: Ticket, folder: Path, settings: Any) -> None:
    settings.ATTACHMENT_MEGABYTES = 1
    taken = []

    def endless() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield PDF + bytes(500_000)

    with pytest.raises(UnableTo, match="larger than 1 MB"):
        attachments.add(ticket, endless(), name="a.pdf", size=9, actor=actor("ada"), now=timezone.now())
    assert len(taken) == 2
    assert files(folder) == []


def test_a_file_that_was_cut_short_on_its_way_is_not_taken(ticket: Ticket, folder: Path) -> None:
    with pytest.raises(UnableTo, match="did not arrive whole"):
        attachments.add(ticket, [PDF], name="a.pdf", size=len(PDF) + 1, actor=actor("ada"), now=timezone.now())
    assert files(folder) == []


def test_large_uploads_leave_no_temporary_file_and_have_no_name_meanwhile(
    ticket: Ticket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    settings.FILE_UPLOAD_TEMP_DIR = str(temporary)
    content = PDF + os.urandom(4_000_000)
    seen: list[list[str]] = []
    real = attachments.add

    def add_and_look(*args: Any, **kwargs: Any) -> Attachment:
        seen.append(os.listdir(temporary))
        return real(*args, **kwargs)

    monkeypatch.setattr(attachments, "add", add_and_look)
    answer = upload(signed_in("ada"), ticket, content)

    assert answer.status_code == 302
    assert seen == [[]]
    assert os.listdir(temporary) == []
    assert Attachment.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def test_without_the_entry_there_is_no_row_and_no_file(
    ticket: Ticket, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr(log, "record", broken)
    with pytest.raises(RuntimeError):
        add(ticket)

    assert not Attachment.objects.exists()
    assert files(folder) == []


def test_the_file_is_safe_on_the_disk_before_its_row_is_written(
    ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, create = os.fsync, Attachment.objects.create

    def synced(descriptor: int) -> None:
        steps.append("fsync")
        fsync(descriptor)

    def created(**columns: Any) -> Attachment:
        steps.append("row")
        return create(**columns)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Attachment.objects, "create", created)
    add(ticket)

    assert steps[:3] == ["fsync", "fsync", "row"]


def test_what_a_killed_process_left_behind_is_cleared_away_once_it_is_old(ticket: Ticket, folder: Path) -> None:
    kept = add(ticket)
    sealed_file.write("f" * 32, sealed_file.fresh_key(), [b"left behind"])
    now = timezone.now()

    orphaned_files.run(factories.WORKER, now)
    assert len(files(folder)) == 2
    orphaned_files.run(factories.WORKER, now + attachments.ORPHAN_AGE + timedelta(minutes=1))

    assert [path.name for path in files(folder)] == [kept.stored_name]


@pytest.mark.django_db(transaction=True)
def test_a_removed_file_is_gone_and_its_row_tells_why(ticket: Ticket, folder: Path) -> None:
    one = add(ticket)
    ben = signed_in("ben")

    missing = ben.post(f"/tickets/{ticket.reference}/files/{one.pk}/remove/", {"note": " "})
    assert missing.status_code == 422
    assert "Write the reason" in missing.content.decode()
    assert len(files(folder)) == 1

    answer = ben.post(f"/tickets/{ticket.reference}/files/{one.pk}/remove/", {"note": "Not theirs."})

    one.refresh_from_db()
    assert answer.status_code == 302
    assert (one.kept, one.removed_by, one.removed_why, one.key) == (False, person("ben"), "Not theirs.", "")
    assert files(folder) == []
    assert "Not theirs." in ben.get(f"/tickets/{ticket.reference}/").content.decode()
    assert ben.post(f"/tickets/{ticket.reference}/files/{one.pk}/").status_code == 404
    with pytest.raises(UnableTo, match="was removed"):
        attachments.open_file(one, actor=actor("ada"), now=timezone.now())


def test_the_portal_removes_by_the_clock_once_whatever_how_often(ticket: Ticket) -> None:
    one = add(ticket)
    for _ in range(2):
        attachments.remove(one, actor=factories.WORKER, now=timezone.now(), why="The ticket was closed 30 days ago.")

    assert one.removed_by is None
    assert AuditEntry.objects.filter(action=AuditAction.ATTACHMENT_REMOVED).count() == 1


def test_a_removal_that_is_rolled_back_leaves_the_file(ticket: Ticket) -> None:
    one = add(ticket)
    with transaction.atomic():
        attachments.remove(one, actor=actor("ada"), now=timezone.now(), why="A mistake.")
        transaction.set_rollback(True)

    one.refresh_from_db()
    assert b"".join(attachments.open_file(one, actor=actor("ada"), now=timezone.now())) == PDF


@pytest.mark.django_db(transaction=True)
def test_retention_takes_the_files_along_with_the_rows(ticket: Ticket, folder: Path) -> None:
    add(ticket)
    with transaction.atomic():
        attachments.forget(list(ticket.attachments.all()))
        assert len(files(folder)) == 1
        ticket.attachments.all().delete()

    assert files(folder) == []


def test_the_database_keeps_no_key_of_a_removed_file(ticket: Ticket) -> None:
    one = add(ticket)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(pk=one.pk).update(removed_at=timezone.now())


@pytest.mark.parametrize("who", ["otto", "ruth"])
def test_whoever_only_reviews_neither_sees_nor_gets_files(ticket: Ticket, who: str) -> None:
    one = add(ticket, name="passport.pdf")
    client = signed_in(who)

    assert "passport.pdf" not in client.get(f"/tickets/{ticket.reference}/").content.decode()
    assert upload(client, ticket).status_code == 403
    assert client.post(f"/tickets/{ticket.reference}/files/{one.pk}/").status_code == 403
    assert client.post(f"/tickets/{ticket.reference}/files/{one.pk}/remove/", {"note": "x"}).status_code == 403


def test_a_file_belongs_to_its_ticket(ticket: Ticket) -> None:
    one = add(ticket)
    other = factories.submitted()

    assert signed_in("ada").post(f"/tickets/{other.reference}/files/{one.pk}/").status_code == 404
    assert signed_in("ada").get(f"/tickets/{ticket.reference}/files/{one.pk}/").status_code == 302


@pytest.mark.parametrize("damage", ["cut", "swapped", "changed", "longer", "gone"])
def test_a_damaged_file_is_not_handed_out_as_if_it_were_whole(folder: Path, ticket: Ticket, damage: str) -> None:
    one = add(ticket, PDF + os.urandom(3 * sealed_file.PIECE))
    path, piece = folder / one.stored_name, sealed_file.PIECE + sealed_file.TAG
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
        answer = signed_in("ada").post(f"/tickets/{ticket.reference}/files/{one.pk}/")
        assert answer.status_code == 410
        assert "missing or was damaged" in answer.content.decode()
        return
    path.write_bytes(
        {
            "cut": content[: 2 * piece],
            "swapped": content[piece : 2 * piece] + content[:piece] + content[2 * piece :],
            "changed": content[:100] + bytes([content[100] ^ 1]) + content[101:],
            "longer": content + content[-50:],
        }[damage]
    )

    with pytest.raises(sealed_file.UnreadableFile):
        b"".join(sealed_file.read(one.stored_name, one.key))


@pytest.mark.parametrize("size", [1, sealed_file.PIECE - 1, sealed_file.PIECE, sealed_file.PIECE + 1, 200_000])
def test_every_size_comes_back(size: int) -> None:
    content, key = os.urandom(size), sealed_file.fresh_key()
    sealed_file.write("a" * 32, key, [content[:7], content[7:]])

    assert b"".join(sealed_file.read("a" * 32, key)) == content


def test_the_page_asks_as_often_for_many_files_as_for_few(ticket: Ticket, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        add(ticket, name=f"{number}.pdf", by="ben" if number % 2 else "ada")

    dora = signed_in("dora")
    with django_assert_max_num_queries(50):
        dora.get(f"/tickets/{ticket.reference}/")
