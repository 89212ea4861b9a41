"""Signed notes: byte for byte what Go's own library writes, and no letter can change unseen."""

from __future__ import annotations

import base64
import random

import pytest

from requests_app.audit.note import Checkpoint, Malformed, Note, Signer, Verifier, notes_in

# From the documentation of golang.org/x/mod/sumdb/note.
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
LOG = Signer("example.org/audit", bytes(range(32)))
NEXT = Signer("example.org/audit", bytes(range(1, 33)))
POINT = Checkpoint("example.org/audit", 42, bytes(32))


def test_keys_and_signatures_are_those_of_gos_library() -> None:
    signer = Signer.parse(SECRET)

    assert str(signer.verifier) == PUBLIC
    assert signer.secret == SECRET
    assert signer.line(TEXT) == SIGNED
    assert Note.parse(f"{TEXT}\n{SIGNED}").signed_by([Verifier.parse(PUBLIC)]) == [signer.verifier]


def test_a_checkpoint_is_three_lines_and_comes_back() -> None:
    note = POINT.sign([LOG])
    lines = note.split("\n")

    assert lines[:4] == ["example.org/audit", "42", base64.b64encode(bytes(32)).decode(), ""]
    assert lines[4].startswith("— example.org/audit ")
    assert Checkpoint.parse(Note.parse(note).text) == POINT


def test_an_old_and_a_new_key_sign_side_by_side() -> None:
    note = Note.parse(POINT.sign([LOG, NEXT]))

    assert note.signed_by([LOG.verifier]) == [LOG.verifier]
    assert note.signed_by([NEXT.verifier]) == [NEXT.verifier]
    assert note.signed_by([LOG.verifier, NEXT.verifier]) == [LOG.verifier, NEXT.verifier]


def test_a_key_that_did_not_sign_finds_nothing() -> None:
    assert Note.parse(POINT.sign([LOG])).signed_by([NEXT.verifier]) == []


def test_no_letter_changes_unseen() -> None:
    note, dice = POINT.sign([LOG]).encode(), random.Random(7)
    for _ in range(400):
        place = dice.randrange(len(note))
        other = bytes([dice.choice([byte for byte in range(256) if byte != note[place]])])
        changed = note[:place] + other + note[place + 1 :]
        try:
            parsed = Note.parse(changed.decode())
            accepted = parsed.signed_by([LOG.verifier]) and Checkpoint.parse(parsed.text) == POINT
        except ValueError:
            continue
        assert not accepted, changed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org/audit\n42\n",
        "example.org/audit\n042\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "example.org/audit\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "example.org/audit\n42\n" + base64.b64encode(bytes(31)).decode() + "\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name AAAA\n",
        f"te\txt\n\n{SIGNED}",
        f"{TEXT}\n{SIGNED[:-1]}",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        Note.parse(note)


@pytest.mark.parametrize(
    "key", [SECRET[:-1], SECRET.replace("c74f", "c74e"), "x", PUBLIC, SECRET.replace("+AY", "+BY")]
)
def test_a_signing_key_with_a_wrong_letter_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(Malformed) as caught:
        Signer.parse(key)
    assert "AYEKFA" not in str(caught.value)
    assert "seed" not in repr(Signer.parse(SECRET))


@pytest.mark.parametrize(
    "key", [PUBLIC[:-1], PUBLIC.replace("c74f", "c74e"), "x", SECRET, PUBLIC.replace("Peter", "P ")]
)
def test_a_verifier_key_with_a_wrong_letter_is_refused(key: str) -> None:
    with pytest.raises(Malformed):
        Verifier.parse(key)


def test_a_new_key_is_another_each_time_and_survives_its_text() -> None:
    one, other = Signer.new("a"), Signer.new("a")

    assert one.seed != other.seed
    assert Signer.parse(one.secret) == one
    assert Verifier.parse(str(one.verifier)) == one.verifier


def test_notes_are_found_in_a_file_of_many_and_in_a_mail() -> None:
    notes = [Checkpoint("example.org/audit", size, bytes(32)).sign([LOG, NEXT]) for size in (1, 2, 30)]
    mail = "Dear auditor,\n\nkeep these.\n\n" + "\n".join(notes) + "\nYours, the portal\n"

    assert notes_in("\n".join(notes)) == notes
    assert notes_in(mail) == notes
    assert notes_in(mail.replace("\n", "\r\n")) == notes
    assert notes_in("\n".join(notes)[:-1]) == notes
    assert notes_in("half a no\n\n\n" + notes[0]) == [notes[0]]
    assert notes_in("nothing\n\nhere\n") == []
